"""`huiyin clients`: systems that sign their requests (12345 desks and platforms). A secret is shown once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Channel
from deploy.commands.terminal import console, fail, in_database
from services.chassis import audit
from services.chassis.crypto import load_keyring
from services.chassis.settings import get_settings
from services.complaints.clients import Clients
from services.complaints.domain import Refusal

app = typer.Typer()
Result = TypeVar("Result")
_NAME_MAX = 80


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name for people, e.g. hangzhou-12345.")],
    channel: Annotated[Channel, typer.Option(help="Where its complaints come in.")] = Channel.HOTLINE,
) -> None:
    """Make a client and show its key and secret: write the secret down, it is not shown again."""
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise typer.BadParameter(f"a name has 1 to {_NAME_MAX} printable characters")
    try:
        client_id, secret = _run(partial(_add, name.strip(), channel))
    except Refusal as refusal:
        fail(refusal.en)
    print(f"key {client_id}")
    print(f"secret {secret}")


@app.command("list")
def show() -> None:
    """The clients; secrets are never shown."""
    table = Table(box=None, pad_edge=False)
    for column in ("name", "key", "channel", "since", "revoked"):
        table.add_column(column)
    for client in _run(lambda clients, session: clients.listed(session)):
        revoked = f"{client.revoked_at:%Y-%m-%d %H:%M}" if client.revoked_at else ""
        table.add_row(client.name, client.client_id, client.channel, f"{client.created_at:%Y-%m-%d %H:%M}", revoked)
    console.print(table)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The client's name.")]) -> None:
    """Stop a client: its requests are refused within seconds."""
    if not _run(partial(_revoke, name)):
        fail("There is no client of this name in use: see huiyin clients list.")
    console.print("Revoked.")


async def _add(name: str, channel: Channel, clients: Clients, session: AsyncSession) -> tuple[str, str]:
    client_id, secret = await clients.add(session, name, channel)
    await _on_record(session, "CLIENT_ADDED", client_id, channel=channel.value)
    return client_id, secret


async def _revoke(name: str, clients: Clients, session: AsyncSession) -> bool:
    known = [
        client.client_id for client in await clients.listed(session) if client.name == name and not client.revoked_at
    ]
    revoked = await clients.revoke(session, name)
    for client_id in known if revoked else ():
        await _on_record(session, "CLIENT_REVOKED", client_id)
    return revoked


async def _on_record(session: AsyncSession, action: str, client_id: str, **details: str) -> None:
    entry = audit.Entry(
        chain=audit.of_area("clients"), actor=audit.operator(), action=action, subject=client_id, details=details
    )
    await audit.record(session, entry)


def _run(work: Callable[[Clients, AsyncSession], Awaitable[Result]]) -> Result:
    """Run one piece of work in a transaction of its own, beside the running service."""

    async def once(session: AsyncSession) -> Result:
        return await work(Clients(load_keyring(get_settings().keys_dir, "complaints")), session)

    return in_database("complaints", once)
