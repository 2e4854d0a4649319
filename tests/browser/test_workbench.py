"""Officers at their pages: a hand-over arrives by itself, nothing typed is lost, the keyboard is enough."""

from time import monotonic

import pytest
from playwright.async_api import Page, expect

from deploy.demo.client import Officers, Reporters
from deploy.stack import Stack
from tests.browser.conftest import DESK, PHONE, Visits
from tests.browser.desks import CLERK, Desks, acted

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

DISPATCHER, HANDLER = "dispatcher.desk-990100", "handler.yb-990100"


@pytest.fixture
def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    """The officers of 云川."""
    return Desks(stack, people, visit)


async def test_a_case_is_taken_in_dispatched_and_arrives_on_the_receivers_open_page(desks: Desks) -> None:
    number, case = await desks.complaint()
    async with desks.window(CLERK) as clerk, desks.window(DISPATCHER) as dispatcher, desks.window(HANDLER) as handler:
        await clerk.go(case)
        await clerk.page.get_by_role("link", name="受理", exact=True).click()
        await clerk.page.get_by_role("button", name="确认受理").click()
        await acted(clerk.page, "受理")

        await handler.go("/workbench/unit")
        await expect(handler.page.get_by_text(number)).to_have_count(0)

        await dispatcher.go(case)
        await dispatcher.page.get_by_role("button", name="查阅原文").click()
        await expect(dispatcher.page.get_by_text("床位费收了十二天")).to_be_visible()
        await dispatcher.page.get_by_role("link", name="派单", exact=True).click()
        await dispatcher.page.get_by_label("云川市医疗保障局").check()
        await expect(dispatcher.page.get_by_text("签收：开始计时，期限至")).to_be_visible()  # before it is sent
        await dispatcher.page.get_by_label("说明").fill("请核查收费明细。")
        await dispatcher.picture("workbench-dispatch")
        await dispatcher.page.get_by_role("button", name="确认派单").click()
        await acted(dispatcher.page, "派单")
        sent = monotonic()

        await expect(handler.page.get_by_role("link", name=number, exact=True)).to_be_visible(timeout=5_000)
        assert monotonic() - sent < 5
        await expect(handler.page.get_by_text("打开页面后新到任务")).to_be_visible()
        await handler.picture("workbench-arrived")
        await handler.page.get_by_role("link", name=number, exact=True).click()
        await expect(handler.page.get_by_text("请核查收费明细。")).to_be_visible()


async def test_who_comes_second_sees_what_changed_where_he_writes(desks: Desks) -> None:
    number, case = await desks.complaint()
    async with desks.window(CLERK) as clerk:
        page = clerk.page
        await clerk.go(case)
        await page.get_by_role("link", name="要求补充材料").click()
        await page.get_by_label("说明").fill("请写明住院科室。")
        await desks.office(number).act(CLERK, "LINK_RESPONDENTS", respondent_units=["hosp-990100-1"])
        await expect(page.get_by_text("案件有新进展")).to_be_visible()  # and what is being written stays
        await page.get_by_role("button", name="确认要求补充材料").click()
        await expect(page.get_by_text("在您填写期间")).to_be_visible()
        await expect(page.get_by_label("说明")).to_have_value("请写明住院科室。")
        await clerk.picture("workbench-409")
        await page.get_by_role("button", name="确认要求补充材料").click()
        await acted(page, "要求补充材料")


async def test_the_keyboard_is_enough(desks: Desks) -> None:
    _, case = await desks.complaint()
    async with desks.window(CLERK) as clerk:
        page = clerk.page
        await clerk.go(case)
        for act in ("认领", "受理"):
            await _tab_to(page, act)
            await page.keyboard.press("Enter")
            if act != "认领":
                await expect(page.get_by_role("heading", name=act, level=3)).to_be_focused()
                await _tab_to(page, f"确认{act}")
                await page.keyboard.press("Enter")
            await acted(page, act)


async def _tab_to(page: Page, text: str) -> None:
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.innerText.trim()") == text:
            return
    raise AssertionError(f"no way to {text} by keyboard")


async def test_a_browser_that_runs_no_scripts_can_do_it_too(desks: Desks) -> None:
    _, case = await desks.complaint()
    async with desks.window(CLERK, scripts=False, size=PHONE) as clerk:
        page = clerk.page
        await clerk.go(case)
        await page.get_by_role("link", name="不予受理").click()
        await page.get_by_label("不属于本系统职责或无管辖权").check()
        await clerk.picture("workbench-reject-phone")
        await page.get_by_role("button", name="确认不予受理").click()
        await acted(page, "不予受理")


async def test_all_windows_of_a_browser_share_one_stream(desks: Desks) -> None:
    number, case = await desks.complaint()
    async with desks.window(CLERK) as clerk:
        await clerk.go("/workbench/unit")
        await expect(clerk.page.get_by_role("link", name=number, exact=True)).to_be_visible()
        streams: list[str] = []
        others = [await clerk.page.context.new_page() for _ in range(7)]
        for other in others:
            other.on("request", lambda request: streams.append(request.url) if "/events" in request.url else None)
            await other.goto(clerk.url + case)
        await desks.office(number).act(CLERK, "LINK_RESPONDENTS", respondent_units=["hosp-990100-1"])
        for other in others:
            await expect(other.get_by_text("案件有新进展")).to_be_visible(timeout=5_000)
        assert streams == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_the_kinds_of_a_hand_over_follow_the_unit_that_is_chosen(desks: Desks, size: dict[str, int]) -> None:
    number, case = await desks.complaint()
    await desks.office(number).act(CLERK, "LINK_RESPONDENTS", respondent_units=["hosp-990100-1"])
    await desks.office(number).act(CLERK, "ACCEPT")
    async with desks.window(DISPATCHER, size=size, bypass_csp=True) as dispatcher:
        page = dispatcher.page
        await dispatcher.go(case)
        await page.get_by_role("link", name="派单", exact=True).click()
        kinds = page.get_by_label("方式")
        await page.get_by_label("云川市医疗保障局").check()
        await expect(kinds.locator("option[value=ASSIGN]")).to_have_count(1)
        await kinds.select_option("ASSIGN")
        await expect(page.locator(".wb-effects")).to_contain_text("方式：交办")
        await expect(kinds).to_have_value("ASSIGN")
        await page.get_by_label("说明").fill("请核查收费明细。")
        await dispatcher.picture(f"workbench-kinds-{size['width']}")
        await page.get_by_label("云川市第一人民医院").check()
        await expect(kinds.locator("option[value=ASSIGN]")).to_have_count(0)
        await expect(kinds).to_have_value("")
        await expect(page.locator(".wb-effects")).to_contain_text("方式：")
        await expect(page.locator(".wb-effects")).not_to_contain_text("交办")
        await expect(page.get_by_label("说明")).to_have_value("请核查收费明细。")
        assert await dispatcher.violations() == []
        await dispatcher.picture(f"workbench-kinds-other-{size['width']}")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_a_likely_duplicate_is_joined_from_the_case_page(desks: Desks, size: dict[str, int]) -> None:
    (main_number, _), (number, case) = await desks.complaint(), await desks.complaint()
    for found in (main_number, number):
        await desks.office(found).act(CLERK, "LINK_RESPONDENTS", respondent_units=["hosp-990100-1"])
    async with desks.window(CLERK, size=size, bypass_csp=True) as clerk:
        page = clerk.page
        await clerk.go(case)
        panel = page.get_by_role("region", name="可能重复的案件")
        likely = panel.get_by_role("listitem").filter(has_text=main_number)
        await expect(likely).to_contain_text("被反映单位相同")
        assert await clerk.violations() == []
        await clerk.picture(f"workbench-duplicates-{size['width']}")
        await likely.get_by_role("link", name=f"并入 {main_number}").click()
        await expect(page.get_by_role("radio", name=main_number)).to_be_checked()
        await clerk.picture(f"workbench-join-{size['width']}")
        await page.get_by_role("button", name="确认并案").click()
        await acted(page, "并案")
        await clerk.picture(f"workbench-joined-{size['width']}")
        await page.reload()
        await expect(page.get_by_text("已完成：并案。")).to_have_count(0)
        await page.get_by_role("region", name="相关案件").get_by_role("link", name=main_number).click()
        await expect(page.get_by_role("region", name="相关案件")).to_contain_text("并入本案")
        assert await clerk.violations() == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_no_page_shuts_anybody_out(desks: Desks, size: dict[str, int]) -> None:
    number, case = await desks.complaint()
    async with desks.window("supervisor.desk-990100", size=size, bypass_csp=True) as supervisor:
        for path in ("/workbench/unit", "/workbench/board?watch=OPEN", "/workbench/search", case, f"{case}/clocks"):
            await supervisor.go(path)
            assert await supervisor.violations() == [], path
            wide = await supervisor.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{path} is wider than the window"
    async with desks.window(CLERK, size=size, bypass_csp=True) as clerk:
        for act in ("LINK_RESPONDENTS", "HAND_TO_DESK", "REJECT", "SIGN"):
            await clerk.go(f"{case}/acts/{act}")
            assert await clerk.violations() == [], act
        await clerk.go(case)
        await desks.office(number).act(CLERK, "LINK_RESPONDENTS", respondent_units=["hosp-990100-1"])
        await expect(clerk.page.get_by_text("案件有新进展")).to_be_visible()
        assert await clerk.violations() == []
        await clerk.picture(f"workbench-news-{size['width']}")
