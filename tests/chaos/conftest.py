"""A whole system that may be broken, and the means to look behind its walls."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest
import pytest_asyncio

from deploy.demo.client import Officers, Reporters
from deploy.demo.prepare import prepare
from deploy.stack import Stack
from tests.conftest import STATE, run_stack


@pytest.fixture(scope="module")
def system(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A system of its own: nobody else may be hurt."""
    folder = STATE / f"chaos-{request.module.__name__.rpartition('.')[2]}"
    yield from run_stack(request, Stack(folder))


@pytest_asyncio.fixture
async def people(system: Stack) -> AsyncIterator[tuple[Reporters, Officers]]:
    """Reporters and officers of the system."""
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as http:
        yield await prepare(system.settings, http)


async def rows(system: Stack, service: str, query: str, *args: object) -> list[asyncpg.Record]:
    """Rows of a service's database, past its walls: as the owner of the tables, and as the system."""
    connection = await asyncpg.connect(system.settings.owner_dsn(service))
    try:
        await connection.execute("SELECT set_config('huiyin.role', 'system', false)")
        return await connection.fetch(query, *args)
    finally:
        await connection.close()
