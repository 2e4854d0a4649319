"""A browser's work for a pace of its own: done in the background, and the way on where the address came too often."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit, Visits

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORM = "反映问题"


async def worked(visit: Visit) -> None:
    """Wait until the browser has done its work."""
    async with asyncio.timeout(60):
        while "visitor" not in {cookie["name"] for cookie in await visit.page.context.cookies()}:
            await asyncio.sleep(0.1)


@asynccontextmanager
async def flooding(visit: Visit, address: str) -> AsyncIterator[None]:
    """Inside, the visit's address takes all that it gets. A proxy that the service trusts names the address."""
    headers, refused = {"X-Forwarded-For": address}, asyncio.Event()
    await visit.page.set_extra_http_headers(headers)

    async def ask(client: httpx.AsyncClient) -> None:
        while True:
            if (await client.get("/")).status_code == 429:
                refused.set()

    async with httpx.AsyncClient(base_url=visit.url, headers=headers, timeout=60) as client:
        asking = [asyncio.create_task(ask(client)) for _ in range(40)]
        try:
            async with asyncio.timeout(60):
                await refused.wait()
            yield
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)


async def test_a_browser_with_scripts_does_its_work_once_and_nobody_sees_it(visit: Visits) -> None:
    async with visit(scripts=True) as reporter:
        await reporter.go("/file")
        await worked(reporter)
        reporter.addresses.clear()
        await reporter.go("/tracking")
        assert [address for address in reporter.addresses if "proof" in address] == []


async def test_behind_an_address_that_floods_a_browser_works_its_way_through(visit: Visits) -> None:
    async with visit(scripts=True) as reporter, flooding(reporter, "203.0.113.20"):
        await reporter.go("/file")
        await worked(reporter)
        await expect(reporter.page.get_by_role("heading", name=FORM)).to_be_visible()


async def test_without_scripts_the_page_comes_by_itself_once_there_is_room(visit: Visits) -> None:
    async with visit() as reporter:
        async with flooding(reporter, "203.0.113.21"):
            await reporter.go("/file")
            await expect(reporter.page.get_by_role("heading", name="请求太频繁")).to_be_visible()
        await expect(reporter.page.get_by_role("heading", name=FORM)).to_be_visible()
