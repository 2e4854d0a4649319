"""Who a reporter is, on the pages: asked for, agreed to by a second person, shown on a press, gone with the page."""

import re

import pytest
from playwright.async_api import expect

from deploy.demo.client import Officers, Reporters
from deploy.stack import Stack
from tests.browser.conftest import DESK, PHONE, Visits
from tests.browser.desks import Desks
from tests.browser.test_papers import NAME, TELEPHONE, filed

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

CLERK, CHIEF = "clerk.desk-990200", "supervisor.desk-990200"


@pytest.fixture
def desks(stack: Stack, people: tuple[Reporters, Officers], visit: Visits) -> Desks:
    """The officers' windows."""
    return Desks(stack, people, visit)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_an_identity_is_seen_after_a_second_persons_yes_and_by_who_asked_alone(
    desks: Desks, people: tuple[Reporters, Officers], size: dict[str, int]
) -> None:
    _, case = await filed(people, "0503", "990200", CLERK)
    async with desks.window(CLERK, size=size, bypass_csp=True) as window:
        await window.go(case)
        await expect(window.page.get_by_text("姓名 ●●●")).to_be_visible()
        await window.page.get_by_label("查阅目的").last.select_option("CALL_BACK")
        await window.page.get_by_role("button", name="申请查阅身份").click()
        await expect(window.page.get_by_text("待第二人决定")).to_be_visible()
        assert await window.violations() == []
        await window.picture(f"identity-asked-{size['width']}")
    async with desks.window(CHIEF, size=size, bypass_csp=True) as window:
        waits = window.page.get_by_role("region", name="待您决定的身份查阅申请")
        await expect(waits).to_be_visible()
        assert await window.violations() == []
        await window.picture(f"identity-waits-{size['width']}")
        await window.go(case)
        await window.page.get_by_role("button", name="同意查阅").click()
        await expect(window.page.get_by_text("已同意，可查阅")).to_be_visible()
        await expect(window.page.get_by_text(NAME)).to_have_count(0)
        await window.picture(f"identity-agreed-{size['width']}")
    async with desks.window(CLERK, size=size, bypass_csp=True) as window:
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
