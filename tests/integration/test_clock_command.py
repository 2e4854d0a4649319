"""`huiyin clock`: what would stop every case is refused, and a clock that shows no date can be set right again."""

import asyncio
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from contracts.clock import BusinessClock
from deploy.commands.clock import SERVICES, app
from deploy.stack import Stack
from services.chassis.clock import read_clock, write_clock
from services.chassis.db import Database


def clock(stack: Stack, *arguments: str) -> Result:
    """The command as an operator calls it; the width keeps its words on one line."""
    return CliRunner(env=stack.env | {"COLUMNS": "200"}).invoke(app, arguments)


async def put(stack: Stack, clock: BusinessClock | None = None) -> BusinessClock:
    """The referrals' clock; with ``clock`` that of every service is overwritten, past all checks."""
    for service in SERVICES:
        db = Database(stack.settings.dsn(service), pool_size=1)
        async with db.session() as session:
            if clock is not None:
                await write_clock(session, clock)
            shown = await read_clock(session)
        await db.close()
    return shown


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "1999-12-31T00:00:00+00:00", "9999-12-30T00:00:00+00:00"])
def test_a_date_that_would_stop_every_case_is_refused(stack_engines: Stack, at: str) -> None:
    before = asyncio.run(put(stack_engines))
    done = clock(stack_engines, "set", "--rate", "1", "--at", at)
    assert (done.exit_code, "2000 to 2099" in done.output) == (1, True)
    assert asyncio.run(put(stack_engines)) == before


def test_a_clock_that_ran_out_of_dates_is_named_and_set_right(stack_engines: Stack) -> None:
    before = asyncio.run(put(stack_engines))
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    asyncio.run(put(stack_engines, BusinessClock(anchor_wall=before.anchor_wall, anchor_business=last, rate=1e6)))
    try:
        for arguments in (["show"], ["set", "--rate", "1"]):
            done = clock(stack_engines, *arguments)
            assert (done.exit_code, "shows no date" in done.output) == (1, True)
        now = datetime.now(UTC).isoformat()
        assert clock(stack_engines, "set", "--rate", "1", "--at", now).exit_code == 0
    finally:
        asyncio.run(put(stack_engines, before))
