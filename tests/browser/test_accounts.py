"""A new officer by the administrators' pages: added, logged in, vouched for by the code he told, given a role; and what
the audit administrator reads of it."""

import re
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from contracts.lifecycle import Role
from deploy.demo.client import Officers, Reporters
from deploy.demo.prepare import credentials
from deploy.stack import Stack
from services.chassis.db import Database
from services.referrals.service.registry import NewAccount, Registry
from tests.browser.conftest import DESK, PHONE, Visits

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

OWN = "what he alone knows"


async def administrators(stack: Stack) -> tuple[list[str], str]:
    """A system, a security and an audit administrator, and the password of all."""
    password = credentials(stack.state_dir)["password"]
    db = Database(stack.settings.dsn("referrals"))
    duties = {Role.SYSTEM_ADMIN: "系统管理员", Role.SECURITY_ADMIN: "安全管理员", Role.AUDIT_ADMIN: "审计管理员"}
    people = [
        NewAccount(f"{role.lower()}-{uuid4().hex[:10]}", name, None, (role,), password) for role, name in duties.items()
    ]
    await Registry(db).load((), people, invented_people=True)
    await db.close()
    return [account.username for account in people], password


async def log_in(page: Page, username: str, password: str) -> None:
    await page.get_by_label("用户名").fill(username)
    await page.get_by_label("密码").fill(password)
    await page.get_by_role("button", name="登录").click()


async def find(page: Page, username: str) -> None:
    """By the search field, to the account's page."""
    await page.get_by_role("link", name="账号", exact=True).click()
    await page.get_by_label("姓名、用户名或单位").fill(username)
    await page.get_by_role("button", name="查找").click()
    await expect(page.locator("#accounts tbody tr")).to_have_count(1)
    await page.locator("#accounts tbody a").click()


@pytest.mark.parametrize(("size", "scripts"), [(PHONE, False), (DESK, True)], ids=["phone without scripts", "desk"])
async def test_a_new_officer_gets_to_work(
    stack: Stack, people: tuple[Reporters, Officers], visit: Visits, size: dict[str, int], scripts: bool
) -> None:
    (system, security, auditor), password = await administrators(stack)
    newcomer, width = f"newcomer-{uuid4().hex[:10]}", size["width"]
    async with (
        visit(scripts=scripts, size=size, bypass_csp=scripts) as adding,
        visit(scripts=scripts, size=size) as officer,
        visit(scripts=scripts, size=size, bypass_csp=scripts) as vouching,
        visit(scripts=scripts, size=size, bypass_csp=scripts) as auditing,
    ):
        for window in (adding, officer, vouching, auditing):
            window.url = stack.settings.referrals_url
            await window.go("/")

        page = adding.page
        await log_in(page, system, password)
        await expect(page.get_by_role("heading", level=1)).to_have_text("账号")
        await adding.picture(f"accounts-{width}")
        violations = await adding.violations() if scripts else []
        await page.get_by_role("link", name="添加账号").click()
        await page.get_by_label("用户名").fill(newcomer)
        await page.get_by_label("姓名", exact=True).fill("新同事")
        await page.get_by_label("单位", exact=True).select_option("desk-990100")
        given = await page.get_by_label("初始密码").input_value()
        await adding.picture(f"account-new-{width}")
        violations += await adding.violations() if scripts else []
        await page.get_by_role("button", name="添加").click()
        await expect(page.locator("#done")).to_contain_text("账号已添加")
        await expect(page.get_by_role("heading", name="岗位")).to_have_count(0)
        await adding.picture(f"account-system-{width}")
        violations += await adding.violations() if scripts else []

        page = officer.page
        await log_in(page, newcomer, given)
        await page.get_by_label("当前密码").fill(given)
        await page.get_by_label("新密码（至少").fill(OWN)
        await page.get_by_label("再次输入新密码").fill(OWN)
        await page.get_by_role("button", name="设置").click()
        code = await page.locator("#vouching-code").inner_text()

        page = vouching.page
        await log_in(page, security, password)
        await find(page, newcomer)
        await vouching.picture(f"account-security-{width}")
        violations += await vouching.violations() if scripts else []
        await page.get_by_label("确认码").fill("0000 0000" if code != "0000 0000" else "0000 0001")
        await page.get_by_role("button", name="确认").click()
        await expect(page.get_by_role("alert")).to_contain_text("确认码不正确")
        await vouching.picture(f"account-refused-{width}")
        await page.get_by_label("确认码").fill(code)
        await page.get_by_label("确认码").press("Enter")
        await expect(page.locator("#done")).to_contain_text("已确认账号由本人使用")
        await page.get_by_label("受理员").check()
        await page.get_by_role("button", name="保存岗位").click()
        await expect(page.locator("#done")).to_contain_text("岗位已更改")
        await expect(page.locator("#roles-now")).to_have_text("受理员")
        await page.get_by_role("link", name="English").click()
        await expect(page.get_by_role("heading", level=2, name="Roles")).to_be_visible()
        await vouching.picture(f"account-english-{width}")
        violations += await vouching.violations() if scripts else []

        page = auditing.page
        await log_in(page, auditor, password)
        await expect(page.get_by_role("heading", level=1)).to_have_text("审计")
        await page.get_by_label("账号的用户名").fill(newcomer)
        await page.get_by_role("button", name="查阅").click()
        await expect(page.locator("#audit tbody tr")).to_have_count(2)
        await expect(page.locator("#audit tbody tr").first).to_contain_text("更改岗位")
        await auditing.picture(f"audit-{width}")
        violations += await auditing.violations() if scripts else []
        await page.get_by_role("link", name="English").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Audit")
        await auditing.picture(f"audit-english-{width}")
        assert violations == []

        page = officer.page
        await officer.go("/workbench/login")
        await log_in(page, newcomer, OWN)
        await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("任务"))
        await expect(page.get_by_role("link", name="账号", exact=True)).to_have_count(0)
        assert not [
            address for window in (adding, officer, vouching) for address in window.addresses if given in address
        ]
