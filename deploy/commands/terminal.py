"""What the commands share: consoles, one line instead of a traceback, work in a service's database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NoReturn, TypeVar

import typer
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import SYSTEM, Database
from services.chassis.outages import EngineSetup, engine_away
from services.chassis.settings import MissingSetting, Settings, load_settings

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
T = TypeVar("T")


def fail(text: str) -> NoReturn:
    """Say it in one line on standard error, and end the command with exit code 1."""
    errors.print(text, markup=False, soft_wrap=True)
    raise typer.Exit(1)


def run(work: Awaitable[T]) -> T:
    """Do it. A missing setting, and an engine that is away or refuses us, end the command with one line."""

    async def waited() -> T:
        return await work

    try:
        return asyncio.run(waited())
    except (MissingSetting, EngineSetup) as error:
        fail(str(error))
    except Exception as error:
        engine = engine_away(error)
        if engine is None:
            raise
        fail(f"{engine} can't be reached: start the stack with `huiyin up`")


@asynccontextmanager
async def database(service: str) -> AsyncIterator[Database]:
    """The service's database, as the service sees it. Raises MissingSetting."""
    db = Database(load_settings().dsn(service), pool_size=1, name="huiyin-cli")
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def owners_database(service: str, settings: Settings | None = None) -> AsyncIterator[Database]:
    """The service's database as its owner sees it: for acts that no running process may do. Raises MissingSetting."""
    db = Database((settings or load_settings()).owner_dsn(service), pool_size=1, name="huiyin-cli")
    try:
        yield db
    finally:
        await db.close()


def in_database(service: str, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Do it in one transaction of the service's database; otherwise as `run`."""

    async def connected() -> T:
        async with database(service) as db, db.session(SYSTEM) as session:
            return await work(session)

    return run(connected())
