"""`huiyin audit`: verify the record of who read, changed and took out what, show it, declare a restore."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from deploy.commands.terminal import console, database, errors, fail, run
from services.chassis import audit
from services.chassis.audit.anchor_keys import Keys
from services.chassis.audit.anchored import Anchored
from services.chassis.audit.anchors import anchor_file
from services.chassis.audit.sealing import NotOurs, Sealer
from services.chassis.audit.verifying import HISTORY, Finding, Severity, Source, Summary, Verifier
from services.chassis.db import SYSTEM, asyncpg_dsn, connect, rows
from services.chassis.settings import Settings, load_settings
from services.complaints.vault.binding import Bindings
from services.complaints.vault.words import Words
from services.referrals.repository.chains import HistorySource

app = typer.Typer()
T = TypeVar("T")

EXIT = {Severity.TAMPERED: 1, Severity.LOST: 3, Severity.NOT_SEALED: 4, Severity.NOTE: 0}
_ROWS = """
SELECT chain, sequence, at, actor, action, subject, purpose, details, ip, user_agent
FROM {schema}.audit_log WHERE chain = ANY ($1::text[]) ORDER BY chain, sequence
"""


class Service(StrEnum):
    """The services that keep an audit."""

    complaints = "complaints"
    vault = "vault"
    referrals = "referrals"
    notifications = "notifications"


OTHERS: dict[Service, tuple[Source, ...]] = {Service.referrals: (HistorySource(),)}
"""What is chained elsewhere than in a service's audit table."""

CaseOption = Annotated[str | None, typer.Option("--case", help="A case's id or number.")]


@app.command()
def verify(
    service: Annotated[list[Service] | None, typer.Option("--service", "-s", help="Only these; all without.")] = None,
    case: CaseOption = None,
    anchors: Annotated[
        Path | None, typer.Option(help="Folder of another copy of the anchors.", exists=True, file_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each finding and each service.")] = False,
) -> None:
    """Every row of every chain against its hash, its neighbours and the anchors outside the database.

    Exit code 0: all is as it was written; 1: something was edited, deleted, added or put elsewhere; 3: what was
    anchored is missing, as after a restore from an older backup; 4: rows wait for the sealer for too long.
    """
    settings = load_settings()

    async def all_of_them() -> list[Severity]:
        ids = await _case_ids(case) if case is not None else None
        worst: list[Severity] = []
        for each in service or list(Service):
            worst += await _verify(settings, each, ids, anchors or settings.audit_dir, as_json)
        return worst

    found = run(_readable(all_of_them()))
    raise typer.Exit(EXIT[min(found, key=list(Severity).index)] if found else 0)


@app.command()
def show(
    case: CaseOption = None,
    chain: Annotated[str | None, typer.Option(help="Another chain, as admin/units or account/a-1.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each row.")] = False,
) -> None:
    """What is on record about a case, an account or an area, in all services by time. That it was shown is, too."""
    if (case is None) == (chain is None):
        fail("Give either --case or --chain.")

    async def gathered() -> list[dict[str, Any]]:
        chains = [chain] if chain is not None else [audit.of_case(each) for each in await _case_ids(case or "")]
        async with database("referrals") as db, db.session(SYSTEM) as session:
            for each in sorted(set(chains)):
                await audit.record(
                    session,
                    audit.Entry(
                        chain=audit.of_area("audit"), actor=audit.operator(), action="AUDIT_SHOWN", subject=each
                    ),
                )
        found = [{"service": each.value, **row} for each in Service for row in await _rows(each, chains)]
        return sorted(found, key=lambda row: (row["at"], row["sequence"]))

    try:
        told = run(gathered())
    except ValueError:
        fail(f"There is no chain {chain!r}: a chain is named as admin/units, account/a-1 or case/ID.")
    for row in told:
        if as_json:
            print(json.dumps(row, default=str))
        else:
            where = f"  from {row['ip']}" if row["ip"] else ""
            what = "  ".join(str(row[name]) for name in ("action", "subject", "purpose") if row[name])
            details = row["details"] if row["details"] != "{}" else ""
            at = row["at"].astimezone(UTC)
            console.print(
                f"{at:%Y-%m-%d %H:%M:%S}  {row['service']}  {row['chain']}#{row['sequence']}  {row['actor']}  {what}"
                f"  {details}{where}",
                markup=False,
                soft_wrap=True,
            )
    if not told:
        console.print("Nothing is on record.")


@app.command()
def restored(
    service: Annotated[Service, typer.Option("--service", "-s", help="Whose database was restored.")],
    reason: Annotated[str, typer.Option(help="Why, and from which backup; stands in the anchors for good.")],
) -> None:
    """Declare, after a restore from a backup, that what was anchored since is lost; sealing goes on from there."""
    settings = load_settings()
    if not reason.isascii() or not reason.strip() or len(reason) > 200:
        fail("--reason takes up to 200 plain characters, and no personal data")

    async def declare() -> int:
        connection = await connect(settings.dsn(service.value))
        try:
            seal = await Sealer(settings.dsn(service.value), settings, service.value).declare_restored(
                connection, reason.strip()
            )
        finally:
            await connection.close()
        return seal.through or 0

    try:
        through = run(_readable(declare()))
    except NotOurs as error:
        fail(f"{str(error)[0].upper()}{str(error)[1:]}.")
    console.print(f"Declared: the record of {service.value} reaches through batch {through}. Sealing goes on.")


async def _verify(
    settings: Settings, service: Service, case_ids: list[UUID] | None, anchors: Path, as_json: bool
) -> list[Severity]:
    with _progress(service.value, shown=not as_json) as tell:
        verifier = Verifier(
            service.value,
            Keys(settings.keys_dir, service.value),
            anchor_file(anchors, service.value),
            window=timedelta(seconds=settings.audit_seal_seconds),
            others=OTHERS.get(service, ()),
            checks=(words_of(settings, anchors), Bindings()) if service is Service.vault else (),
            progress=lambda done: tell(done, None),
        )
        chains = None
        if case_ids is not None:
            chains = [name for each in case_ids for name in (audit.of_case(each), f"{HISTORY}{each}")]
        connection = await connect(asyncpg_dsn(settings.dsn(service.value)), server_settings={"TimeZone": "UTC"})
        worst = []
        try:
            await connection.execute("SET huiyin.role = 'system'")
            if chains is None:
                tell(0, await verifier.count(connection))
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                async for finding in verifier.findings(connection, chains):
                    worst.append(finding.severity)
                    _say(finding, as_json)
        finally:
            await connection.close()
    _conclude(verifier.summary, worst, as_json)
    return worst


def words_of(settings: Settings, anchors: Path) -> Words:
    """With what the anchors of referrals say of its keys, where they are here: the vault's anchors tell of its own."""
    keys = Keys(settings.keys_dir, Service.referrals)
    with Anchored(keys) as told:
        if keys.first != keys.now:
            told.read(anchor_file(anchors, Service.referrals))
        window = timedelta(seconds=settings.audit_seal_seconds)
        return Words(settings.keys_dir, replaced=told.replaced(), window=window)


def _say(finding: Finding, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(finding)))
        return
    number = f"#{finding.sequence}" if finding.sequence is not None else ""
    where = f" {finding.chain}{number}" if finding.chain else ""
    told = console if finding.severity is Severity.NOTE else errors
    told.print(f"{finding.severity}  {finding.service}{where}: {finding.text}", markup=False, soft_wrap=True)


def _conclude(summary: Summary, worst: list[Severity], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"summary": asdict(summary)}, default=str))
        return
    bad = [severity for severity in worst if severity is not Severity.NOTE]
    verdict = "all as it was written" if not bad else f"{len(bad)} findings"
    console.print(
        f"{summary.service}: {summary.rows} rows in {summary.chains} chains, anchored through batch {summary.anchored}:"
        f" {verdict}",
        markup=False,
        soft_wrap=True,
    )


@contextmanager
def _progress(title: str, *, shown: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal's standard error, nothing elsewhere."""
    columns = (SpinnerColumn(), TextColumn(title), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not shown or not errors.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int | None) -> None:
            if total is not None:
                bar.update(task, total=total)
            bar.update(task, completed=done)

        yield tell


async def _case_ids(case: str) -> list[UUID]:
    try:
        return [UUID(case)]
    except ValueError:
        async with database("referrals") as db, db.read(SYSTEM) as session:
            found = await rows(session, "SELECT case_id FROM cases WHERE case_number = $1 ORDER BY case_id", case)
    if not found:
        fail(f"There is no case {case}.")
    return [row["case_id"] for row in found]


async def _rows(service: Service, chains: list[str]) -> list[dict[str, Any]]:
    statement = _ROWS.format(schema=audit.SCHEMAS[service.value])
    async with database(service.value) as db, db.read(SYSTEM) as session:
        found = await rows(session, statement, chains)
    return [dict(row) for row in found]


async def _readable(work: Awaitable[T]) -> T:
    """Keys that are not there end the command with one line."""
    try:
        return await work
    except FileNotFoundError as error:
        fail(f"{error.filename} is missing: `huiyin keys ensure` makes the keys of a stack")
