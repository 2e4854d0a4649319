"""A light load generator: some clients, each sending its next request when the last is answered.

Run as a process of its own, so that it does not share the server's event loop.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from uuid import uuid4

import aiohttp


@dataclass(frozen=True)
class Load:
    """What came of a run. ``rate`` in requests per second, ``p50`` and ``p95`` in milliseconds."""

    clients: int
    requests: int
    errors: int
    rate: float
    p50: float
    p95: float


def quantile(ordered: list[float], share: float) -> float:
    """The value below which ``share`` of an ordered list lies; 0 for an empty one."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def run(url: str, body: dict[str, object], clients: int, seconds: float) -> Load:
    """Send ``body`` to ``url`` with a new Idempotency-Key each time; an answer other than 2xx is an error."""
    data = json.dumps(body).encode()
    latencies: list[float] = []
    errors = 0
    end = time.perf_counter() + seconds

    async def client() -> None:
        nonlocal errors
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            while time.perf_counter() < end:
                headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
                start = time.perf_counter()
                async with session.post(url, data=data, headers=headers) as response:
                    await response.read()
                    good = response.status < 300
                latencies.append((time.perf_counter() - start) * 1000)
                errors += not good

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    took = time.perf_counter() - started
    latencies.sort()
    return Load(
        clients,
        len(latencies),
        errors,
        len(latencies) / took,
        quantile(latencies, 0.5),
        quantile(latencies, 0.95),
    )


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps(asdict(asyncio.run(run(given["url"], given["body"], given["clients"], given["seconds"])))))
