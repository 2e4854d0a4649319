"""Officers in the browser tests: their windows, and what they do at the API where a test is not about that."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page, expect

from deploy.demo.client import Officers, Refused, Reporters
from deploy.demo.plan import Sample
from deploy.demo.prepare import credentials
from deploy.stack import Stack
from tests.browser.conftest import DESK, Visit, Visits

CLERK = "clerk.desk-990100"


class Office:
    """The officers of 云川 at work on one case."""

    def __init__(self, officers: Officers, case_number: str) -> None:
        self._officers = officers
        self._number = case_number

    async def act(self, username: str, act: str, **fields: Any) -> None:
        async def done() -> bool:
            case_id = await self._officers.find(username, self._number)
            if case_id is None:
                return False
            sequence = (await self._officers.view(username, case_id))["sequence"]
            try:
                await self._officers.act(username, case_id, act, sequence, **fields)
            except Refused as refused:
                if refused.status in (404, 409):
                    return False
                raise
            return True

        await until(done)

    async def answer(self, text: str) -> None:
        """From triage to the reviewed answer."""
        handler = "handler.yb-990100"
        await self.act("clerk.desk-990100", "ACCEPT")
        await self.act("dispatcher.desk-990100", "DISPATCH", unit_id="yb-990100", note="请核查收费明细。")
        await self.act(handler, "SIGN")
        await self.act(handler, "BEGIN")
        await self.act(handler, "REPLY", public_reply=text, outcome="SUBSTANTIATED", note="核查记录已归卷。")
        await self.act("reviewer.desk-990100", "REVIEW_PASS")


class Desks:
    """Officers' windows, and complaints for them to work on."""

    def __init__(self, stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> None:
        self._url = stack.settings.referrals_url
        self._password = credentials(stack.state_dir)["password"]
        self._reporters, self._officers = people
        self._visit = visit

    @asynccontextmanager
    async def window(
        self, username: str, *, scripts: bool = True, size: dict[str, int] = DESK, bypass_csp: bool = False
    ) -> AsyncIterator[Visit]:
        """An officer's browser, logged in."""
        async with self._visit(scripts=scripts, size=size, bypass_csp=bypass_csp) as opened:
            opened.url = self._url
            page = opened.page
            await opened.go("/")
            await page.get_by_label("用户名").fill(username)
            await page.get_by_label("密码").fill(self._password)
            await page.get_by_role("button", name="登录").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("任务"))
            yield opened

    async def complaint(self, region: str = "990100") -> tuple[str, str]:
        """A new complaint about double charging: its number and, at the desk, its page."""
        sample = Sample(
            title="床位费",
            channel="WEB",
            category="0704",
            region=region,
            respondents=("云川市第一人民医院收费处",),
            narrative="住院九天，床位费收了十二天。",
            wants="退还多收的床位费",
            plan="plain",
            reporter=None,
        )
        number, clerk = (await self._reporters.file(sample)).case_number, f"clerk.desk-{region}"

        async def there() -> bool:
            return await self._officers.find(clerk, number) is not None

        await until(there)
        return number, f"/workbench/cases/{await self._officers.find(clerk, number)}"

    def office(self, number: str) -> Office:
        """The officers at the API."""
        return Office(self._officers, number)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await done():
            await asyncio.sleep(0.3)


async def acted(page: Page, act: str) -> None:
    """The page says that it was done."""
    await expect(page.get_by_text(f"已完成：{act}。")).to_be_visible()
