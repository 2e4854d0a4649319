"""What an officer prints from the workbench says on every sheet who printed it and when."""

import asyncio
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pypdf import PdfReader

from deploy.demo.client import Officers, Reporters
from deploy.stack import Stack
from tests.browser.conftest import DESK, Visits
from tests.browser.desks import CLERK, Desks

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
CHINA = timezone(timedelta(hours=8))


@pytest.fixture
def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    """The officers' windows."""
    return Desks(stack, people, visit)


async def test_every_sheet_of_a_printed_case_says_who_printed_it_and_when(desks: Desks, tmp_path: Path) -> None:
    _, case = await desks.complaint()
    async with desks.window(CLERK, size=DESK) as window:
        page = window.page
        await window.go(case)
        mark = page.locator(".wb-mark span").first
        assert not await mark.is_visible(), "on the screen it would be in the way"
        await page.get_by_role("button", name=re.compile("查阅原文")).click()
        await page.get_by_text("床位费收了十二天").wait_for()
        await page.emulate_media(media="print")
        assert await mark.is_visible()
        await window.picture("print-case")
        pdf = await page.pdf(format="A4")
        await asyncio.to_thread((tmp_path / "case.pdf").write_bytes, pdf)
        # Half a page is a sheet too: a long case is printed on several.
        sheets = PdfReader(io.BytesIO(await page.pdf(width="210mm", height="120mm"))).pages
    assert len(sheets) > 1
    days = {datetime.now(UTC).astimezone(CHINA) - timedelta(hours=hours) for hours in (0, 1)}
    for sheet in sheets:
        text = "".join(sheet.extract_text().split())
        assert CLERK in text
        assert any(f"{day:%m}" in text and str(day.day) in text for day in days)
