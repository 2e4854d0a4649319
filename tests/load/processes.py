"""Helper processes of a benchmark: started, waited for, and stopped by their own handle."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deploy.config import PROJECT
from tests.load.client import Load


@contextmanager
def running(module: str, *args: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process with this environment on top of ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *args],
        env=dict(os.environ) | dict(env),
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,  # our services' logs go to files: a terminal would be slower
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


async def load(url: str, body: dict[str, object], clients: int, seconds: float) -> Load:
    """Run the load generator in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.load.client",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    given = json.dumps({"url": url, "body": body, "clients": clients, "seconds": seconds}).encode()
    out, _ = await process.communicate(given)
    if process.returncode != 0:
        raise RuntimeError(f"the load generator failed with status {process.returncode}")
    return Load(**json.loads(out))
