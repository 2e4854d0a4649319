"""The short benchmark: `python -m tests.load`. Prints each figure beside its floor, measured in the same run."""

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from deploy.config import PROJECT
from deploy.demo.prepare import prepare
from deploy.stack import Stack
from services.chassis import temporal
from services.chassis.crypto import load_keyring
from services.chassis.db import Database
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.repository import units
from services.referrals.service.steps import Steps
from services.referrals.service.texts import Texts
from tests.load import burst, flood, intake, lifecycle
from tests.load.processes import running

BARS = {"bridge stopped": 300.0, "all running": 150.0}
LIFECYCLE_BAR = 0.35
BURST_BAR = 0.6
MINUTE = 200
"""So many deadlines at one instant are on record within MINUTE_BAR seconds, 99 of 100."""
MINUTE_BAR = 5.0
console = Console(highlight=False)


async def measure_intake(stack: Stack, seconds: float) -> list[intake.Row]:
    """Intake with everything running, then with the bridge stopped beside its floor."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        await prepare(stack.settings, http)  # without its desks no case can start
    busy = await intake.all_running(stack, seconds)
    for name in ("referrals", "notifications", "worker", "temporal", "kafka"):
        await asyncio.to_thread(stack.hold, name)
    return busy + await intake.stopped(stack, seconds, await intake.floors(stack, seconds))


async def measure_lifecycle(stack: Stack, count: int, concurrent: int) -> tuple[lifecycle.Lives, lifecycle.Lives]:
    """Lifecycles through the APIs, and bare ones."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as http:
        people = await prepare(stack.settings, http)
        await lifecycle.ours(*people, count=concurrent, concurrent=concurrent)  # warm
        ours = await lifecycle.ours(*people, count=count, concurrent=concurrent)
    for name in ("referrals", "notifications", "worker", "complaints"):
        await asyncio.to_thread(stack.hold, name)
    address = stack.settings.temporal_address
    with running("tests.load.bare", address, env={}):
        client = await Client.connect(address)
        await lifecycle.floor(client, count=concurrent, concurrent=concurrent)
        floor = await lifecycle.floor(client, count=count, concurrent=concurrent)
    return ours, floor


async def measure_burst(stack: Stack, count: int, lead: float) -> tuple[burst.Burst, burst.Burst, burst.Burst]:
    """MINUTE deadlines at once, then ``count``, then as many bare timers; ``lead`` seconds to sow each."""
    db = Database(stack.settings.dsn("referrals"), pool_size=burst.HANDS)
    texts = Texts(db, load_keyring(stack.settings.keys_dir, "referrals"))
    steps = Steps(db, StateCouncilCalendar(), texts)
    client = await temporal.connect(stack.settings)
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        await prepare(stack.settings, http)
    async with db.read() as session:
        found = await units.get(session, "desk-990100")
    assert found is not None
    desk = found.ref()
    minute = await burst.ours(steps, client, desk, MINUTE, timedelta(seconds=lead_seconds(MINUTE, lead)))
    ours = minute
    if count != MINUTE:
        ours = await burst.ours(steps, client, desk, count, timedelta(seconds=lead_seconds(count, lead)))
    await db.close()
    for name in ("referrals", "notifications", "worker", "complaints"):
        await asyncio.to_thread(stack.hold, name)
    bare_client = await Client.connect(stack.settings.temporal_address)
    sowing, cached = timedelta(seconds=lead_seconds(count, lead)), stack.settings.worker_cached_workflows
    return minute, ours, await burst.floor(bare_client, count, sowing, cached)


def lead_seconds(count: int, lead: float) -> float:
    """How long before its deadlines the sowing of ``count`` cases begins, at ``lead`` seconds a case."""
    return 10 + count * lead


def show_burst(minute: burst.Burst, ours: burst.Burst, floor: burst.Burst) -> str:
    """The burst figures as two lines."""
    ratio = ours.rate / floor.rate
    soon = "met" if minute.p99 <= MINUTE_BAR and not minute.twice else "MISSED"
    fast = "met" if ratio >= BURST_BAR and not ours.twice else "MISSED"
    return (
        f"deadlines: {minute.count} at once, p99 {minute.p99:.1f} s (bar ≤ {MINUTE_BAR:.0f} s: {soon})\n"
        f"deadlines: {ours.count} at once drain at {ours.rate:.1f}/s, bare timers {floor.rate:.1f}/s, ratio {ratio:.2f}"
        f" (bar ≥ {BURST_BAR}: {fast}), {minute.twice + ours.twice} twice"
    )


def show_flood(found: flood.Flood) -> str:
    """The flood figures as a line."""
    met = "met" if found.ratio < flood.BAR and not found.failed else "MISSED"
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(found.answers.items()))
    return (
        f"flood: a person's p95 {found.idle_p95:.1f} ms idle, {found.flooded_p95:.1f} ms flooded, "
        f"ratio {found.ratio:.2f} (bar < {flood.BAR:.0f}: {met}); {found.failed} refused\n"
        f"flood: answered in {found.seconds:.0f} s: {answers}"
    )


def show_intake(rows: list[intake.Row]) -> Table:
    """The intake figures as a table."""
    table = Table(title="intake: POST /v1/complaints", box=None)
    for name in ("", "clients", "requests/s", "p50 ms", "p95 ms", "errors", "floor/s", "ratio", "bar"):
        table.add_column(name, justify="right" if name else "left")
    for row in rows:
        bar = BARS[row.bridge] if row.intake.clients == 4 else None
        table.add_row(
            row.bridge,
            str(row.intake.clients),
            f"{row.intake.rate:.0f}",
            f"{row.intake.p50:.1f}",
            f"{row.intake.p95:.1f}",
            str(row.intake.errors),
            f"{row.floor.rate:.0f}" if row.floor else "",
            f"{row.ratio:.2f}" if row.ratio else "",
            f"≥ {bar:.0f}: {'met' if row.intake.rate >= bar and not row.intake.errors else 'MISSED'}" if bar else "",
        )
    return table


def show_lifecycle(ours: lifecycle.Lives, floor: lifecycle.Lives) -> str:
    """The lifecycle figures as a line."""
    ratio = ours.rate / floor.rate
    met = "met" if ratio >= LIFECYCLE_BAR else "MISSED"
    return f"lifecycle: {ours.rate:.2f}/s, floor {floor.rate:.2f}/s, ratio {ratio:.2f} (bar ≥ {LIFECYCLE_BAR}: {met})"


def main() -> None:
    """Start a system of its own, measure, print, and write the figures to a file when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each intake run")
    parser.add_argument("--lives", type=int, default=100, help="lifecycles to measure")
    parser.add_argument("--concurrent", type=int, default=20, help="lifecycles at a time")
    parser.add_argument("--burst", type=int, default=MINUTE, help="deadlines at one instant, to drain; 0: none")
    parser.add_argument("--lead", type=float, default=0.04, help="seconds to sow each of them")
    parser.add_argument("--only", choices=("intake", "lifecycle", "burst", "flood"), help="measure this alone")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    figures: dict[str, object] = {"at": datetime.now(UTC).isoformat()}
    chosen = {given.only} if given.only else {"intake", "lifecycle", "flood", *(["burst"] if given.burst else [])}
    if "intake" in chosen:
        with own_stack() as stack:
            lines = asyncio.run(measure_intake(stack, given.seconds))
            console.print(show_intake(lines))
        figures["intake"] = [
            {
                "bridge": row.bridge,
                "clients": row.intake.clients,
                "rate": row.intake.rate,
                "p95_ms": row.intake.p95,
                "errors": row.intake.errors,
                "floor": row.floor.rate if row.floor else None,
            }
            for row in lines
        ]
    if "lifecycle" in chosen:
        with own_stack() as stack:
            lives, bare_lives = asyncio.run(measure_lifecycle(stack, given.lives, given.concurrent))
            console.print(show_lifecycle(lives, bare_lives))
        figures["lifecycle"] = {"rate": lives.rate, "floor": bare_lives.rate}
    if "burst" in chosen:
        with own_stack() as stack:
            minute, drained, timers = asyncio.run(measure_burst(stack, given.burst, given.lead))
            console.print(show_burst(minute, drained, timers))
        figures["burst"] = {
            "p99": minute.p99,
            "count": drained.count,
            "rate": drained.rate,
            "floor": timers.rate,
            "twice": minute.twice + drained.twice,
        }
    if "flood" in chosen:
        with own_stack() as stack:
            flooded = asyncio.run(flood.measure(stack, given.seconds))
            console.print(show_flood(flooded))
        figures["flood"] = {
            "idle_p95_ms": flooded.idle_p95,
            "flooded_p95_ms": flooded.flooded_p95,
            "answers": flooded.answers,
            "failed": flooded.failed,
        }
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


@contextmanager
def own_stack() -> Iterator[Stack]:
    """A fresh system, and nothing left of it; nor of a run before that was broken off."""
    stack = Stack(PROJECT / ".huiyin" / "bench")
    stack.stop()
    stack.discard()
    with stack:
        yield stack
    stack.discard()


if __name__ == "__main__":
    main()
