"""The accounts' pages: each administrator finds every account and does there what is his to do, and nothing else."""

import asyncio
import base64
import re
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI

from contracts.lifecycle import Role
from services.chassis.db import SYSTEM, Database
from services.referrals import second_factor
from services.referrals.repository import accounts
from services.referrals.service.registry import NewAccount, Registry
from services.referrals.web import accounts as pages
from tests.integration.referrals.browsing import Browser, Browsers, Page
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCOUNTS = "/workbench/accounts"
OWN = "what he alone knows"
GIVEN = "told in person 7"
SYSTEM_ACTS, SECURITY_ACTS = {"password", "departure", "pause"}, {"roles", "vouching", "second-factor", "pause"}


@dataclass
class Desk:
    """The administrators at their browsers, and the accounts behind them."""

    office: Office
    db: Database
    system: Browser
    security: Browser

    async def account(self, name: str) -> accounts.Account:
        async with self.db.read(SYSTEM) as session:
            found = await accounts.by_username(session, name)
        assert found is not None
        return found

    async def page(self, browser: Browser, name: str) -> Page:
        """The page of an account."""
        return await browser.get(f"{ACCOUNTS}/{(await self.account(name)).account_id}")

    async def add(self, unit_id: str = "desk", **typed: str) -> str:
        """The user name of an account that the system administrator adds on the page."""
        name = f"paged-{uuid4().hex[:10]}"
        form = (await self.system.get(f"{ACCOUNTS}/new")).form("/accounts/new")
        fields: dict[str, Any] = {
            "username": name,
            "name": f"新人{name[-4:]}",
            "unit_id": unit_id,
            "password": GIVEN,
            **typed,
        }
        page = await self.system.send(form, **fields)
        assert page.status == 200, page.text
        assert "账号已添加" in page.text
        return name

    async def acts(self, chain: str) -> list[tuple[str, str, str | None]]:
        """What is on a chain of the audit: act, actor and subject."""
        found: list[tuple[str, str, str | None]] = []
        after = 0
        while True:
            answer = await self.office.get("auditor", "/v1/audit", chain=chain, after=after, limit=200)
            page: dict[str, Any] = answer.json()
            found += [(row["action"], row["actor"], row["subject"]) for row in page["items"]]
            if page["next"] is None:
                return found
            after = page["next"]

    async def own(self, name: str) -> list[tuple[str, str]]:
        """What administrators did to an account, on its own chain: act and actor."""
        account = await self.account(name)
        found = await self.acts(f"account/{account.account_id}")
        return [(action, actor) for action, actor, _ in found if actor != _actor(account)]

    async def listed(self, name: str) -> list[tuple[str, str]]:
        """What is on record of an account among the accounts: act and actor."""
        subject = (await self.account(name)).account_id
        return [(action, actor) for action, actor, of in await self.acts("admin/accounts") if of == subject]

    async def by(self, name: str) -> str:
        return _actor(await self.account(name))


def _actor(account: accounts.Account) -> str:
    return f"account/{account.account_id}"


@pytest_asyncio.fixture(loop_scope="session")
async def desk(office: Office, db: Database, browsers: Browsers) -> Desk:
    return Desk(office, db, await browsers.of("admin"), await browsers.of("security"))


def forms(page: Page) -> set[str]:
    """The acts that a page of an account offers."""
    return {form.action.rsplit("/", 1)[1] for form in page.forms if form.action.startswith(ACCOUNTS + "/a-")}


async def told(browsers: Browsers, name: str, given: str = GIVEN) -> str:
    """The code that an officer sees who logs in with the given password and sets an own one."""
    browser = browsers.fresh()
    page = await browser.log_in(name, given)
    page = await browser.send(page.form("/password"), current=given, new=OWN, again=OWN)
    found = re.search(r'id="vouching-code">([\d ]+)<', page.answer.text)
    assert found, page.text
    return found[1]


async def test_from_a_new_account_to_an_officer_at_work(desk: Desk, browsers: Browsers) -> None:
    name = await desk.add()
    page = await desk.page(desk.security, name)
    assert "本人尚未设置自己的密码" in page.text
    code = await told(browsers, name)
    page = await desk.page(desk.security, name)
    assert "待确认" in page.text
    page = await desk.security.send(page.form("/vouching"), code="1234")
    assert page.status == 403
    assert "确认码不正确" in page.text
    page = await desk.security.send(page.form("/vouching"), code=code)
    assert "已确认账号由本人使用" in page.text
    assert not page.has_form("/vouching")
    page = await desk.security.send(page.form("/roles"), roles=["CLERK", "REVIEWER"])
    assert "岗位已更改" in page.text
    again = await desk.page(desk.security, name)
    assert "岗位已更改" not in again.text, "it is said once"
    assert again.form("/roles").fields["roles"] == ["CLERK", "REVIEWER"]
    security, system = await desk.by("security"), await desk.by("admin")
    assert await desk.own(name) == [("VOUCHING_REFUSED", security), ("VOUCHED", security)]
    assert await desk.listed(name) == [("ACCOUNT_ADDED", system), ("ROLES_GRANTED", security)]
    officer = browsers.fresh()
    page = await officer.log_in(name, OWN)
    assert page.answer.url.path == "/workbench/unit"
    assert ACCOUNTS not in page.answer.text, "who keeps no accounts finds no way there"


async def test_each_role_is_offered_its_own_acts_alone(desk: Desk, browsers: Browsers) -> None:
    name = await desk.add()
    stranger = browsers.fresh()
    for _ in range(6):
        await stranger.log_in(name, "a guess of somebody")
    system, security = await desk.page(desk.system, name), await desk.page(desk.security, name)
    assert "登录暂停中" in system.text
    # There is neither a code to ask for yet, nor a second factor to take away.
    assert (forms(system), forms(security)) == (SYSTEM_ACTS, SECURITY_ACTS - {"vouching", "second-factor"})
    assert (system.has_form("/new"), "添加账号" in (await desk.security.get(ACCOUNTS)).text) == (False, False)
    page = await desk.security.send(security.form("/pause"))
    assert "登录暂停已解除" in page.text
    assert (forms(page), "登录暂停中" in page.text) == ({"roles"}, False)
    await desk.security.send(security.form("/pause"))
    assert await desk.own(name) == [("UNLOCKED", await desk.by("security"))], "the second press ends nothing more"


@pytest.mark.parametrize("who", ["auditor", "clerk.desk", "supervisor.desk"])
async def test_nobody_else_sees_the_accounts(desk: Desk, browsers: Browsers, who: str) -> None:
    name, other = await desk.add(), await browsers.of(who)
    account = await desk.account(name)
    for path in (ACCOUNTS, f"{ACCOUNTS}/new", f"{ACCOUNTS}/{account.account_id}", f"{ACCOUNTS}/a-nobody"):
        page = await other.get(path)
        assert page.status == 403
        assert name not in page.answer.text
    assert f'href="{ACCOUNTS}"' not in (await other.get("/workbench/unit")).answer.text


@pytest.mark.parametrize(
    ("who", "not_his"),
    [("admin", SECURITY_ACTS - {"pause"}), ("security", SYSTEM_ACTS - {"pause"}),
     ("auditor", SYSTEM_ACTS | SECURITY_ACTS), ("clerk.desk", SYSTEM_ACTS | SECURITY_ACTS)],
)  # fmt: skip
async def test_a_forged_form_does_nobody_elses_work(
    desk: Desk, browsers: Browsers, who: str, not_his: set[str]
) -> None:
    name, other = await desk.add(), await browsers.of(who)
    before = await desk.account(name)
    token = (await other.get("/workbench/unit")).form("/logout").fields["form_token"]
    fields = {"form_token": token, "roles": "CLERK", "seen": "", "code": "1", "password": PASSWORD, "sure": "yes"}
    for act in not_his:
        assert (await other.post(f"{ACCOUNTS}/{before.account_id}/{act}", fields)).status == 403, act
    if who != "admin":
        new = {**fields, "key": str(uuid4()), "username": f"forged-{uuid4().hex}", "name": "某", "unit_id": "desk"}
        assert (await other.post(f"{ACCOUNTS}/new", new)).status == 403
    assert await desk.account(name) == before
    assert (await desk.own(name), len(await desk.listed(name))) == ([], 1)


async def test_an_act_needs_a_form_of_the_session(desk: Desk) -> None:
    name = await desk.add()
    before = await desk.account(name)
    page = await desk.page(desk.system, name)
    for token in ("", "x", (await desk.page(desk.security, name)).form("/roles").fields["form_token"][0]):
        answer = await desk.system.send(page.form("/departure"), sure="yes", form_token=token)
        assert (answer.status, "页面已过期" in answer.text) == (403, True)
    assert await desk.account(name) == before
    assert page.answer.headers["cache-control"] == "no-store"


async def test_nobody_acts_on_the_own_account(desk: Desk) -> None:
    for browser, name, act, refusal in (
        (desk.security, "security", "roles", "不得给本人授权"),
        (desk.security, "security", "second-factor", "不得给本人授权"),
        (desk.system, "admin", "password", "修改本人密码请登录后自行设置"),
        (desk.system, "admin", "departure", "不得停用本人账号"),
    ):
        page, account = await desk.page(browser, name), await desk.account(name)
        assert act not in forms(page)
        token = page.form("/logout").fields["form_token"]
        sent = {
            "form_token": token,
            "roles": "AUDIT_ADMIN",
            "seen": "SECURITY_ADMIN",
            "password": PASSWORD,
            "sure": "yes",
        }
        answer = await browser.post(f"{ACCOUNTS}/{account.account_id}/{act}", sent)
        assert (answer.status, refusal in answer.text) == (403, True), answer.text
        assert await desk.account(name) == account


async def test_an_administrators_password_is_set_and_his_account_closed_at_the_machine_alone(desk: Desk) -> None:
    page, account = await desk.page(desk.system, "auditor"), await desk.account("auditor")
    assert not forms(page) & {"password", "departure"}
    closing = {"form_token": page.form("/logout").fields["form_token"], "sure": "yes"}
    answer = await desk.system.post(f"{ACCOUNTS}/{account.account_id}/departure", closing)
    assert (answer.status, "管理员的账号只能在服务器上停用" in answer.text) == (403, True)
    assert await desk.account("auditor") == account
    assert "管理员的密码只能在服务器上重置" in page.text
    english = await desk.system.get(f"{page.answer.url.path}?lang=en")
    assert "An administrator's password is reset at the machine alone" in english.text


async def test_an_account_is_found_by_its_names_and_its_unit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = uuid4().hex[:8]
    people = [NewAccount(f"{mark}-{n}", f"查{mark}{n}", "hospital", (Role.HANDLER,), PASSWORD) for n in range(3)]
    await Registry(desk.db).load((), people)
    for text in (f"{mark}-1", f"查{mark}1", f"  {mark.upper()}-1 "):
        page = await desk.security.get(f"{ACCOUNTS}?text={text}")
        assert (f"{mark}-1" in page.text, f"{mark}-0" in page.text) == (True, False), text
    assert "没有符合条件的账号" in (await desk.security.get(f"{ACCOUNTS}?text={mark}&state=LEFT")).text
    assert "没有符合条件的账号" in (await desk.security.get(f"{ACCOUNTS}?text=%25{mark}")).text, "as it is written"
    monkeypatch.setattr(pages, "ROWS", 2)
    page = await desk.security.get(f"{ACCOUNTS}?text={mark}&state=GIVEN")
    assert (f"{mark}-1" in page.text, f"{mark}-2" in page.text) == (True, False)
    page = await desk.security.page_with(f"{ACCOUNTS}?text={mark}&state=GIVEN", f"{mark}-2")
    assert f"{mark}-1" not in page.text
    assert "历下区人民医院" in page.text
    page = await desk.security.page_with(f"{ACCOUNTS}?text=历下区人民医院", f"{mark}-2")
    assert (await desk.security.get(f"{ACCOUNTS}?text=hospital&after={'x' * 81}")).status == 422
    assert (await desk.security.get(f"{ACCOUNTS}/a-nobody")).status == 404


async def test_a_form_that_is_sent_twice_adds_one_account_and_shows_no_password(desk: Desk) -> None:
    form, name = (await desk.system.get(f"{ACCOUNTS}/new")).form("/accounts/new"), f"twice-{uuid4().hex[:8]}"
    made_up = form.fields["password"][0]
    assert len(made_up) >= 10
    both = await asyncio.gather(
        *(desk.system.send(form, follow=False, username=name, name="某", unit_id="desk") for _ in range(2))
    )
    assert len({answer.answer.headers["location"] for answer in both}) == 1
    for answer in both:
        assert made_up not in str(answer.answer.headers) + answer.answer.text
    assert made_up not in (await desk.page(desk.system, name)).answer.text
    assert await desk.listed(name) == [("ACCOUNT_ADDED", await desk.by("admin"))]
    taken = (await desk.system.get(f"{ACCOUNTS}/new")).form("/accounts/new")
    page = await desk.system.send(taken, username=name.upper(), name="另一人", unit_id="desk")
    assert (page.status, "已存在同名记录" in page.text) == (409, True)
    assert page.form("/accounts/new").fields["name"] == ["另一人"], "what was typed is still there"


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"username": "有空 格"}, "用户名只能用字母"), ({"name": " "}, "请填写姓名"), ({"password": "short"}, "10 至 200"),
     ({"unit_id": "nowhere"}, "单位不存在"), ({"key": "x"}, "表单内容不完整")],
)  # fmt: skip
async def test_what_can_not_be_is_said_at_the_form(desk: Desk, typed: dict[str, str], said: str) -> None:
    form = (await desk.system.get(f"{ACCOUNTS}/new")).form("/accounts/new")
    good: dict[str, Any] = {"username": f"never-{uuid4().hex[:8]}", "name": "某", "unit_id": "desk"}
    page = await desk.system.send(form, **{**good, **typed})
    assert (page.status, said in page.text) == (422, True), page.text
    if "username" not in typed:
        assert "没有符合条件" in (await desk.system.get(f"{ACCOUNTS}?text={good['username']}")).text


async def test_roles_that_somebody_else_changed_meanwhile_are_not_taken_back(desk: Desk) -> None:
    name = await desk.add()
    first = (await desk.page(desk.security, name)).form("/roles")
    await desk.security.send(first, roles=["CLERK"])
    await desk.security.send(first, roles=["CLERK"])
    page = await desk.security.send(first, roles=["HANDLER"])
    assert (page.status, "岗位刚被他人更改" in page.text) == (409, True)
    assert (await desk.account(name)).roles == {Role.CLERK}
    page = await desk.security.send(page.form("/roles"), roles=["SYSTEM_ADMIN", "CLERK"])
    assert (page.status, "须由不同的人担任" in page.text) == (422, True)
    page = await desk.security.send(page.form("/roles"), roles=[])
    assert (page.status, (await desk.account(name)).roles) == (200, frozenset())
    assert [action for action, _ in await desk.listed(name)] == ["ACCOUNT_ADDED", "ROLES_GRANTED", "ROLES_GRANTED"]


async def test_the_word_for_an_account_may_be_sent_twice_at_once(desk: Desk, browsers: Browsers) -> None:
    name = await desk.add()
    code = await told(browsers, name)
    form = (await desk.page(desk.security, name)).form("/vouching")
    both = await asyncio.gather(*(desk.security.send(form, code=code) for _ in range(2)))
    assert [page.status for page in both] == [200, 200]
    assert await desk.own(name) == [("VOUCHED", await desk.by("security"))]


async def test_a_forgotten_password_is_set_anew_and_vouched_for_again(desk: Desk, browsers: Browsers) -> None:
    name = await desk.add()
    await desk.office.vouch(name, await told(browsers, name))
    page = await desk.page(desk.system, name)
    page = await desk.system.send(page.form("/password"), password="short")
    assert (page.status, "10 至 200" in page.text) == (422, True)
    page = await desk.system.send(page.form("/password"), password="another one told")
    assert "密码已重置" in page.text
    assert "another one told" not in page.answer.text
    assert not (await desk.account(name)).vouched
    assert (await desk.own(name))[-1] == ("PASSWORD_RESET", await desk.by("admin"))
    await told(browsers, name, "another one told")


async def test_a_lost_second_factor_is_taken_away(desk: Desk, browsers: Browsers, app: FastAPI) -> None:
    name = await desk.add()
    account, factors = await desk.account(name), app.state.services.factors
    offer = await factors.offer(account.account_id, name)
    code = second_factor.code_at(base64.b32decode(offer.secret), time.time())
    async with desk.db.session(SYSTEM) as session:
        await factors.confirm(session, account.account_id, code)
    page = await desk.page(desk.security, name)
    assert "已启用" in page.text
    page = await desk.security.send(page.form("/second-factor"))
    assert (page.status, "第二重验证已取消" in page.text, page.has_form("/second-factor")) == (200, True, False)
    assert (await desk.own(name))[-1] == ("SECOND_FACTOR_RESET", await desk.by("security"))


async def test_the_account_of_who_leaves_is_closed_and_a_colleague_takes_over(desk: Desk) -> None:
    name, heir = await desk.add("wj2"), await desk.add("wj2")
    page = await desk.page(desk.system, name)
    offered = page.form("/departure").offered["heir"]
    assert (heir in offered, name in offered, "clerk.desk" in offered) == (True, False, False)
    refused = await desk.system.send(page.form("/departure"), heir=heir)
    assert (refused.status, "请先勾选确认" in refused.text) == (422, True)
    other = await desk.system.send(page.form("/departure"), heir="clerk.desk", sure="yes")
    assert (other.status, "账号不存在" in other.text, (await desk.account(name)).active) == (422, True, True)
    for _ in range(2):
        done = await desk.system.send(page.form("/departure"), heir=heir, sure="yes")
        assert (done.status, "账号已停用" in done.text, forms(done)) == (200, True, set())
    assert [action for action, _ in await desk.listed(name)] == ["ACCOUNT_ADDED", "ACCOUNT_CLOSED"]
    assert name in (await desk.system.get(f"{ACCOUNTS}?text={name}&state=LEFT")).text


async def test_an_administrator_whom_nobody_vouched_for_gets_no_further_than_the_code(
    desk: Desk, browsers: Browsers
) -> None:
    name = await desk.add("")
    await desk.security.send((await desk.page(desk.security, name)).form("/roles"), roles=["SYSTEM_ADMIN"])
    await told(browsers, name)
    browser = browsers.fresh()
    await browser.log_in(name, OWN)
    assert (await browser.get(ACCOUNTS)).answer.url.path == "/workbench/password"


async def test_administrators_begin_at_the_accounts_and_have_no_way_to_cases(desk: Desk) -> None:
    for browser in (desk.system, desk.security):
        page = await browser.get("/workbench")
        assert page.answer.url.path == ACCOUNTS
        assert "/workbench/mine" not in page.answer.text
