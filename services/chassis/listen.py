"""A wake-up from PostgreSQL (LISTEN) on a connection of its own. It may be lost: the waiting time is the net below."""

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Self

import asyncpg

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
            self._connection = await asyncpg.connect(self._dsn, timeout=5)
            await self._connection.add_listener(self._channel, self._wake)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if engine_away(error) is None:
                raise

    def _wake(self, *_: object) -> None:
        self._woken.set()


async def close_quietly(connection: "asyncpg.Connection[Any]") -> None:
    """Close without waiting for a server that may be gone."""
    try:
        await connection.close(timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
