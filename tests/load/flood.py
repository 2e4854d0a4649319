"""A person at the site while one address floods it: how much slower it gets, beside the same person on an idle site."""

import asyncio
import json
import re
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass
from uuid import uuid4

import aiohttp

from deploy.config import PROJECT
from deploy.stack import Stack
from tests.load.client import quantile

BAR = 2.0
CONNECTIONS = 64
FLOOD = "203.0.113.99"
_FORM = {
    "category": "0704",
    "place": "990100",
    "narrative": "父亲住院九天，出院清单上床位费收了十二天。",
    "identity": "anonymous",
}
_KEY = re.compile(r'name="key" value="([^"]+)"')
_THINKS_SECONDS = 0.05


@dataclass(frozen=True)
class Flood:
    """The person's requests, idle and flooded: p95 in milliseconds; what the flood was answered, by status."""

    idle_p95: float
    flooded_p95: float
    failed: int
    answers: dict[str, int]
    seconds: float

    @property
    def ratio(self) -> float:
        return self.flooded_p95 / self.idle_p95


async def measure(stack: Stack, seconds: float, rounds: int = 3) -> Flood:
    """Idle and flooded by turns, so that what else the machine does meets both."""
    url = stack.url("complaints")
    idle: list[float] = []
    flooded: list[float] = []
    answers: Counter[str] = Counter()
    failed = 0
    await _person(url, seconds / 2)  # warm
    for _ in range(rounds):
        times, wrong = await _person(url, seconds)
        idle += times
        failed += wrong
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.load.flood", url, str(seconds + 1), stdout=asyncio.subprocess.PIPE, cwd=PROJECT
        )
        await asyncio.sleep(0.5)
        times, wrong = await _person(url, seconds)
        flooded += times
        failed += wrong
        out, _ = await process.communicate()
        answers.update(json.loads(out))
    return Flood(
        quantile(sorted(idle), 0.95), quantile(sorted(flooded), 0.95), failed, dict(answers), rounds * (seconds + 1)
    )


async def _person(url: str, seconds: float) -> tuple[list[float], int]:
    """Opens the form and sends it, each time as somebody else: milliseconds of each request, and how many failed."""
    times: list[float] = []
    failed = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        headers = {"X-Forwarded-For": f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.1", "Accept": "text/html"}
        async with aiohttp.ClientSession(headers=headers) as session:
            started = time.perf_counter()
            async with session.get(f"{url}/file") as answer:
                page = await answer.text()
                failed += answer.status != 200
            times.append((time.perf_counter() - started) * 1000)
            found = _KEY.search(page)
            form = {**_FORM, "key": found[1] if found else ""}
            started = time.perf_counter()
            async with session.post(f"{url}/file", data=form, allow_redirects=False) as answer:
                await answer.read()
                failed += answer.status != 303
            times.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(_THINKS_SECONDS)
    return times, failed


async def flood(url: str, seconds: float) -> Counter[str]:
    """Pages and submissions over many connections, each as fast as it is answered; how often each status came."""
    answers: Counter[str] = Counter()
    end = time.perf_counter() + seconds
    body = json.dumps({"category": "0704", "region": "990100", "narrative": "x" * 2000})

    async def one(number: int) -> None:
        headers = {"X-Forwarded-For": FLOOD, "Content-Type": "application/json"}
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            while time.perf_counter() < end:
                if number % 2:
                    request = session.get(f"{url}/file", headers={"Accept": "text/html"})
                else:
                    key = {"Idempotency-Key": uuid4().hex}
                    request = session.post(f"{url}/v1/complaints", data=body, headers=key)
                async with request as answer:
                    await answer.read()
                    answers[str(answer.status)] += 1

    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return answers


if __name__ == "__main__":
    print(json.dumps(asyncio.run(flood(sys.argv[1], float(sys.argv[2])))))
