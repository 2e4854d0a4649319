"""After a change of the calendar every open case that it may touch is told to count anew. For the background."""

import asyncio

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contracts.messages import SIGNAL_CALENDAR_CHANGED, workflow_id
from services.chassis.db import SYSTEM, Database
from services.chassis.outages import engine_away
from services.referrals.counting import Calendar
from services.referrals.repository import recounts
from services.referrals.repository.sql import Row

POLL_SECONDS = 2.0
SETTLE_SECONDS = 4.0
"""Processes look for a new calendar once a second: when cases are told, none counts by the old one any more."""
AT_A_TIME = 16
BATCH = 200
_log = structlog.get_logger("huiyin.recounting")


class Recounting:
    """Works on rows: what a crash or an outage leaves behind goes on later. A case that is told twice does nothing."""

    def __init__(self, db: Database, client: Client, base: Calendar) -> None:
        self._db = db
        self._client = client
        self._base = base

    async def run(self) -> None:
        """For ever, through every outage."""
        while True:
            try:
                await self.apply()
                while await self.tell():
                    pass
            except Exception as error:
                if engine_away(error) is None:
                    raise
                _log.warning("recounts_wait", engine=engine_away(error))
            await asyncio.sleep(POLL_SECONDS)

    async def apply(self, settle: float = SETTLE_SECONDS) -> None:
        """Ask the open cases about a calendar that they have not been asked about."""
        async with self._db.read(SYSTEM) as session:
            if not await recounts.unapplied(session, self._base):
                return
        await asyncio.sleep(settle)
        async with self._db.session(SYSTEM) as session:
            asked = await recounts.apply(session, self._base)
        _log.info("calendar_applied", cases=asked)

    async def tell(self) -> bool:
        """Tell a batch of the cases that are asked; whether any was. Raises what Temporal raises when it is away."""
        async with self._db.read(SYSTEM) as session:
            waiting = await recounts.waiting(session, BATCH)
        if not waiting:
            return False
        hands = asyncio.Semaphore(AT_A_TIME)

        async def one(row: Row) -> None:
            async with hands:
                await self._signal(row)

        results = await asyncio.gather(*(one(row) for row in waiting), return_exceptions=True)
        told = [row for row, result in zip(waiting, results, strict=True) if result is None]
        async with self._db.session(SYSTEM) as session:
            await recounts.done(session, told)
        for row, result in zip(waiting, results, strict=True):
            if result is None:
                continue
            if engine_away(result) is not None:
                raise result
            # One that fails in a way of its own stays asked, and must not hold up the others.
            _log.error("recount_failed", case_id=str(row["case_id"]), exc_info=result)
        return bool(told)

    async def _signal(self, row: Row) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id(row["case_id"])).signal(SIGNAL_CALENDAR_CHANGED)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # Archived meanwhile: nothing runs on it any more.
