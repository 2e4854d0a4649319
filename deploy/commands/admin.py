"""`huiyin admin`: the first administrator, and loading units and accounts from a file."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import yaml

from contracts.lifecycle import Role
from deploy.commands.terminal import console, database, fail, run
from services.chassis.settings import load_settings
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.passwords import SHORTEST
from services.referrals.service.registry import NewAccount, Registry, read_tree

app = typer.Typer()
T = TypeVar("T")


class Duty(StrEnum):
    """What an administrator looks after."""

    SYSTEM = "system"
    SECURITY = "security"
    AUDIT = "audit"


ROLE_OF = {Duty.SYSTEM: Role.SYSTEM_ADMIN, Duty.SECURITY: Role.SECURITY_ADMIN, Duty.AUDIT: Role.AUDIT_ADMIN}


@app.command()
def create(
    username: Annotated[str, typer.Option(help="The administrator's user name.")],
    name: Annotated[str, typer.Option(help="The name to show.")] = "管理员",
    duty: Annotated[Duty, typer.Option(help="What is administered: three people, one each.")] = Duty.SYSTEM,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
) -> None:
    """Set up an administrator: of the system (units, accounts), of security (roles), or of the audit."""
    chosen = _chosen(password_stdin)

    async def work(registry: Registry) -> None:
        await registry.add_account(NewAccount(username, name, None, (ROLE_OF[duty],)), chosen)

    _run(work)
    console.print(
        f"Administrator {username} ({duty}) is set up. The password opens the setting of an own one, for now:"
    )
    console.print("log in at /workbench of referrals, or POST /v1/sessions.")


@app.command()
def password(
    username: Annotated[str, typer.Argument(help="Whose password was forgotten; an administrator's too.")],
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
) -> None:
    """Set a password that opens nothing but the setting of an own one, for a limited time. Sessions end."""
    chosen = _chosen(password_stdin)
    _run(lambda registry: registry.reset_password(username, chosen))
    console.print(f"{username} logs in with it once, and sets an own one. It is on the audit.")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="YAML with units and accounts.", exists=True, dir_okay=False)],
) -> None:
    """Load units and accounts. What exists is brought up to date; passwords of existing accounts stay.

    A new account's password opens the setting of an own one, for a limited time.
    """
    try:
        tree, people = read_tree(yaml.safe_load(file.read_text("utf-8")) or {})
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        fail(f"{file} does not fit: {type(error).__name__} {error}")
    loaded = _run(lambda registry: registry.load(tree, people))
    console.print(f"{loaded.units} units and {loaded.accounts} accounts are loaded.")
    for username, password in loaded.passwords.items():
        console.print(f"  {username}  {password}", markup=False)
    if loaded.passwords:
        console.print("These passwords were made up and are shown this once.")


@app.command()
def succeed(
    unit: Annotated[str, typer.Argument(help="The unit that is merged, renamed or abolished.")],
    successor: Annotated[str, typer.Argument(help="The unit that takes over.")],
) -> None:
    """Name the successor of a unit. Its officers keep their roles there, each on the audit; its open cases follow."""

    async def work(registry: Registry) -> int:
        await registry.succeed(unit, successor)
        return await registry.follow(unit)

    moved = _run(work)
    console.print(f"{successor} succeeds {unit} with {moved} officers; open cases are told in the background.")


@app.command()
def leave(
    username: Annotated[str, typer.Argument(help="The officer who leaves.")],
    to: Annotated[str | None, typer.Option(help="The colleague who takes the tasks; else the unit's queue.")] = None,
) -> None:
    """Close an officer's account; the open tasks are handed on."""
    _run(lambda registry: registry.leave(username, to))
    console.print(f"{username} can do nothing more; the open tasks are handed on in the background.")


@app.command()
def unlock(username: Annotated[str, typer.Argument(help="Whose log-ins wait after somebody's failures.")]) -> None:
    """End the pause of a name's log-ins; on the audit."""
    _run(lambda registry: registry.unlock(username))
    console.print(f"{username} can log in again.")


@app.command("list")
def show() -> None:
    """User names, units and roles."""
    for account in _run(lambda registry: registry.accounts()):
        state = "" if account.active else "  (inactive)"
        console.print(
            f"{account.username}  {account.unit_id or '-'}  {', '.join(sorted(account.roles))}{state}", markup=False
        )


def _chosen(from_stdin: bool) -> str:
    found = sys.stdin.readline().rstrip("\n") if from_stdin else _ask()
    if len(found) < SHORTEST:
        fail(f"the password needs at least {SHORTEST} characters")
    return found


def _ask() -> str:
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        fail("the two passwords differ")
    return first


def _run(work: Callable[[Registry], Awaitable[T]]) -> T:
    async def connected() -> T:
        hours = load_settings().first_password_hours
        async with database("referrals") as db:
            return await work(Registry(db, timedelta(hours=hours)))

    try:
        return run(connected())
    except Refused as refused:
        where = ", ".join(f"{key} {value}" for key, value in refused.extra.items())
        fail(TEXTS[refused.code].en + (f" ({where})" if where else ""))
