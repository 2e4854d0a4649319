"""A browser of the machine's own, and visitors who notice what a page must not do."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Request, Route, async_playwright

from deploy.config import StackConfig
from deploy.demo.client import Officers, Reporters
from deploy.demo.prepare import prepare
from deploy.stack import Stack
from tests.conftest import STATE, run_stack

PHONE = {"width": 375, "height": 812}
DESK = {"width": 1280, "height": 900}
_AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
_QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The whole system. HUIYIN_TEST_STATE=<folder> keeps one running between test runs."""
    kept = os.environ.get("HUIYIN_TEST_STATE")
    if kept is None:
        yield from run_stack(request, Stack(STATE / f"browser-{os.getpid()}"))
    else:
        folder = Path(kept).resolve()
        known = (folder / "given.json").exists()
        started = Stack.of(StackConfig.of_running(folder)) if known else Stack(folder)
        started.start()
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def people(stack: Stack) -> AsyncIterator[tuple[Reporters, Officers]]:
    """Reporters, and the officers of the demonstration's units, at the API."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        yield await prepare(stack.settings, client)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "no Chromium: `make tools` names what to install"
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=found, args=_QUIET)
        yield started
        await started.close()


class Visit:
    """One person's browser window. What leaves our addresses is stopped and noted; so is what the CSP forbids."""

    def __init__(self, page: Page, url: str, hosts: frozenset[str]) -> None:
        self.page = page
        self.url = url
        self._hosts = hosts
        self.outside: list[str] = []
        self.addresses: list[str] = []
        self.broken: list[str] = []

    async def begin(self) -> None:
        await self.page.route("**/*", self._look)
        self.page.on("console", self._hear)
        self.page.on("request", self._note)

    async def go(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def picture(self, name: str) -> None:
        """For people to look at, where HUIYIN_PICTURES names a folder."""
        folder = os.environ.get("HUIYIN_PICTURES")
        if folder:
            await self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    async def violations(self) -> list[str]:
        """What axe finds serious or critical on this page; the page must run scripts."""
        await self.page.add_script_tag(path=_AXE)
        found: dict[str, Any] = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{item['id']}: {node['target']} {node['failureSummary']}"
            for item in found["violations"]
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]

    async def _look(self, route: Route) -> None:
        if urlsplit(route.request.url).netloc in self._hosts or route.request.url.startswith("data:"):
            await route.continue_()
        else:
            self.outside.append(route.request.url)
            await route.abort()

    def _note(self, request: Request) -> None:
        self.addresses.append(request.url)

    def _hear(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.broken.append(message.text)


class Visits(Protocol):
    """Opens a window: `scripts=False` is a browser that runs none."""

    def __call__(
        self, *, scripts: bool = False, size: dict[str, int] = PHONE, locale: str = "zh-CN", bypass_csp: bool = False
    ) -> AbstractAsyncContextManager[Visit]: ...


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Visits:
    """Visits to the public site. At its end each visit asked nobody else, and broke no rule of its pages."""
    hosts = frozenset(urlsplit(url).netloc for url in (stack.settings.complaints_url, stack.settings.referrals_url))

    @asynccontextmanager
    async def opened(
        *, scripts: bool = False, size: dict[str, int] = PHONE, locale: str = "zh-CN", bypass_csp: bool = False
    ) -> AsyncIterator[Visit]:
        context = await browser.new_context(
            java_script_enabled=scripts,
            viewport={"width": size["width"], "height": size["height"]},
            locale=locale,
            bypass_csp=bypass_csp,
        )
        context.set_default_timeout(20_000)
        try:
            made = Visit(await context.new_page(), stack.settings.complaints_url, hosts)
            await made.begin()
            yield made
        finally:
            await context.close()
        assert made.outside == [], "a page asked somebody else"
        assert made.broken == [], "a page broke its own policy"

    return opened
