"""`huiyin erase`: what was kept for its whole period goes, or one case before its time; legal holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from deploy.commands.terminal import console, fail, owners_database, run
from deploy.erasure import holds
from deploy.erasure.holds import EraseRefused
from deploy.erasure.running import RETENTION, Eraser, Wanted, eraser
from services.chassis.db import SYSTEM
from services.chassis.reference import use_reference
from services.chassis.settings import load_settings

app = typer.Typer(help="Erase what was kept for its whole period, or one case; set and lift legal holds.")
T = TypeVar("T")
Case = Annotated[str, typer.Argument(help="The case's id or number.", metavar="CASE")]
Reason = Annotated[str, typer.Option(help="Why; kept on record. No personal data.")]


@app.callback(invoke_without_command=True)
def erase(
    context: typer.Context,
    due: Annotated[bool, typer.Option("--due", help="All that was kept for its whole period.")] = False,
    case: Annotated[str | None, typer.Option(help="Everything of this archived case (id or number), now.")] = None,
    reason: Annotated[str, typer.Option(help="With --case: a code for the record, as PIPL_47 or COURT_ORDER.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Erase. Stopped half-way it goes on when it is run again. Backups: see docs/runbooks/erasure.md."""
    if context.invoked_subcommand is not None:
        return
    if due == (case is not None):
        fail("Give either --due, or --case with --reason.")
    if case is not None and not (reason.isascii() and reason.replace("_", "").isalnum() and reason == reason.upper()):
        fail("--case needs a --reason: a code of capital letters, digits and underscores")

    async def work() -> None:
        settings = load_settings()
        use_reference(settings)
        async with eraser(settings) as erasing:
            wanted = await erasing.all_of(case, reason) if case is not None else await erasing.due()
            await _go(erasing, wanted, dry_run)

    _run(work())


@app.command()
def hold(case: Case, reason: Reason) -> None:
    """Keep a case from erasure until the hold is lifted."""
    _in_referrals(lambda session: _found(session, case, reason, holds.hold))
    console.print("The case is held.")


@app.command()
def lift(case: Case, reason: Reason) -> None:
    """Take the hold away: the case goes when its time is over."""
    _in_referrals(lambda session: _found(session, case, reason, holds.lift))
    console.print("The hold is lifted.")


@app.command("holds")
def show() -> None:
    """All holds, newest first."""
    table = Table("case", "since", "by", "reason", "lifted", box=None, pad_edge=False)
    for row in _in_referrals(holds.listed):
        lifted = f"{row['lifted_at']:%Y-%m-%d} {row['lifted_by']}: {row['lift_reason']}" if row["lifted_at"] else ""
        table.add_row(str(row["case_id"]), f"{row['set_at']:%Y-%m-%d}", row["set_by"], row["reason"], lifted)
    console.print(table)


async def _go(erasing: Eraser, wanted: list[Wanted], dry_run: bool) -> None:
    if dry_run:
        for each in wanted:
            console.print(f"{each.case_id}  {each.data_class}", markup=False)
        console.print(f"Dry run: {len(wanted)} would go. Nothing was changed.")
        return
    total: Counter[str] = Counter()
    refused = 0
    for each in wanted:
        try:
            gone = await erasing.erase(each)
        except EraseRefused as refusal:
            if each.reason != RETENTION:
                raise
            console.print(f"{each.case_id}  {each.data_class}  stays: {refusal}", markup=False)
            refused += 1
            continue
        total.update(gone.counts)
        console.print(f"{each.case_id}  {each.data_class}  {gone.digest[:16]}", markup=False)
    console.print(f"{len(wanted) - refused} erased: {sum(total.values())} rows, files and runs in {len(total)} places.")
    if refused:
        fail(f"{refused} stay; see above.")


async def _found(
    session: AsyncSession, case: str, reason: str, act: Callable[[AsyncSession, Any, str], Awaitable[None]]
) -> None:
    if not 0 < len(reason) <= 200:
        raise EraseRefused("a reason has 1 to 200 characters")
    await act(session, await holds.find_case(session, case), reason)


def _in_referrals(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def connected() -> T:
        async with owners_database("referrals") as db, db.session(SYSTEM) as session:
            return await work(session)

    return _run(connected())


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return run(work)
    except EraseRefused as refused:
        fail(str(refused))
