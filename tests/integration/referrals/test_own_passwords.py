"""A password that an administrator set is good once: for setting the officer's own, within a time, and on record."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from contracts.lifecycle import Role
from services.chassis.db import SYSTEM, Database
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN = "a password of my own"


async def newcomer(db: Database, *roles: Role) -> str:
    """The user name of an officer whose password was given to him."""
    name = f"new-{uuid4().hex[:10]}"
    await Registry(db).load((), (NewAccount(name, "新人", "desk", roles or (Role.CLERK,), PASSWORD),))
    return name


async def log_in(office: Office, name: str, password: str = PASSWORD) -> httpx.Response:
    return await office.http.post("/v1/sessions", json={"username": name, "password": password})


def bearing(answer: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def set_own(office: Office, own: dict[str, str], current: str = PASSWORD, new: str = OWN) -> httpx.Response:
    return await office.http.put("/v1/sessions/current/password", json={"current": current, "new": new}, headers=own)


async def row_of(db: Database, name: str) -> Any:
    async with db.read(SYSTEM) as session:
        found = await session.execute(text("SELECT * FROM accounts WHERE username = :name"), {"name": name})
        return found.one()


async def audited(office: Office, db: Database, name: str) -> list[dict[str, Any]]:
    chain = f"account/{(await row_of(db, name)).account_id}"
    found: list[dict[str, Any]] = (await office.get("auditor", "/v1/audit", chain=chain)).json()["items"]
    return found


async def test_a_given_password_opens_nothing_but_the_setting_of_an_own_one(
    office: Office, db: Database, app: FastAPI
) -> None:
    name = await newcomer(db)
    entered = await log_in(office, name)
    assert entered.json()["must_set_password"] is True
    claims = jwt.decode(entered.json()["access_token"], options={"verify_signature": False})
    assert claims["aud"] != "officer", "other services don't take it"
    own = bearing(entered)
    paths = {path for path, item in app.openapi()["paths"].items() if path.startswith("/v1/") and "get" in item}
    open_to_all = {"/v1/sessions/current"}
    assert len(paths - open_to_all) > 15
    for path in paths - open_to_all:
        at = path.replace("{case_id}", str(uuid4())).replace("{", "").replace("}", "")
        refused = await office.http.get(at, headers=own, params={"chain": "admin/accounts"})
        assert (refused.status_code, refused.json()["code"]) in ((403, "PASSWORD_FIRST"), (401, "UNAUTHENTICATED")), at
    for path in ("/v1/second-factor", "/v1/second-factor/confirmation"):
        refused = await office.http.post(path, json={"code": "123456"}, headers=own)
        assert refused.json()["code"] == "PASSWORD_FIRST", path
    changed = await set_own(office, own)
    assert (changed.status_code, changed.json()["must_set_password"]) == (200, False)
    assert (await office.http.get("/v1/cases", headers=own)).status_code == 401, "the session before has ended"
    waits = await office.http.get("/v1/cases", headers=bearing(changed))
    assert (waits.status_code, waits.json()["code"]) == (403, "NOT_VOUCHED"), "until somebody says whose account it is"
    assert (await log_in(office, name)).status_code == 401
    assert (await log_in(office, name, OWN)).json()["must_set_password"] is False


async def test_a_given_password_lapses(office: Office, db: Database) -> None:
    name = await newcomer(db)
    own = bearing(await log_in(office, name))
    async with db.session(SYSTEM) as session:
        lapsed = text("UPDATE accounts SET password_until = now() - interval '1 second' WHERE username = :name")
        await session.execute(lapsed, {"name": name})
    assert (await log_in(office, name)).status_code == 401
    refused = await set_own(office, own)
    assert (refused.status_code, refused.json()["code"]) == (403, "WRONG_PASSWORD")


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        ("not the password", OWN, "WRONG_PASSWORD"),
        (PASSWORD, PASSWORD, "SAME_PASSWORD"),
        (PASSWORD, "short", "VALIDATION"),
    ],
)
async def test_the_own_password_is_another_and_takes_the_present_one(
    office: Office, db: Database, current: str, new: str, code: str
) -> None:
    name = await newcomer(db)
    refused = await set_own(office, bearing(await log_in(office, name)), current, new)
    assert refused.status_code in (403, 422)
    assert code == "VALIDATION" or refused.json()["code"] == code
    assert (await log_in(office, name)).json()["must_set_password"] is True, "nothing changed"


async def test_of_two_at_once_one_sets_it(office: Office, db: Database) -> None:
    name = await newcomer(db)
    sessions = [bearing(await log_in(office, name)) for _ in range(2)]
    answers = await asyncio.gather(*(set_own(office, own, new=f"{OWN} {n}") for n, own in enumerate(sessions)))
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 403])
    assert [answer.status_code for answer in [await log_in(office, name, f"{OWN} {n}") for n in range(2)]].count(
        201
    ) == 1


async def test_a_stolen_session_guesses_no_password(office: Office, db: Database) -> None:
    name = await newcomer(db)
    own = bearing(await log_in(office, name))
    for guess in range(5):
        assert (await set_own(office, own, f"guess number {guess}")).status_code == 403
    assert (await set_own(office, own)).status_code == 403, "the pause of this session"
    assert (await set_own(office, bearing(await log_in(office, name)))).status_code == 200, "nobody else waits"


async def test_a_reset_ends_the_sessions_is_on_the_audit_and_shown_to_the_officer(
    office: Office, db: Database, browsers: Browsers
) -> None:
    name = await newcomer(db)
    own = bearing(await set_own(office, bearing(await log_in(office, name))))
    body = {"password": "given once more"}
    answer = await office.http.put(f"/v1/accounts/{name}/password", json=body, headers=await office.headers("admin"))
    assert answer.status_code == 204, answer.text
    async with asyncio.timeout(20):
        while (await office.http.get("/v1/cases", headers=own)).status_code != 401:
            await asyncio.sleep(0.1)
    assert (await log_in(office, name, OWN)).status_code == 401
    by = f"account/{(await row_of(db, 'admin')).account_id}"
    (reset,) = [row for row in await audited(office, db, name) if row["action"] == "PASSWORD_RESET"]
    assert reset["actor"].endswith(by.removeprefix("account/"))
    page = await browsers.fresh().log_in(name, "given once more")
    assert "当前密码由管理员设置" in page.text
    assert "密码被重置，原会话全部结束 （由管理员）" in page.text
    assert "设置了本人密码" in page.text


async def test_no_administrator_resets_the_own_or_an_administrators_password(office: Office, db: Database) -> None:
    for name, code in (("admin", "OWN_PASSWORD"), ("security", "ADMINISTRATORS_PASSWORD")):
        headers = await office.headers("admin")
        answer = await office.http.put(f"/v1/accounts/{name}/password", json={"password": OWN}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    other = await newcomer(db, Role.AUDIT_ADMIN)
    await Registry(db).reset_password(other, "set at the machine")
    assert (await log_in(office, other, "set at the machine")).json()["must_set_password"] is True
    assert [row["actor"] for row in await audited(office, db, other) if row["action"] == "PASSWORD_RESET"]


async def test_the_pages_lead_to_the_own_password_and_its_code_from_everywhere(
    office: Office, db: Database, browsers: Browsers
) -> None:
    name = await newcomer(db)
    browser = browsers.fresh()
    page = await browser.log_in(name)
    for path in ("/workbench", "/workbench/unit", "/workbench/second-factor", f"/workbench/cases/{uuid4()}"):
        page = await browser.get(path)
        assert "当前密码由管理员设置" in page.text, path
    typed = {"current": PASSWORD, "new": OWN}
    differ = await browser.send(page.form("/password"), **typed, again=f"{OWN}x")
    assert (differ.status, "两次输入的新密码不一致" in differ.text) == (422, True)
    wrong = await browser.send(page.form("/password"), current="wrong", new=OWN, again=OWN)
    assert (wrong.status, "当前密码不正确" in wrong.text) == (403, True)
    done = await browser.send(page.form("/password"), **typed, again=OWN)
    assert "请将确认码当面或电话告知安全管理员" in done.text
    for path in ("/workbench", "/workbench/unit", f"/workbench/cases/{uuid4()}"):
        told = re.search(r'id="vouching-code">([\d ]+)<', (await browser.get(path)).answer.text)
        assert told, path
    assert "第二重验证" in (await browser.get("/workbench/second-factor")).text, "is set up meanwhile"
    await office.vouch(name, told[1])
    async with asyncio.timeout(20):  # and logs in anew
        while not (await browser.get("/workbench/unit")).has_form("/login"):
            await asyncio.sleep(0.1)
    page = await browser.log_in(name, OWN)
    assert "任务" in page.text
    assert "安全管理员确认账号由本人使用" in (await browser.get("/workbench/password")).text


async def test_where_a_second_factor_is_required_it_comes_after_the_own_password(
    office: Office, db: Database, app: FastAPI, browsers: Browsers, requiring_factors: None
) -> None:
    name = await newcomer(db)
    browser = browsers.fresh()
    page = await browser.log_in(name)
    page = await browser.send(page.form("/password"), current=PASSWORD, new=OWN, again=OWN)
    assert "设置完成后才能使用工作台" in page.text
    entered = (await log_in(office, name, OWN)).json()
    assert (entered["must_enrol"], entered["must_set_password"]) == (True, False)
