"""Keeps the gauge of cases by stage up to date."""

import asyncio

import structlog

from services.chassis import metrics
from services.chassis.db import SYSTEM, Database
from services.chassis.outages import engine_away
from services.referrals.repository import cases

_SECONDS = 15.0
_log = structlog.get_logger("huiyin.gauges")


async def count_cases(db: Database) -> None:
    """For ever; waits while the database is away."""
    while True:
        try:
            async with db.read(SYSTEM) as session:
                found = await cases.all_counts(session)
            metrics.cases_by_stage.clear()
            for row in found:
                metrics.cases_by_stage.labels(row["stage"], row["track"]).set(row["cases"])
        except Exception as error:
            if engine_away(error) is None:
                raise
            _log.warning("cases_not_counted", engine=engine_away(error))
        await asyncio.sleep(_SECONDS)
