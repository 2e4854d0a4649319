"""Tells the relay of new events after their commit: one NOTIFY for all intakes of the last moment.

A NOTIFY inside the intake's own transaction would take PostgreSQL's one notification lock until its commit is on the
disk, so that intakes commit one after the other. Lost wake-ups cost nothing but time: the relay also looks by itself.
"""

import asyncio

import structlog

from services.chassis.db import Database
from services.chassis.outages import engine_away
from services.chassis.outbox import CHANNEL

_GATHER_SECONDS = 0.1
_NOTIFY = f"SELECT pg_notify('{CHANNEL}', '')"
_log = structlog.get_logger("huiyin.wakeup")


class Wakeup:
    """A flag that intake raises, and the task that turns it into a NOTIFY."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._wanted = asyncio.Event()

    def soon(self) -> None:
        """There is something to send."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wanted.clear()
            try:
                async with self._db.session() as session:
                    connection = await session.connection()
                    await connection.exec_driver_sql(_NOTIFY)
            except Exception as error:
                if engine_away(error) is None:
                    raise
                _log.warning("engine_away", engine="postgres", exc_info=error)
