"""A suspected crime on the pages: a ground chosen, two officers, the leader's yes, papers ticked off."""

import pytest
from playwright.async_api import expect

from deploy.demo.client import Officers, Reporters
from deploy.stack import Stack
from tests.browser.conftest import Visits
from tests.browser.desks import Desks, acted

pytestmark = pytest.mark.asyncio(loop_scope="session")
POLICE, CLERK, HANDLER = "ga-990200", "clerk.desk-990200", "handler.yb-990200"
NOTE = "涉嫌诈骗医保基金。"


@pytest.fixture
async def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    return Desks(stack, people, visit)


async def test_a_suspected_crime_is_verified_and_goes_to_the_police_with_its_papers(desks: Desks) -> None:
    number, path = await desks.complaint("990200")
    office = desks.office(number)
    await office.act(CLERK, "RECLASSIFY", category="0503", note="属诱导住院骗保。")
    await office.act(CLERK, "ACCEPT")
    await office.act("dispatcher.desk-990200", "DISPATCH", unit_id="yb-990200", ground="COMPETENCE")
    for act in ("SIGN", "BEGIN"):
        await office.act(HANDLER, act)
    async with desks.window(HANDLER) as window:
        page = window.page
        await window.go(f"{path}/acts/PROPOSE_REFERRAL")
        await page.locator(f"input[name=unit_id][value={POLICE}]").check()
        await page.get_by_label("依据").select_option(label="涉嫌犯罪（行政执法机关移送涉嫌犯罪案件的规定第5条）")
        await page.get_by_label("说明").fill(NOTE)
        await window.picture("crime-propose")
        await page.get_by_role("button", name="确认提请移送").click()
        await acted(page, "提请移送")
        await expect(page.get_by_text("待另一名执法人员核实")).to_be_visible()
    async with desks.window("dispatcher.desk-990200") as window:
        await window.go(f"{path}/acts/VERIFY_REFERRAL")
        await window.page.get_by_role("button", name="确认核实移送事实").click()
        await acted(window.page, "核实移送事实")
    await office.act("leader.yb-990200", "APPROVE_REFERRAL")
    await office.act(HANDLER, "MARK_MAJOR", ground="XF-25", note=NOTE)
    async with desks.window(HANDLER, bypass_csp=True) as window:
        page = window.page
        await window.go(f"{path}/acts/REFER")
        await page.locator(f"input[name=unit_id][value={POLICE}]").check()
        await page.get_by_label("依据").select_option("SUSPECTED_CRIME")
        await page.get_by_label("说明").fill(NOTE)
        await page.get_by_role("button", name="确认移送").click()
        await expect(page.get_by_role("alert")).to_contain_text("移送书、调查报告和涉案物品清单")
        for paper in ("TRANSFER_LETTER", "INVESTIGATION_REPORT", "INVENTORY"):
            await page.locator(f"input[name=papers][value={paper}]").check()
        await window.picture("crime-refer")
        assert await window.violations() == []
        await page.get_by_role("button", name="确认移送").click()
        await acted(page, "移送")
        await expect(page.locator("dl").first).to_contain_text("涉嫌犯罪案件移送书")
        await expect(page.locator("dl").first).to_contain_text("待上报")
        await window.picture("crime-case")
