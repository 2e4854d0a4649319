"""A service's process: it serves, stops on a signal with 0, and ends with 1 when a background task died."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[3]

PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from services.chassis import serve, telemetry
from services.chassis.http import create_app
from services.chassis.settings import Settings
from starlette.responses import StreamingResponse

async def task():
    await asyncio.sleep(float(sys.argv[2]))
    if sys.argv[3] == "raise":
        raise ValueError("13800001111")

@asynccontextmanager
async def lifespan(app):
    async with serve.background({"sample": task}):
        yield

async def endless():
    stopping = asyncio.Event()
    with serve.at_shutdown(stopping.set):
        yield b"begun"
        await stopping.wait()

settings = Settings()
telemetry.setup("sample", settings)
app = create_app("sample", "sample", settings, lifespan=lifespan)
app.add_route("/stream", lambda request: StreamingResponse(endless()))
serve.run(app, int(sys.argv[1]), settings)
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def started(request: pytest.FixtureRequest, port: int) -> Iterator[subprocess.Popen[str]]:
    seconds, how = request.param
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(port), str(seconds), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def _ready(port: int) -> httpx.Response:
    end = time.monotonic() + 30
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/ready")
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.mark.parametrize("started", [(600, "return")], indirect=True)
def test_it_serves_and_stops_on_a_signal(started: subprocess.Popen[str], port: int) -> None:
    response = _ready(port)
    assert response.status_code == 200
    assert "server" not in response.headers
    started.send_signal(signal.SIGTERM)
    started.communicate(timeout=15)
    assert started.returncode in (0, -signal.SIGTERM)


@pytest.mark.parametrize("started", [(600, "return")], indirect=True)
def test_a_stream_without_end_is_ended_and_does_not_hold_it_up(started: subprocess.Popen[str], port: int) -> None:
    _ready(port)
    with httpx.stream("GET", f"http://127.0.0.1:{port}/stream", timeout=30) as answer:
        chunks = answer.iter_bytes()
        assert next(chunks) == b"begun"
        started.send_signal(signal.SIGTERM)
        assert list(chunks) == []  # ended whole: a stream that is cut off raises
    said, _ = started.communicate(timeout=15)
    assert "timeout graceful shutdown exceeded" not in said


@pytest.mark.parametrize("started", [(0.5, "raise"), (0.5, "return")], indirect=True)
def test_a_dead_background_task_ends_the_process(started: subprocess.Popen[str]) -> None:
    said, _ = started.communicate(timeout=30)
    assert started.returncode == 1
    assert "background_task_" in said
    assert '"step": "sample"' in said
    assert "13800001111" not in said
