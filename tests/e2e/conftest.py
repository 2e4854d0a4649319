"""People for the whole system that the session shares."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from deploy.demo.client import Officers, Reporters
from deploy.demo.prepare import prepare
from deploy.stack import Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=200), trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def people(stack: Stack, http: httpx.AsyncClient) -> tuple[Reporters, Officers]:
    """Reporters, and the officers of the demonstration's units."""
    return await prepare(stack.settings, http)
