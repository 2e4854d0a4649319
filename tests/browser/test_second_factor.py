"""A new officer in a browser: an own password in place of the one that was given, the code for who vouches for him, and
a second factor: scanned or keyed in, confirmed, asked for at the next log-in."""

import re
import time

import pytest
from playwright.async_api import expect

from deploy.demo.client import Officers, Reporters
from deploy.demo.factors import Factors
from deploy.demo.prepare import credentials
from deploy.stack import Stack
from services.chassis.db import SYSTEM, Database
from services.referrals.repository import accounts
from services.referrals.service.registry import NewAccount, Registry
from tests.browser.conftest import DESK, PHONE, Visits

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_a_second_factor_is_set_up_and_asked_for(
    stack: Stack, people: tuple[Reporters, Officers], visit: Visits, size: dict[str, int]
) -> None:
    username, given = f"phone-{size['width']}-{time.time_ns()}", credentials(stack.state_dir)["password"]
    password = f"{given} of my own"
    db = Database(stack.settings.dsn("referrals"))
    await Registry(db).load((), (NewAccount(username, "新同事", "desk-990100", (), given),))
    factors = Factors(stack.state_dir / f"{username}.json")
    async with visit(scripts=True, size=size, bypass_csp=True) as window:
        window.url, page = stack.settings.referrals_url, window.page
        await window.go("/")
        assert await window.violations() == []
        await window.picture(f"login-{size['width']}")
        await page.get_by_label("用户名").fill(username)
        await page.get_by_label("密码").fill(given)
        await page.get_by_role("button", name="登录").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("设置本人密码")
        await window.go("/workbench/second-factor")
        await expect(page.get_by_role("heading", level=1)).to_have_text("设置本人密码")
        assert await window.violations() == []
        await window.picture(f"own-password-{size['width']}")
        await page.get_by_label("当前密码").fill(given)
        await page.get_by_label("新密码（至少").fill(password)
        await page.get_by_label("再次输入新密码").fill(password)
        await page.get_by_role("button", name="设置").click()
        await expect(page.locator("#vouching-code")).to_have_text(re.compile(r"^\d{4} \d{4}$"))
        told = await page.locator("#vouching-code").inner_text()
        assert await window.violations() == []
        await window.picture(f"vouching-{size['width']}")
        await page.get_by_role("link", name="设置第二重验证").click()
        await page.get_by_role("button", name="开始设置").click()
        factors.keep(username, await page.locator("#secret").inner_text())
        assert await window.violations() == []
        await window.picture(f"second-factor-{size['width']}")
        used = factors.code(username)
        await page.get_by_label("动态验证码").fill(used)
        await page.get_by_role("button", name="启用").click()
        await expect(page.locator("#recovery li")).to_have_count(10)
        recovery = await page.locator("#recovery li").first.inner_text()
        assert await window.violations() == []
        await window.picture(f"second-factor-done-{size['width']}")
        await window.go("/")
        await expect(page.locator("#vouching-code")).to_have_text(told)
    async with db.session(SYSTEM) as session:  # what the security administrator does who heard the code
        account = await accounts.by_username(session, username)
        assert account is not None
        assert await accounts.vouch(session, account.account_id, told.replace(" ", ""))
    await db.close()
    async with visit(scripts=True, size=size) as window:
        window.url, page = stack.settings.referrals_url, window.page
        await window.go("/")
        for code, answer in ((used, "验证码不正确"), (recovery, "任务")):
            await page.get_by_label("用户名").fill(username)
            await page.get_by_label("密码").fill(password)
            await page.get_by_label("动态验证码").fill(code)
            await page.get_by_role("button", name="登录").click()
            await expect(page.get_by_text(re.compile(answer)).first).to_be_visible()
