"""`huiyin demo`: complaints come in on three channels, and every one of them ends in an answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from contracts.clock import BusinessClock
from contracts.lifecycle import Stage
from contracts.terms import STAGE_ZH
from deploy import screens
from deploy.commands.clock import change
from deploy.config import StackConfig
from deploy.demo.client import Officers, Reporters
from deploy.demo.driver import Driver, Played
from deploy.demo.plan import samples
from deploy.demo.prepare import credentials, prepare
from deploy.demo.report import Line, line, table
from deploy.stack import Stack
from services.chassis.settings import Settings

app = typer.Typer()
console = Console(highlight=False)

SECONDS_PER_DAY = 4.0
EARLIER = timedelta(days=50)
"""The demonstration plays in the weeks before now, so that its end can meet the wall clock."""

STAGES = [stage for stage in Stage if stage is not Stage.ARCHIVED]


@app.command()
def demo(
    seconds_per_day: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="How long a day takes while the demonstration runs.")
    ] = SECONDS_PER_DAY,
) -> None:
    """Play the written complaints on a running system (it is started when it is not), then leave it up."""
    stack = Stack.of(StackConfig.from_environ())
    if stack.is_running():
        stack = Stack.of(StackConfig.of_running(stack.state_dir))
    else:
        stack.launch()
    screens.follow_start(console, stack)
    played, lines = asyncio.run(_play(stack.settings, seconds_per_day))
    console.print()
    console.print(table(lines, console.width))
    _say_goodbye(stack, played)


async def _play(settings: Settings, seconds_per_day: float) -> tuple[list[Played], list[Line]]:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as http:
        with console.status("units, accounts and the 12345 platform's key"):
            reporters, officers = await prepare(settings, http)
        fast, _ = await change(settings, 86_400 / seconds_per_day, datetime.now(UTC) - EARLIER)
        try:
            played = await _watch(reporters, officers, fast)
        finally:
            # From now on the wall's time; where that would be a step back, on from where it is, at the wall's rate.
            now = datetime.now(UTC)
            await change(settings, 1.0, max(now, fast.to_business(now)))
        await _settled(http, settings, officers, played)
        return played, [line(case, await _deliveries(http, settings, officers, case)) for case in played]


async def _watch(reporters: Reporters, officers: Officers, clock: BusinessClock) -> list[Played]:
    cases: dict[str, Played] = {}
    all_samples = samples()
    bar = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    answered = bar.add_task("有回音", total=len(all_samples))
    began, first = time.monotonic(), 0.0

    def screen() -> Group:
        counts = Counter(case.stage for case in cases.values())
        row = Table(box=None, show_header=False, pad_edge=False)
        row.add_row(
            f"{clock.to_business(datetime.now(UTC)).astimezone():%Y-%m-%d}",
            *(f"{STAGE_ZH[stage]} {counts[stage]}" for stage in STAGES if counts[stage]),
        )
        return Group(bar, row)

    with Live(screen(), console=console, refresh_per_second=4, get_renderable=screen, transient=True) as live:

        def progress(case: Played) -> None:
            nonlocal first
            cases[case.receipt.case_number] = case
            if case.done:
                first = first or time.monotonic() - began
                bar.advance(answered)
                live.console.print(f"{case.receipt.case_number}  {STAGE_ZH[Stage(case.stage)]}  {case.sample.title}")

        driver = Driver(reporters, officers, progress)
        played = list(await asyncio.gather(*(driver.play(sample) for sample in all_samples)))
    console.print(f"第一件办结用时 {first:.0f} 秒,全部 {len(played)} 件用时 {time.monotonic() - began:.0f} 秒")
    return played


async def _deliveries(
    http: httpx.AsyncClient, settings: Settings, officers: Officers, case: Played
) -> list[dict[str, object]]:
    token = await officers.login(case.observer)
    answer = await http.get(
        f"{settings.notifications_url}/v1/deliveries",
        params={"case_id": case.case_id},
        headers={"Authorization": f"Bearer {token}"},
    )
    answer.raise_for_status()
    rows: list[dict[str, object]] = answer.json()["deliveries"]
    return rows


async def _settled(http: httpx.AsyncClient, settings: Settings, officers: Officers, played: list[Played]) -> None:
    """Wait until no notice of these cases is on its way, for a minute at most: what is not settled then is shown so."""
    end = time.monotonic() + 60
    for case in played:
        while time.monotonic() < end:
            rows = await _deliveries(http, settings, officers, case)
            if rows and all(row["settled_at"] for row in rows):
                break
            await asyncio.sleep(0.3)


def _say_goodbye(stack: Stack, played: list[Played]) -> None:
    known = credentials(stack.state_dir)
    example = next(case for case in played if case.sample.plan == "redo")
    console.print(screens.addresses(stack.config))
    console.print(
        "The system stays up; stop it with [bold]make down[/bold] (data kept), remove it with [bold]make reset[/bold]."
    )
    console.print(
        f"Officers at [bold]{stack.url('referrals')}/workbench[/bold]: e.g. clerk.desk-990100, handler.yb-990100, "
        f"leader.wj-990100, supervisor.desk-990100 · password [bold]{known['password']}[/bold]"
    )
    console.print(
        f"A reporter: case number [bold]{example.receipt.case_number}[/bold] · "
        f"query code [bold]{example.receipt.query_code}[/bold] · "
        f"at [bold]{stack.url('complaints')}/tracking[/bold], or:"
    )
    console.print(
        f"  curl -s {stack.url('complaints')}/v1/tracking -H 'Content-Type: application/json' "
        f'-d \'{{"case_number": "{example.receipt.case_number}", "query_code": "{example.receipt.query_code}"}}\'',
        soft_wrap=True,
        markup=False,
    )
