"""People for the whole system that the session shares."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from contracts.lifecycle import Role
from deploy.demo.client import Officers, Reporters
from deploy.demo.prepare import credentials, prepare
from deploy.stack import Stack
from services.chassis.db import Database
from services.referrals.service.registry import NewAccount, Registry


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=200), trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def people(stack: Stack, http: httpx.AsyncClient) -> tuple[Reporters, Officers]:
    """Reporters, and the officers of the demonstration's units."""
    return await prepare(stack.settings, http)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fifty_clerks(stack: Stack, people: tuple[Reporters, Officers]) -> list[str]:
    """Fifty clerks of one desk, all logged in."""
    known = credentials(stack.state_dir)["password"]
    names = [f"race-{number}.desk-990100" for number in range(50)]
    database = Database(stack.settings.dsn("referrals"))
    try:
        new = [NewAccount(name, name, "desk-990100", (Role.CLERK,), known) for name in names]
        await Registry(database).load((), new, invented_people=True)
    finally:
        await database.close()
    for name in names:
        await people[1].login(name)
    return names
