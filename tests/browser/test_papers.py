"""Papers on the case's page: the letter to a police that is not on the system, and the record of a transfer."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect
from pypdf import PdfReader

from deploy.demo.client import Officers, Reporters
from deploy.demo.plan import Sample
from deploy.stack import Stack
from tests.browser.conftest import DESK, PHONE, Visits
from tests.browser.desks import Desks, Office, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

NAME, TELEPHONE, MAIL = "金丝雀丙丁", "13812345671", "canary.two@example.org"
NARRATIVE = f"医院派车到村里接老人住院，医保卡被护士收走。请联系{TELEPHONE}。"


@pytest.fixture
def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    """The officers' windows."""
    return Desks(stack, people, visit)


async def filed(people: tuple[Reporters, Officers], category: str, region: str, seen_by: str) -> tuple[Office, str]:
    """A complaint by a named reporter: its officers, and its page."""
    reporters, officers = people
    sample = Sample(
        title="papers", channel="WEB", category=category, region=region, respondents=("某医院住院部",),
        narrative=NARRATIVE, wants="查处", plan="plain", reporter={"name": NAME, "phone": TELEPHONE, "email": MAIL},
    )  # fmt: skip
    number = (await reporters.file(sample)).case_number

    async def there() -> bool:
        return await officers.find(seen_by, number) is not None

    await until(there)
    return Office(officers, number), f"/workbench/cases/{await officers.find(seen_by, number)}"


async def saved(page: Page, button: str) -> bytes:
    """What the browser keeps when the button is pressed."""
    async with page.expect_download() as started:
        await page.get_by_role("button", name=button).click()
    kept = Path(await (await started.value).path())
    return await asyncio.to_thread(kept.read_bytes)


def read(pdf: bytes) -> str:
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_the_letter_is_taken_from_the_page_and_tells_nothing_of_who_reported(
    desks: Desks, people: tuple[Reporters, Officers], size: dict[str, int]
) -> None:
    handler, leader = "handler.yb-990200", "leader.yb-990200"
    office, case = await filed(people, "0503", "990200", "clerk.desk-990200")
    to: dict[str, Any] = {"unit_id": "ga-990200", "ground": "SUSPECTED_CRIME"}
    await office.act("clerk.desk-990200", "ACCEPT")
    await office.act("dispatcher.desk-990200", "DISPATCH", unit_id="yb-990200")
    await office.act(handler, "SIGN")
    await office.act(handler, "PROPOSE_REFERRAL", **to, note="涉嫌诈骗医保基金。")
    await office.act("dispatcher.desk-990200", "VERIFY_REFERRAL")
    await office.act(leader, "APPROVE_REFERRAL")
    papers = ["TRANSFER_LETTER", "INVESTIGATION_REPORT", "INVENTORY"]
    await office.act(handler, "REFER", **to, note="材料一并移送。", papers=papers)
    async with desks.window(handler, size=size, bypass_csp=True) as window:
        page = window.page
        await window.go(case)
        await expect(page.get_by_text("临江市公安局不在本系统内")).to_be_visible()
        text = read(await saved(page, "下载移送函"))
        assert "医院派车到村里接老人住院" in text
        for secret in (NAME, TELEPHONE, MAIL):
            assert secret not in text
        await page.reload()
        await page.get_by_text("出具记录 1 次").click()
        assert await window.violations() == []
        await window.picture(f"papers-letter-{size['width']}")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_the_record_of_a_transfer_is_written_and_read_on_the_page(
    desks: Desks, people: tuple[Reporters, Officers], size: dict[str, int]
) -> None:
    handler = "handler.yb-990100"
    office, case = await filed(people, "0110", "990100", "clerk.rdesk-990100")
    to: dict[str, Any] = {"unit_id": "jj-990100", "ground": "DUTY_VIOLATION"}
    await office.act("clerk.rdesk-990100", "LINK_RESPONDENTS", respondent_units=["hosp-990100-1"])
    await office.act("clerk.rdesk-990100", "ACCEPT")
    await office.act("dispatcher.rdesk-990100", "DISPATCH", unit_id="yb-990100")
    await office.act(handler, "SIGN")
    await office.act(handler, "PROPOSE_REFERRAL", **to, note="拟移送。")
    await office.act("leader.yb-990100", "APPROVE_REFERRAL")
    await office.act(handler, "REFER", **to, note="经批准移送。")
    async with desks.window(handler, size=size, bypass_csp=True) as window:
        page = window.page
        await window.go(case)
        await page.get_by_text("填写或更正移送记录").click()
        await page.get_by_label("线索摘要").fill("采购价高于市场价三成，差价返给个人。")
        await page.get_by_label("姓名").first.fill("钱某堃")
        await page.get_by_label("是否党员").first.select_option("yes")
        await page.get_by_label("涉案金额").fill("123456.70")
        await window.picture(f"papers-record-form-{size['width']}")
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_text("123,456.70")).to_be_visible()
        await expect(page.get_by_text("钱某堃 · 党员")).to_be_visible()
        assert await window.violations() == []
        await window.picture(f"papers-record-{size['width']}")
        text = read(await saved(page, "打印移送记录"))
        assert "差价返给个人" in text
        assert NARRATIVE[:8] not in text
    async with desks.window("handler.jj-990100", size=size) as window:
        await window.go(case)
        await expect(window.page.get_by_text("钱某堃 · 党员")).to_be_visible()
