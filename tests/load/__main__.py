"""The short benchmark: `python -m tests.load`. Prints each figure beside its floor, measured in the same run."""

import argparse
import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from deploy.config import PROJECT
from deploy.demo.prepare import prepare
from deploy.stack import Stack
from tests.load import intake, lifecycle
from tests.load.processes import running

BARS = {"bridge stopped": 300.0, "all running": 150.0}
LIFECYCLE_BAR = 0.35
console = Console(highlight=False)


async def measure_intake(stack: Stack, seconds: float) -> list[intake.Row]:
    """Intake with the bridge stopped beside its floor, then with everything running."""
    for name in ("referrals", "notifications", "worker", "temporal", "kafka"):
        await asyncio.to_thread(stack.hold, name)
    floor = await intake.floors(stack, seconds)
    rows = await intake.measure(stack, "bridge stopped", seconds, floor)
    for name in ("kafka", "temporal", "worker", "notifications", "referrals"):
        await asyncio.to_thread(stack.release, name)
    return rows + await intake.measure(stack, "all running", seconds, None)


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
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    with Stack(PROJECT / ".huiyin" / "bench") as stack:
        rows = asyncio.run(measure_intake(stack, given.seconds))
        console.print(show_intake(rows))
    stack.discard()
    with Stack(PROJECT / ".huiyin" / "bench") as stack:
        ours, floor = asyncio.run(measure_lifecycle(stack, given.lives, given.concurrent))
        console.print(show_lifecycle(ours, floor))
    stack.discard()
    if given.json:
        figures = {
            "at": datetime.now(UTC).isoformat(),
            "intake": [
                {
                    "bridge": row.bridge,
                    "clients": row.intake.clients,
                    "rate": row.intake.rate,
                    "p95_ms": row.intake.p95,
                    "errors": row.intake.errors,
                    "floor": row.floor.rate if row.floor else None,
                }
                for row in rows
            ],
            "lifecycle": {"rate": ours.rate, "floor": floor.rate},
        }
        given.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
