"""Run a service: the HTTP server, and its background tasks under supervision."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog
import uvicorn
from starlette.types import ASGIApp

from services.chassis import garbage, telemetry
from services.chassis.settings import Settings

Task = Callable[[], Awaitable[None]]

_log = structlog.get_logger("huiyin.serve")


@dataclass
class _Process:
    """What this process runs: one server, and whether a task of it died."""

    server: uvicorn.Server | None = None
    died: str | None = None
    endings: list[Callable[[], None]] = field(default_factory=list)


_process = _Process()


class _Server(uvicorn.Server):
    """Tells streams that have no end of their own to end, before it waits for every answer to be finished."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for end in tuple(_process.endings):
            end()
        await super().shutdown(sockets)


@contextlib.contextmanager
def at_shutdown(end: Callable[[], None]) -> Iterator[None]:
    """Inside, ``end`` is called in the event loop when the server begins to stop."""
    _process.endings.append(end)
    try:
        yield
    finally:
        _process.endings.remove(end)


_TOLD_AGAIN_SECONDS = 1.0


@contextlib.asynccontextmanager
async def background(tasks: Mapping[str, Task]) -> AsyncIterator[None]:
    """Run the tasks beside what is inside. For the application's lifespan.

    A task that ends, or raises, before it is told to, ends the process: the supervisor starts it again.
    """
    running = {name: asyncio.create_task(_watched(name, task), name=name) for name, task in tasks.items()}
    try:
        yield
    finally:
        left = set(running.values())
        while left:  # told again: a library in the middle of its work may make another error of the first word
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_TOLD_AGAIN_SECONDS)


async def _watched(name: str, task: Task) -> None:
    try:
        await task()
        _log.error("background_task_ended", step=name)
    except Exception as error:  # noqa: BLE001 whatever it was, the process ends
        _log.error("background_task_died", step=name, exc_info=error)
    _process.died = name
    if _process.server is not None:
        _process.server.should_exit = True


def run(app: ASGIApp, port: int, settings: Settings) -> None:
    """Serve until a signal comes. Exits the process with 1 when a background task died."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        loop="uvloop",
        http="auto",  # httptools where it is installed
        ws="none",
        lifespan="on",
        access_log=False,  # it would name who asks
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
        backlog=2048,
    )
    _process.server = _Server(config)
    # uvicorn raises the signal again when it has stopped, and that would end us before the rest is written out.
    signal.signal(signal.SIGTERM, lambda *_: None)
    garbage.settle()
    try:
        _process.server.run()
    finally:
        telemetry.flush()
    if _process.died is not None or not _process.server.started:
        sys.exit(1)
