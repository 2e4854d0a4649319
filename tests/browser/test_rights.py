"""A lost code and the reporter's own data on the pages: asked for, answered on the workbench, saved as a file."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from deploy.demo.client import Officers, Reporters
from deploy.demo.factors import Factors
from deploy.stack import Stack
from tests.browser.conftest import DESK, Visits
from tests.browser.desks import Desks
from tests.browser.test_identity import newcomers, set_up_factor
from tests.browser.test_reporter import fill, keep, receipt

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

NAME, PHONE_NUMBER = "秦实名", "13911112222"


@pytest.fixture
def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    """The officers' windows."""
    return Desks(stack, people, visit)


async def named(page: Page, url: str) -> tuple[str, str]:
    """File with a name; number and code."""
    await page.goto(f"{url}/file")
    await fill(page, place="990200")
    await page.get_by_label("实名").check()
    await page.get_by_label("姓名", exact=True).fill(NAME)
    await page.get_by_label("电话", exact=True).fill(PHONE_NUMBER)
    await page.get_by_role("button", name="提交").click()
    await expect(page).to_have_title(re.compile("已收到"))
    return await receipt(page)


async def test_a_copy_is_asked_for_granted_and_saved_without_scripts(
    stack: Stack, visit: Visits, desks: Desks, tmp_path: Path
) -> None:
    _, chief = await newcomers(stack)
    factors = Factors(tmp_path / "factors.json")
    async with visit() as reporter, desks.window(chief) as leader:
        page = reporter.page
        number, _ = await named(page, reporter.url)
        await keep(page)
        await page.get_by_role("link", name="我的个人信息").click()
        await page.locator("#kind").select_option("ACCESS")
        await page.get_by_role("button", name="提交请求").click()
        await expect(page.get_by_role("alert")).to_contain_text("与来件时留下的信息不一致")
        await page.locator("#own_name").fill(NAME)
        await page.locator("#own_phone").fill(PHONE_NUMBER)
        await reporter.picture("rights")
        await page.get_by_role("button", name="提交请求").click()
        await expect(page.locator("section", has_text="办理中")).to_contain_text("查阅、复制我的个人信息")

        await set_up_factor(leader, factors)
        office = leader.page
        for _ in range(60):
            await leader.go("/workbench/rights")
            if await office.get_by_text(number).count():
                break
            await office.wait_for_timeout(500)
        await leader.picture("rights-desk")
        asked = office.locator("section", has_text=number)
        await asked.get_by_label("写给反映人的答复").fill("同意，请下载。")
        await asked.get_by_role("button", name="同意并执行").click()
        await expect(office.get_by_text(number)).to_have_count(0)

        await page.goto(f"{reporter.url}/tracking/case/rights")
        await expect(page.get_by_text("同意，请下载。")).to_be_visible()
        saving = page.locator("section", has_text="下载副本")
        await saving.locator("[name=copy_name]").fill(NAME)
        await saving.locator("[name=copy_phone]").fill(PHONE_NUMBER)
        await reporter.picture("rights-copy")
        async with page.expect_download() as download:
            await saving.get_by_role("button", name="下载").click()
        await (await download.value).save_as(tmp_path / "copy.json")
        copy = json.loads((tmp_path / "copy.json").read_bytes())
        assert (copy["identity"]["name"], copy["complaint"]["case_number"]) == (NAME, number)


async def test_whoever_lost_a_code_gets_one_answer_and_no_page_shuts_anybody_out(visit: Visits, desks: Desks) -> None:
    async with visit(scripts=True, bypass_csp=True) as reporter:
        page = reporter.page
        told = []
        await named(page, reporter.url)
        await keep(page)
        await reporter.go("/tracking/case/rights")
        found = {"rights": await reporter.violations()}
        for name in (NAME, "没有这个人"):
            await reporter.go("/tracking")
            await page.get_by_role("link", name="查询码丢了").click()
            found["lost"] = await reporter.violations()
            await reporter.picture("lost")
            await page.get_by_label("姓名").fill(name)
            await page.get_by_label("电话").fill(PHONE_NUMBER)
            await page.get_by_role("button", name="申请补发").click()
            told.append(await page.get_by_role("status").inner_text())
        assert len(set(told)) == 1
        assert found == {"rights": [], "lost": []}
    async with desks.window("supervisor.desk-990200", size=DESK, bypass_csp=True) as leader:
        await leader.go("/workbench/rights")
        assert await leader.violations() == []
