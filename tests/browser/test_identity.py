"""Who a reporter is, on the pages: asked for, agreed to by a second person, shown on a press, gone with the page."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import expect

from contracts.lifecycle import Role
from deploy.demo.client import Officers, Reporters
from deploy.demo.factors import Factors
from deploy.demo.prepare import credentials
from deploy.stack import Stack
from services.chassis.db import Database
from services.referrals.service.registry import NewAccount, Registry
from tests.browser.conftest import DESK, PHONE, Visit, Visits
from tests.browser.desks import Desks
from tests.browser.test_papers import NAME, TELEPHONE, filed

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def newcomers(stack: Stack) -> list[str]:
    """A clerk and a supervisor of the test's own: they set up second factors, which others would have to know."""
    names = [f"{role.lower()}-{uuid4().hex[:10]}" for role in (Role.CLERK, Role.SUPERVISOR)]
    password = credentials(stack.state_dir)["password"]
    db = Database(stack.settings.dsn("referrals"))
    people = [
        NewAccount(names[0], "受理员", "desk-990200", (Role.CLERK,), password),
        NewAccount(names[1], "督办员", "desk-990200", (Role.SUPERVISOR,), password),
    ]
    await Registry(db).load((), people, invented_people=True)
    await db.close()
    return names


async def set_up_factor(window: Visit, factors: Factors) -> None:
    """By the page, as an officer does."""
    await window.go("/workbench/second-factor")
    await window.page.get_by_role("button", name="开始设置").click()
    factors.keep("me", await window.page.locator("#secret").inner_text())
    await window.page.get_by_label("动态验证码").fill(factors.code("me"))
    await window.page.get_by_role("button", name="启用").click()
    await expect(window.page.locator("#recovery li")).to_have_count(10)


@pytest.fixture
def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    """The officers' windows."""
    return Desks(stack, people, visit)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_an_identity_is_seen_after_a_second_persons_yes_and_by_who_asked_alone(
    stack: Stack, desks: Desks, people: tuple[Reporters, Officers], size: dict[str, int], tmp_path: Path
) -> None:
    _, case = await filed(people, "0503", "990200", "clerk.desk-990200")
    clerk, chief = await newcomers(stack)
    async with (
        desks.window(clerk, size=size, bypass_csp=True) as window,
        desks.window(chief, size=size, bypass_csp=True) as second,
    ):
        await window.go(case)
        await expect(window.page.locator("#unproved")).to_contain_text("须使用第二重验证")
        await expect(window.page.get_by_role("button", name="申请查阅身份")).to_have_count(0)
        await window.picture(f"identity-unproved-{size['width']}")
        await set_up_factor(window, Factors(tmp_path / "clerk.json"))
        await window.go(case)
        await expect(window.page.get_by_text("姓名 ●●●")).to_be_visible()
        await window.page.get_by_label("查阅目的").last.select_option("CALL_BACK")
        await window.page.get_by_role("button", name="申请查阅身份").click()
        await expect(window.page.get_by_text("待第二人决定")).to_be_visible()
        assert await window.violations() == []
        await window.picture(f"identity-asked-{size['width']}")
        await set_up_factor(second, Factors(tmp_path / "chief.json"))
        await second.go("/workbench")
        waits = second.page.get_by_role("region", name="待您决定的身份查阅申请")
        await expect(waits).to_be_visible()
        assert await second.violations() == []
        await second.picture(f"identity-waits-{size['width']}")
        await second.go(case)
        await second.page.get_by_role("button", name="同意查阅").click()
        await expect(second.page.get_by_text("已同意，可查阅")).to_be_visible()
        await expect(second.page.get_by_text(NAME)).to_have_count(0)
        await second.picture(f"identity-agreed-{size['width']}")
        await window.go(case)
        await expect(window.page.get_by_text(NAME)).to_have_count(0)
        await window.page.get_by_role("button", name="查看身份").click()
        await expect(window.page.get_by_text(NAME)).to_be_visible()
        await expect(window.page.get_by_text(TELEPHONE)).to_be_visible()
        assert await window.violations() == []
        await window.picture(f"identity-shown-{size['width']}")
        await window.page.reload()
        await expect(window.page.get_by_text(NAME)).to_have_count(0)
        looked = window.page.locator("#identity li").filter(has_text=re.compile("受理员 查阅$"))
        await expect(looked).to_have_count(1)
