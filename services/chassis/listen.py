"""LISTEN on a connection of its own: a wake-up, or a feed of what was said. Either may lose some while the database is
away: the waiting time is the net below a wake-up, and a feed says when it has been deaf."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import asyncpg

from services.chassis.db import connect
from services.chassis.outages import engine_away


class Listener:
    """Use as a context manager. `wait` returns at a notification, or when the time is over."""

    def __init__(self, dsn: str, channel: str) -> None:
        self._dsn = dsn
        self._channel = channel
        self._woken = asyncio.Event()
        self._connection: asyncpg.Connection[Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await close_quietly(self._connection)

    async def wait(self, seconds: float) -> None:
        """Until something happens on the channel, at most `seconds`. An unreachable database is just silence."""
        await self._ensure()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    async def _ensure(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        try:
            self._connection = await connect(self._dsn)
            await self._connection.add_listener(self._channel, self._wake)
        except Exception as error:
            if engine_away(error) is None:
                raise

    def _wake(self, *_: object) -> None:
        self._woken.set()


RECONNECT_SECONDS = 1.0
ALIVE_SECONDS = 20.0


async def follow(dsn: str, channel: str, heard: Callable[[str | None], None]) -> None:
    """Hand every payload of a channel to ``heard``, for ever; None when some may have been missed (also at first).

    For the background: survives every outage. ``heard`` must not wait.
    """
    while True:
        try:
            await _follow_once(dsn, channel, heard)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if engine_away(error) is None:
                raise
        await asyncio.sleep(RECONNECT_SECONDS)


async def _follow_once(dsn: str, channel: str, heard: Callable[[str | None], None]) -> None:
    """Until the connection breaks. A line that is dead without having said so is found by asking now and then."""
    name = {"application_name": f"listen {channel}"}
    connection: asyncpg.Connection[Any] = await asyncpg.connect(dsn, timeout=5, server_settings=name)
    broken = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: broken.set())
        await connection.add_listener(channel, lambda *said: heard(str(said[3])))
        heard(None)
        while not broken.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(broken.wait(), ALIVE_SECONDS)
            if not broken.is_set():
                await connection.execute("SELECT 1", timeout=5)
    finally:
        await close_quietly(connection)


async def close_quietly(connection: "asyncpg.Connection[Any]") -> None:
    """Close without waiting for a server that may be gone."""
    try:
        await connection.close(timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
