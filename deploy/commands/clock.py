"""`huiyin clock`: the business clock that deadlines run by. At rate 1 it is the wall clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contracts.clock import BusinessClock
from contracts.messages import SIGNAL_CLOCK_CHANGED, workflow_id
from contracts.model import instant
from deploy.commands.terminal import console, fail, run
from services.chassis import audit, temporal
from services.chassis.clock import read_clock, write_clock
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings, load_settings
from services.referrals.repository import cases

app = typer.Typer()
SERVICES = ("complaints", "referrals", "notifications")
SIGNALS_AT_A_TIME = 16
SEEN_SECONDS = 1.2
"""Processes look at their row once a second: no case may ask before they have seen the new one."""
YEARS = range(2000, 2100)
"""Beyond them calendars end and dates overflow: cases would stop, and with them everything that reads the clock."""
T = TypeVar("T")


@app.command()
def show() -> None:
    """What the clock shows, how fast it runs, and whether the services agree."""
    clocks = _run(_read(load_settings()))
    clock, now = clocks["referrals"], datetime.now(UTC)
    console.print(f"business time {clock.to_business(now).isoformat(timespec='seconds')}  rate {clock.rate:g}")
    # Each service's first clock has its own anchors: what counts is the time shown.
    apart = max(abs((other.to_business(now) - clock.to_business(now)).total_seconds()) for other in clocks.values())
    if apart > 1.0 or {other.rate for other in clocks.values()} != {clock.rate}:
        fail("the services' clocks differ: set the clock anew with `huiyin clock set`")


@app.command("set")
def set_clock(
    rate: Annotated[float, typer.Option(help="Business seconds for one second of wall time.", min=1e-3, max=1e6)],
    at: Annotated[
        str | None, typer.Option(help="ISO 8601 instant to show now; default: go on from what it shows.")
    ] = None,
) -> None:
    """Set the clock of every service, and tell the open cases, so that their timers follow."""
    settings = load_settings()
    try:
        wanted = instant(at) if at else None
    except ValueError as error:
        fail(str(error))
    if wanted is not None and wanted.year not in YEARS:
        fail(f"--at must lie in the years {YEARS.start} to {YEARS.stop - 1}")
    clock, told = _run(change(settings, rate, wanted))
    shown = clock.to_business(datetime.now(UTC)).isoformat(timespec="seconds")
    console.print(f"business time {shown}  rate {clock.rate:g}  {told} open cases were told")


async def change(settings: Settings, rate: float, at: datetime | None = None) -> tuple[BusinessClock, int]:
    """Set every service's clock to run at ``rate`` from ``at`` (default: from what it shows), then signal open cases.

    Returns the new clock and the number of cases told. Raises what the engines raise when they are away.
    """
    client = await temporal.connect(settings)  # first: a clock that no case hears of is not set
    # A clock that shows no date any more is not read when another one is given.
    start = at or (await _read(settings))["referrals"].to_business(datetime.now(UTC))
    clock = BusinessClock(anchor_wall=datetime.now(UTC), anchor_business=start, rate=rate)
    for service in SERVICES:
        db = Database(settings.dsn(service), pool_size=1)
        try:
            async with db.session(SYSTEM) as session:
                await write_clock(session, clock)
                entry = audit.Entry(
                    chain=audit.of_area("clock"),
                    actor=audit.operator(),
                    action="CLOCK_SET",
                    details={"rate": f"{rate:g}", "shows": start.isoformat()},
                )
                await audit.record(session, entry)
        finally:
            await db.close()
    await asyncio.sleep(SEEN_SECONDS)
    return clock, await _tell(settings, client)


async def _read(settings: Settings) -> dict[str, BusinessClock]:
    found: dict[str, BusinessClock] = {}
    for service in SERVICES:
        db = Database(settings.dsn(service), pool_size=1)
        try:
            async with db.read(SYSTEM) as session:
                found[service] = await read_clock(session)
                found[service].to_business(datetime.now(UTC))  # raises when it shows no date
        finally:
            await db.close()
    return found


async def _tell(settings: Settings, client: Client) -> int:
    db = Database(settings.dsn("referrals"), pool_size=1)
    try:
        async with db.read(SYSTEM) as session:
            waiting = await cases.open_ids(session)
    finally:
        await db.close()
    hands = asyncio.Semaphore(SIGNALS_AT_A_TIME)

    async def tell(workflow: str) -> bool:
        async with hands:
            try:
                await client.get_workflow_handle(workflow).signal(SIGNAL_CLOCK_CHANGED)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return False  # archived meanwhile
        return True

    return sum(await asyncio.gather(*(tell(workflow_id(case_id)) for case_id in waiting)))


def _run(work: Awaitable[T]) -> T:
    try:
        return run(work)
    except (OverflowError, ValidationError):
        fail("the clock shows no date any more: set it with `huiyin clock set --rate 1 --at …`")
