"""One complaint through the pages alone: three jurisdictions, two returns, a designation, and the reporter's rating."""

import re
from time import monotonic

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from contracts.lifecycle import Role
from deploy.demo.client import Officers, Reporters
from deploy.demo.prepare import credentials
from deploy.stack import Stack
from services.chassis.db import Database
from services.referrals.domain import Level, UnitKind
from services.referrals.service.registry import NewAccount, NewUnit, Registry
from tests.browser.conftest import PHONE, Visit, Visits
from tests.browser.desks import Desks, acted
from tests.browser.test_reporter import filed, keep, shows

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

CONFERENCE = NewUnit("conference-990100", "云川市信访工作联席会议", Level.CITY, UnitKind.CONFERENCE, "990100")
STORY = "在县医院住院九天，床位费收了十二天，问了三次没人管。"
REPLY = "经核查，县医院多收三天床位费 360 元属实，已责令全额退还。"
WRONG_PLACE = "被反映的医院在青溪县，请按属地办理。"
NOT_WJ = "反映的是收费，属医疗保障部门职责。"
NOT_YB = "涉及医院内部管理，应由卫生健康部门办理。"
REPORT = "办结报告：核对收费明细三份，谈话两人，退费凭证附卷。"
DECIDED = "重复收费由医疗保障部门办理，卫生健康部门配合。"


@pytest_asyncio.fixture(loop_scope="session")
async def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    """The officers of 临江, 青溪 and 云川; above the health and the insurance line stands a joint conference."""
    db = Database(stack.settings.dsn("referrals"))
    password = credentials(stack.state_dir)["password"]
    account = NewAccount(f"leader.{CONFERENCE.unit_id}", "联席会议召集人", CONFERENCE.unit_id, (Role.LEADER,), password)
    try:
        await Registry(db).load([CONFERENCE], [account], invented_people=True)
    finally:
        await db.close()
    return Desks(stack, people, visit)


async def waits_for(officer: Visit) -> None:
    """Leave the unit's list open, as somebody who waits for work."""
    await officer.go("/workbench/unit")


async def arrives(officer: Visit, number: str) -> Page:
    """The case shows by itself on the list that is open, within five seconds; then it is opened."""
    sent = monotonic()
    link = officer.page.get_by_role("link", name=number, exact=True)
    await expect(link).to_be_visible(timeout=5_000)
    assert monotonic() - sent < 5
    await link.click()
    return officer.page


async def offered(page: Page, act: str) -> bool:
    """Whether the page offers an act."""
    return await page.locator(".wb-acts").get_by_text(act, exact=True).count() > 0


async def do(page: Page, act: str, **typed: str) -> None:
    """An act by its form: `typed` are the form's fields by their labels, choices by what they say."""
    await page.get_by_role("link", name=act, exact=True).click()
    form = page.locator("#act-form")
    for label, value in typed.items():
        await form.get_by_label(label).fill(value)
    await form.get_by_role("button", name=f"确认{act}").click()
    await acted(page, act)


async def test_a_disputed_complaint_is_designated_answered_and_rated_by_people_at_their_pages(
    desks: Desks, visit: Visits
) -> None:
    async with (
        visit() as reporter,
        desks.window("clerk.desk-990200") as first,
        desks.window("clerk.desk-990121") as clerk,
        desks.window("dispatcher.desk-990121") as dispatcher,
        desks.window("handler.wj-990121") as health,
        desks.window("handler.yb-990100") as insurance,
        desks.window(f"leader.{CONFERENCE.unit_id}", size=PHONE) as conference,
        desks.window("reviewer.desk-990121") as reviewer,
    ):
        for officer in (first, clerk, dispatcher, health, insurance, conference, reviewer):
            await waits_for(officer)

        number, _ = await filed(reporter, place="演示省临江市", respondents="青溪县人民医院收费处", narrative=STORY)
        await reporter.picture("handover-01-filed")
        await keep(reporter.page)

        # 临江 takes it in and hands it to 青溪, where the hospital is; from then on it only looks on.
        page = await arrives(first, number)
        await page.get_by_role("button", name="查阅原文").click()
        await expect(page.get_by_text(STORY)).to_be_visible()
        await page.get_by_role("link", name="移交其他地区受理台", exact=True).click()
        await page.get_by_label("青溪县12345受理台").check()
        await page.get_by_label("说明").fill(WRONG_PLACE)
        await expect(page.locator(".wb-effects")).to_contain_text("重新计时，期限仍为")
        await first.picture("handover-02-hand-to-desk")
        await page.get_by_role("button", name="确认移交其他地区受理台").click()
        await acted(page, "移交其他地区受理台")
        await expect(page.get_by_text("案件已移出本单位")).to_be_visible()
        await expect(page.get_by_role("heading", name="现在可以办理")).to_have_count(0)
        await expect(page.get_by_text("查阅原文")).to_have_count(0)
        await expect(page.get_by_text(WRONG_PLACE)).to_be_visible()  # what it wrote itself
        await first.picture("handover-03-sender-reads")

        page = await arrives(clerk, number)
        await expect(page.get_by_text(WRONG_PLACE)).to_be_visible()
        await clerk.picture("handover-04-second-desk")
        await do(page, "受理")

        # Dispatched to the health department of the county: kind and dates are known before it is sent.
        page = await arrives(dispatcher, number)
        await page.get_by_role("link", name="派单", exact=True).click()
        await dispatcher.picture("handover-05-dispatch-empty")
        await page.get_by_label("青溪县卫生健康局").check()
        await page.get_by_label("方式").select_option(label="交办：须反馈结果和办结报告")
        effects = page.locator(".wb-effects")
        await expect(effects).to_contain_text("方式：交办：须反馈结果和办结报告")
        await expect(effects).to_contain_text("签收：开始计时，期限至")
        foreseen = await _date(effects.get_by_text("可申请退回："))
        await dispatcher.picture("handover-06-dispatch")
        await page.get_by_role("button", name="确认派单").click()
        await acted(page, "派单")
        await dispatcher.picture("handover-07-dispatched")
        await waits_for(dispatcher)

        page = await arrives(health, number)
        await health.picture("handover-08-received")
        window = page.locator(".wb-clock").filter(has_text="可申请退回")
        assert await _date(window) == foreseen
        await do(page, "申请退回", 说明=NOT_WJ)
        await health.picture("handover-09-return-asked")

        page = await arrives(dispatcher, number)
        await expect(page.get_by_text(NOT_WJ)).to_be_visible()
        await dispatcher.picture("handover-10-return-to-decide")
        await do(page, "同意退回")
        await expect(page.get_by_text("已退回 1 次")).to_be_visible()
        await page.get_by_role("link", name="派单", exact=True).click()
        await page.get_by_label("云川市医疗保障局").check()
        await expect(effects).to_contain_text("签收：开始计时，期限至")
        await page.get_by_role("button", name="确认派单").click()
        await acted(page, "派单")
        await waits_for(dispatcher)

        await health.page.reload()
        await expect(health.page.get_by_text("案件已移出本单位")).to_be_visible()
        assert not await offered(health.page, "申请退回")
        await expect(health.page.get_by_text(NOT_WJ)).to_be_visible()
        await health.picture("handover-11-first-receiver-reads")

        # The second receiver signs, then sends it back: the second return is the joint conference's to settle.
        page = await arrives(insurance, number)
        await do(page, "签收")
        await insurance.picture("handover-12-signed")
        await do(page, "申请退回", 说明=NOT_YB)
        page = await arrives(dispatcher, number)
        await do(page, "同意退回")
        await expect(page.locator(".wb-facts").get_by_text(CONFERENCE.name)).to_be_visible()
        assert not await offered(page, "派单")
        await dispatcher.picture("handover-13-up")
        await shows(reporter.page, "由上级指定承办单位。")

        await waits_for(insurance)
        page = await arrives(conference, number)
        await conference.picture("handover-14-to-designate")
        await page.get_by_role("link", name="指定管辖", exact=True).click()
        await page.get_by_label("云川市医疗保障局").check()
        await page.get_by_label("说明").fill(DECIDED)
        await expect(page.locator(".wb-effects")).to_contain_text("办结：继续计时")
        await expect(page.locator(".wb-effects")).to_contain_text("指定管辖：停止计时")
        await conference.picture("handover-15-designate")
        await page.get_by_role("button", name="确认指定管辖").click()
        await acted(page, "指定管辖")
        await expect(page.locator(".wb-clock").filter(has_text="指定管辖")).to_have_count(0)
        await expect(page.get_by_text("案件已移出本单位")).to_be_visible()
        await conference.picture("handover-16-designated")

        # Who was designated answers; there is no way back.
        page = await arrives(insurance, number)
        await expect(page.get_by_text("指定管辖，不得退回")).to_be_visible()
        await expect(page.get_by_text(DECIDED)).to_be_visible()
        assert not await offered(page, "申请退回")
        await insurance.picture("handover-17-designated-unit")
        await do(page, "开始办理")
        assert not await offered(page, "申请退回")
        await page.get_by_role("link", name="办理反馈", exact=True).click()
        await page.get_by_label("给诉求人的答复").fill(REPLY)
        await page.get_by_label("属实已处理").check()
        await expect(page.get_by_text("须附办结报告")).to_be_visible()  # who designates assigns
        await page.get_by_role("textbox", name="说明").fill(REPORT)
        await insurance.picture("handover-18-reply")
        await page.get_by_role("button", name="确认办理反馈").click()
        await acted(page, "办理反馈")

        page = await arrives(reviewer, number)
        await expect(page.get_by_text(REPLY)).to_be_visible()
        await reviewer.picture("handover-19-review")
        await do(page, "审核通过")
        assert await _course(page) == [
            "登记", "移交其他地区受理台", "受理",
            "派单", "申请退回", "同意退回",
            "派单", "签收", "申请退回", "同意退回", "指定管辖",
            "开始办理", "办理反馈", "审核通过",
        ]  # fmt: skip
        await reviewer.picture("handover-20-timeline")

        page = reporter.page
        await shows(page, REPLY)
        await reporter.picture("handover-21-answered")
        assert not [text for text in (NOT_WJ, NOT_YB, DECIDED, WRONG_PLACE, REPORT) if text in await page.content()]
        await page.get_by_label("满意", exact=True).check()
        await page.get_by_role("button", name="提交评价").click()
        await expect(page.get_by_text("已收到您的评价")).to_be_visible()
        await shows(page, "您已评价,案件办结。")
        await reporter.picture("handover-22-closed")


async def _date(found: Locator) -> str:
    text = await found.inner_text()
    match = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", text)
    assert match, text
    return match.group()


async def _course(page: Page) -> list[str]:
    """What happened, the first step first."""
    steps = await page.locator(".wb-timeline .wb-step-head strong").all_inner_texts()
    return steps[::-1]
