"""`huiyin dlq`: what could not be handled, and having it handled again."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from deploy.commands.terminal import fail, in_database
from services.chassis import audit, deadletters
from services.chassis.deadletters import Parked

app = typer.Typer(help="Dead letters: messages that were parked with a reason.", no_args_is_help=True)
out = Console(soft_wrap=True)

Result = TypeVar("Result")


class Service(StrEnum):
    """The services that keep dead letters."""

    complaints = "complaints"
    referrals = "referrals"
    notifications = "notifications"


ServiceOption = Annotated[Service, typer.Option("--service", "-s", help="Whose database to look into.")]


def _in_database(service: Service, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Do it in one transaction of the service's database; say in one line what went wrong."""
    try:
        return in_database(service.value, work)
    except LookupError as error:
        fail(str(error).strip("'"))


@app.command("list")
def list_(
    service: ServiceOption,
    consumer: Annotated[str | None, typer.Option(help="Only this consumer's.")] = None,
    state: Annotated[str | None, typer.Option(help="Only DEAD, WAITING, REQUEUED or DISCARDED ones.")] = None,
    key: Annotated[str | None, typer.Option(help="Only those of this key.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200,
) -> None:
    """Parked messages, oldest first."""
    chosen = state.upper() if state else None
    if chosen not in (None, "DEAD", "WAITING", "REQUEUED", "DISCARDED"):
        fail("--state is one of DEAD, WAITING, REQUEUED, DISCARDED")
    rows = _in_database(
        service,
        lambda session: deadletters.listed(session, consumer=consumer, state=chosen, key=key, limit=limit),  # type: ignore[arg-type]
    )
    _show_table(rows)
    if len(rows) == limit:
        out.print(f"Only the first {limit} are shown: narrow it down, or raise --limit.")


@app.command()
def show(
    service: ServiceOption,
    letter_id: Annotated[int, typer.Option("--id", help="The dead letter's id.")],
    payload: Annotated[
        bool, typer.Option("--payload", help="Print headers and content too. They may be anything: mind who looks on.")
    ] = False,
) -> None:
    """One message: where it came from and why it is here."""
    row = _in_database(service, lambda session: deadletters.get(session, letter_id))
    if row is None:
        fail(f"no dead letter {letter_id}")
    for name, value in _facts(row):
        out.print(f"{name:<12} {value}", markup=False, highlight=False)
    if payload:
        _show_content(row)


@app.command()
def requeue(
    service: ServiceOption,
    letter_id: Annotated[int | None, typer.Option("--id", help="One message, and what waits behind it.")] = None,
    key: Annotated[str | None, typer.Option(help="All messages of a key, in order.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Have messages handled again, in order, by the running service."""
    if (letter_id is None) == (key is None):
        fail("Give either --id or --key.")

    async def again(session: AsyncSession) -> Sequence[Parked]:
        found = await deadletters.requeue(session, letter_id=letter_id, key=key, dry_run=dry_run)
        for each in () if dry_run else found:
            await _on_record(session, "LETTER_REQUEUED", each)
        return found

    rows = _in_database(service, again)
    _show_table(rows)
    count = f"{len(rows)} message{'s' if len(rows) != 1 else ''}"
    if dry_run:
        out.print(f"Dry run: {count} would be handled, in this order. Nothing was changed.")
    else:
        out.print(f"{count} will be handled, in this order, as soon as {service.value} runs. `huiyin dlq list` shows.")


@app.command()
def discard(
    service: ServiceOption,
    letter_id: Annotated[int, typer.Option("--id", help="The dead letter's id.")],
    reason: Annotated[str, typer.Option(help="Why it is given up; kept on record. No personal data.")],
) -> None:
    """Give a message up: it stays on record, and what waits behind it goes on."""

    async def give_up(session: AsyncSession) -> Parked:
        given_up = await deadletters.discard(session, letter_id, reason)
        await _on_record(session, "LETTER_DISCARDED", given_up)
        return given_up

    row = _in_database(service, give_up)
    out.print(f"Dead letter {row.id} is discarded; later messages of its key go on.")


async def _on_record(session: AsyncSession, action: str, row: Parked) -> None:
    entry = audit.Entry(
        chain=audit.of_area("dlq"),
        actor=audit.operator(),
        action=action,
        subject=str(row.id),
        details={"consumer": row.letter.consumer, "digest": row.letter.digest},
    )
    await audit.record(session, entry)


def _show_table(rows: Sequence[Parked]) -> None:
    if not rows:
        out.print("No dead letters.")
        return
    table = Table("id", "state", "consumer", "topic", "place", "key", "type", "since", "tries", "reason")
    for row in rows:
        letter = row.letter
        table.add_row(
            str(row.id),
            row.state,
            letter.consumer,
            letter.topic,
            _place(row),
            _class(letter.key),
            _class(letter.type),
            row.created_at.strftime("%Y-%m-%d %H:%M:%S"),
            str(row.attempts),
            row.reason,
        )
    out.print(table)


def _facts(row: Parked) -> list[tuple[str, Any]]:
    letter = row.letter
    return [
        ("id", row.id),
        ("state", row.state),
        ("reason", row.reason),
        ("consumer", letter.consumer),
        ("topic", letter.topic),
        ("place", _place(row)),
        ("key", _class(letter.key)),
        ("event id", _class(letter.event_id)),
        ("type", _class(letter.type)),
        ("size", "no content" if letter.payload is None else f"{len(letter.payload)} bytes"),
        ("sha256", letter.digest),
        ("parked", row.created_at.isoformat()),
        ("changed", row.updated_at.isoformat()),
        ("tries", row.attempts),
    ]


def _place(row: Parked) -> str:
    letter = row.letter
    return f"outbox {letter.place}" if letter.partition < 0 else f"{letter.partition}:{letter.place}"


def _class(text: str | None) -> str:
    """An id or class as it is. Of a poison message these may be anything: then they are not shown."""
    if text is None:
        return "-"
    known = text.isascii() and len(text) <= 100 and all(char.isalnum() or char in "-_.:" for char in text)
    return text if known and not text.isdigit() else "(not an identifier: see show --payload)"


def _show_content(row: Parked) -> None:
    letter = row.letter
    out.print("key and headers:")
    out.print(f"  key: {letter.key!r}", markup=False, highlight=False)
    for name, value in letter.headers:
        out.print(f"  {name!r}: {value!r}", markup=False, highlight=False)
    if letter.payload is None:
        return
    try:
        out.print(letter.payload.decode(), markup=False, highlight=False)
    except UnicodeDecodeError:
        out.print("base64: " + base64.b64encode(letter.payload).decode(), markup=False, highlight=False)
