"""The audit administrator's page: who did what to which account, found by area, account, act and day, for reading alone
and on record."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from contracts.lifecycle import Role
from services.chassis.db import SYSTEM, Database
from services.referrals.repository import accounts
from services.referrals.service.registry import NewAccount, Registry
from services.referrals.web import auditing as pages
from tests.integration.referrals.browsing import Browser, Browsers, Page
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")

AUDIT = "/workbench/audit"


@pytest_asyncio.fixture(loop_scope="session")
async def auditor(browsers: Browsers) -> Browser:
    return await browsers.of("auditor")


@pytest_asyncio.fixture(loop_scope="session")
async def granted(office: Office, db: Database) -> str:
    """The user name of an account whose roles the security administrator changed, twice."""
    name = f"audited-{uuid4().hex[:10]}"
    await Registry(db).load((), (NewAccount(name, f"被查{name[-4:]}", "desk", (Role.CLERK,), PASSWORD),))
    for roles in (["CLERK", "REVIEWER"], []):
        answer = await office.http.put(
            f"/v1/accounts/{name}/roles", json={"roles": roles}, headers=await office.headers("security")
        )
        assert answer.status_code == 200
    return name


async def id_of(db: Database, name: str) -> str:
    async with db.read(SYSTEM) as session:
        found = await accounts.by_username(session, name)
    assert found is not None
    return found.account_id


@pytest.fixture
def readings(office: Office) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    """All readings of the audit that are on record, but those of the test itself."""

    async def found() -> list[dict[str, Any]]:
        rows, after = [], 0
        while True:
            answer = await office.get("auditor", "/v1/audit", chain="admin/audit", after=after, limit=200)
            page: dict[str, Any] = answer.json()
            rows += [row for row in page["items"] if row["subject"] != "admin/audit"]
            if page["next"] is None:
                return rows
            after = page["next"]

    return found


def rows_of(page: Page) -> list[str]:
    """The page's rows as text."""
    body = page.answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>")[:-1]]


async def test_who_changed_which_roles_is_read_and_that_is_on_record(
    db: Database, auditor: Browser, granted: str, readings: Callable[[], Awaitable[list[dict[str, Any]]]]
) -> None:
    before = await readings()
    page = await auditor.get("/workbench")
    assert page.answer.url.path == AUDIT
    assert len(await readings()) == len(before), "nothing is read before it is asked for"
    page = await auditor.send(page.form("/audit"), area="accounts", username=granted, act="ROLES_GRANTED")
    # A browser sends this form by GET; the page takes nothing else.
    assert page.status == 405
    page = await auditor.get(f"{AUDIT}?area=accounts&username={granted}&act=ROLES_GRANTED")
    taken, given = rows_of(page)
    assert "更改岗位 安全管理员" in taken
    assert "原：受理员、审核员 现：无" in taken
    assert "原：受理员 现：受理员、审核员" in given
    assert f"被查{granted[-4:]}（{await id_of(db, granted)}）" in given
    (read,) = (await readings())[len(before) :]
    assert (read["action"], read["actor"], read["subject"]) == (
        "AUDIT_READ", f"account/{await id_of(db, 'auditor')}", "admin/accounts",
    )  # fmt: skip
    assert (read["details"]["subject"], read["details"]["action"]) == (await id_of(db, granted), "ROLES_GRANTED")
    assert [form.action for form in page.forms if form.method == "post"] == ["/workbench/logout"]
    english = await auditor.get(f"{AUDIT}?area=accounts&username={granted}&lang=en")
    assert "roles were granted or taken away" in english.text
    await auditor.get(f"{AUDIT}?lang=zh")


async def test_what_happened_to_one_account_is_found(office: Office, auditor: Browser, granted: str) -> None:
    await office.headers(granted)
    rows = rows_of(await auditor.get(f"{AUDIT}?area=account&username={granted}"))
    assert "设置了本人密码" in "".join(rows)
    assert "登录" in rows[-1]
    rows = rows_of(await auditor.get(f"{AUDIT}?area=account&username={granted}&act=VOUCHED"))
    assert ["安全管理员确认账号由本人使用" in row for row in rows] == [True]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [("area=account", 422, "请填写用户名"), ("area=account&username=nobody-there", 422, "账号不存在"),
     ("area=accounts&username=%00", 400, ""), ("area=accounts&username=%27%3B--", 422, "账号不存在"),
     ("area=accounts&first=yesterday", 422, "日期格式不正确"), ("area=accounts&last=9999-12-31", 422, "日期格式不正确"),
     ("area=accounts&first=9990-01-01", 200, "没有符合"), ("area=accounts&last=1999-01-01", 200, "没有符合条件"),
     ("area=../case", 200, "只能查阅"), ("area=accounts&before=0", 422, ""), ("area=accounts&before=x", 422, "")],
)  # fmt: skip
async def test_rubbish_is_said_and_reads_nothing(auditor: Browser, asked: str, status: int, said: str) -> None:
    page = await auditor.get(f"{AUDIT}?{asked}")
    assert (page.status, said in page.text, rows_of(page)) == (status, True, []), page.text


async def test_pages_go_back_in_time_without_a_gap(
    auditor: Browser, granted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = f"{AUDIT}?area=accounts&username={granted}"
    whole = rows_of(await auditor.get(asked))
    assert len(whole) == 3
    monkeypatch.setattr(pages, "ROWS", 1)
    page, found = await auditor.get(asked), []
    for _ in whole:
        found += rows_of(page)
        following = re.search(r'href="([^"]+)" rel="next"', page.answer.text)
        if following:
            page = await auditor.get(following[1].replace("&amp;", "&"))
    assert (found, following) == (whole, None)


@pytest.mark.parametrize("who", ["admin", "security", "clerk.desk", "supervisor.wj"])
async def test_nobody_else_reads_it(
    browsers: Browsers, who: str, readings: Callable[[], Awaitable[list[dict[str, Any]]]]
) -> None:
    before, other = await readings(), await browsers.of(who)
    for asked in ("", "?area=accounts", "?area=account&username=auditor"):
        page = await other.get(f"{AUDIT}{asked}")
        assert (page.status, rows_of(page)) == (403, [])
    assert f'href="{AUDIT}"' not in (await other.get("/workbench/unit")).answer.text
    assert await readings() == before
