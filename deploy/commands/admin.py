"""`huiyin admin`: the first administrator, and loading units and accounts from a file."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
import yaml
from rich.console import Console

from contracts.lifecycle import Role
from services.chassis.db import Database
from services.chassis.outages import engine_away
from services.chassis.settings import MissingSetting, load_settings
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.registry import NewAccount, Registry, read_tree

app = typer.Typer()
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
T = TypeVar("T")
SHORTEST_PASSWORD = 10


@app.command()
def create(
    username: Annotated[str, typer.Option(help="The administrator's user name.")],
    name: Annotated[str, typer.Option(help="The name to show.")] = "管理员",
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
) -> None:
    """Set up an administrator, who then adds units and accounts."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else _ask()
    if len(password) < SHORTEST_PASSWORD:
        _fail(f"the password needs at least {SHORTEST_PASSWORD} characters")

    async def work(registry: Registry) -> None:
        await registry.add_account(NewAccount(username, name, None, (Role.ADMIN,)), password)

    _run(work)
    console.print(f"Administrator {username} is set up. Log in: POST /v1/sessions of referrals.")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="YAML with units and accounts.", exists=True, dir_okay=False)],
) -> None:
    """Load units and accounts. What exists is brought up to date; passwords of existing accounts stay."""
    try:
        tree, people = read_tree(yaml.safe_load(file.read_text("utf-8")) or {})
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        _fail(f"{file} does not fit: {type(error).__name__} {error}")
    loaded = _run(lambda registry: registry.load(tree, people))
    console.print(f"{loaded.units} units and {loaded.accounts} accounts are loaded.")
    for username, password in loaded.passwords.items():
        console.print(f"  {username}  {password}", markup=False)
    if loaded.passwords:
        console.print("These passwords were made up and are shown this once.")


@app.command("list")
def show() -> None:
    """User names, units and roles."""
    for account in _run(lambda registry: registry.accounts()):
        state = "" if account.active else "  (inactive)"
        console.print(
            f"{account.username}  {account.unit_id or '-'}  {', '.join(sorted(account.roles))}{state}", markup=False
        )


def _ask() -> str:
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        _fail("the two passwords differ")
    return first


def _run(work: Callable[[Registry], Awaitable[T]]) -> T:
    async def connected() -> T:
        db = Database(load_settings().dsn("referrals"))
        try:
            return await work(Registry(db))
        finally:
            await db.close()

    try:
        return asyncio.run(connected())
    except Refused as refused:
        where = ", ".join(f"{key} {value}" for key, value in refused.extra.items())
        _fail(TEXTS[refused.code].en + (f" ({where})" if where else ""))
    except MissingSetting as error:
        _fail(str(error))
    except Exception as error:
        if engine_away(error) is None:
            raise
        _fail("the database can't be reached: start the stack with `huiyin up`")


def _fail(text: str) -> NoReturn:
    errors.print(text, markup=False)
    raise typer.Exit(1)
