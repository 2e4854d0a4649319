"""Log-in by the agency's OpenID provider, against one that runs: there and back, for this browser alone. A name that
the provider tells opens no account: its officer says whose it is, or of a new one the security administrator."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI

from contracts.lifecycle import Role
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.browsing import Browsers, Page
from tests.integration.referrals.office import PASSWORD, Office
from tests.integration.referrals.provider import Provider, running

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started(settings: Settings) -> AsyncIterator[Provider]:
    async with running(settings) as there:
        yield there


@pytest_asyncio.fixture(loop_scope="session")
async def provider(app: FastAPI, started: Provider) -> AsyncIterator[Provider]:
    before = app.state.services
    app.state.services = replace(before, openid=started.ours)
    yield started
    app.state.services = before


@pytest_asyncio.fixture(loop_scope="session")
async def clerk(db: Database) -> str:
    """The user name of an officer of the test's own."""
    name = f"sso-{uuid4().hex[:10]}"
    await Registry(db).load((), (NewAccount(name, "某人", "desk", (Role.CLERK,), PASSWORD),), invented_people=True)
    return name


def subject() -> str:
    return f"s-{uuid4().hex[:12]}"


async def code_of(provider: Provider, browsers: Browsers, person: str) -> str:
    """What the page shows to a person who is named by the provider and has no account yet; he is logged in to none."""
    browser = browsers.fresh()
    page = await provider.log_in(browser, person)
    assert page.status == 403, page.text
    shown = re.search(r'id="vouching-code">(\d{4}) (\d{4})<', page.answer.text)
    assert shown is not None, page.text
    assert "login" in str((await browser.get("/workbench/unit")).answer.url), "it opens nothing"
    return shown[1] + shown[2]


async def linked(provider: Provider, browsers: Browsers, name: str, person: str) -> Page:
    """What the officer is answered who is logged in by his password and types the person's code."""
    code, desk = await code_of(provider, browsers, person), await browsers.of(name)
    form = (await desk.get("/workbench/password")).form("/password/openid")
    return await desk.send(form, code=code)


async def made(office: Office, *roles: Role) -> str:
    """The user name of an account that the system administrator adds, and the security administrator gives roles."""
    name = f"made-{uuid4().hex[:10]}"
    body = {"username": name, "name": "李四", "unit_id": "desk", "password": PASSWORD}
    assert (await office.post("admin", "/v1/accounts", body)).status_code == 201
    headers = await office.headers("security")
    granted = await office.http.put(f"/v1/accounts/{name}/roles", json={"roles": roles}, headers=headers)
    assert granted.status_code == 200, granted.text
    return name


async def vouching(office: Office, name: str, code: str) -> tuple[int, str]:
    answer = await office.post("security", f"/v1/accounts/{name}/vouching", {"code": code})
    return answer.status_code, answer.json().get("code", "")


async def acts_on(office: Office, name: str) -> list[tuple[str, str]]:
    """What is on the account's audit of its links, with the user name of who did it."""
    everybody = (await office.get("admin", "/v1/accounts")).json()["items"]
    ids = {row["username"]: row["account_id"] for row in everybody}
    names = {f"account/{account_id}": username for username, account_id in ids.items()}
    rows = (await office.get("auditor", "/v1/audit", chain=f"account/{ids[name]}")).json()["items"]
    return [(row["action"], names[row["actor"]]) for row in rows if row["action"].startswith(("OPENID", "VOUCH"))]


async def test_there_and_back(provider: Provider, browsers: Browsers, clerk: str) -> None:
    person, browser = subject(), browsers.fresh()
    await provider.knows(person, preferred_username=clerk)
    assert (await linked(provider, browsers, clerk, person)).status == 200
    page = await provider.log_in(browser, person, "/workbench/search")
    assert page.status == 200
    assert 'content="0;url=/workbench/search"' in page.answer.text, "on by a page of ours: the cookie is strict"
    cookies = {line.split("=")[0]: line.lower() for line in page.answer.headers.get_list("set-cookie")}
    assert "samesite=strict" in cookies["officer"]
    assert (await browser.get("/workbench/search")).status == 200


async def test_the_way_there_proves_itself_on_the_way_back(provider: Provider, browsers: Browsers, clerk: str) -> None:
    browser = browsers.fresh()
    sent = await browser.get("/workbench/login/openid", follow=False)
    there = sent.answer.headers["location"]
    for proof in ("state=", "nonce=", "code_challenge=", "code_challenge_method=S256", "response_type=code"):
        assert proof in there
    assert there.startswith(provider.url)
    assert "samesite=lax" in sent.answer.headers["set-cookie"].lower()


async def test_who_has_no_account_here_gets_none(provider: Provider, browsers: Browsers) -> None:
    person, browser = subject(), browsers.fresh()
    await provider.knows(person, preferred_username="nobody-here")
    page = await provider.log_in(browser, person)
    assert (page.status, "没有账号" in page.text) == (403, True)
    assert "login" in str((await browser.get("/workbench/unit")).answer.url)


async def test_an_account_is_the_persons_who_came_first(provider: Provider, browsers: Browsers, clerk: str) -> None:
    first, second = subject(), subject()
    await provider.knows(first, preferred_username=clerk)
    await provider.knows(second, preferred_username=clerk)
    assert (await linked(provider, browsers, clerk, first)).status == 200
    assert (await provider.log_in(browsers.fresh(), first)).status == 200
    assert (await provider.log_in(browsers.fresh(), second)).status == 403, "by the same name, but another person"
    await provider.knows(first, preferred_username="renamed")
    assert (await provider.log_in(browsers.fresh(), first)).status == 200, "and stays his under another name"


@pytest.mark.parametrize("name", ["clerk.rdesk", "admin", "security", "auditor"])
async def test_who_takes_an_officers_name_at_the_provider_gets_no_account_even_by_the_security_administrator(
    provider: Provider, browsers: Browsers, office: Office, name: str
) -> None:
    person = subject()
    await provider.knows(person, preferred_username=name)
    code = await code_of(provider, browsers, person)
    assert code == await code_of(provider, browsers, person), "the same until it is used"
    assert (await vouching(office, name, code))[0] == 403
    await code_of(provider, browsers, person)


async def test_not_even_a_new_administrator_is_linked_by_another(
    provider: Provider, browsers: Browsers, office: Office
) -> None:
    name, person = await made(office, Role.AUDIT_ADMIN), subject()
    await provider.knows(person, preferred_username=name)
    assert await vouching(office, name, await code_of(provider, browsers, person)) == (403, "WRONG_VOUCHING_CODE")


@pytest.mark.parametrize("name", ["", "x" * 5000, "<b>admin</b>", "' OR 1=1 --"], ids=repr)
async def test_a_name_that_is_rubbish_is_nobodys(provider: Provider, browsers: Browsers, name: str) -> None:
    person = subject()
    await provider.knows(person, preferred_username=name)
    page = await provider.log_in(browsers.fresh(), person)
    assert (page.status, "没有账号" in page.text) == (403, True)


async def test_who_made_an_account_does_not_have_it_by_the_provider_until_the_security_administrator_heard_his_code(
    provider: Provider, browsers: Browsers, office: Office
) -> None:
    name, maker, officer = await made(office, Role.CLERK), subject(), subject()
    for person in (maker, officer):
        await provider.knows(person, preferred_username=name)
    makers, officers = [await code_of(provider, browsers, person) for person in (maker, officer)]
    assert makers != officers
    for who in ("admin", "auditor", "supervisor.desk"):
        assert (await office.post(who, f"/v1/accounts/{name}/vouching", {"code": officers})).status_code == 403
    assert await vouching(office, name, officers) == (200, "")
    browser = browsers.fresh()
    assert (await provider.log_in(browser, officer)).status == 200
    assert (await browser.get("/workbench/unit")).status == 200
    assert await vouching(office, name, makers) == (403, "WRONG_VOUCHING_CODE")
    assert (await provider.log_in(browsers.fresh(), maker)).status == 403
    entered = await office.http.post("/v1/sessions", json={"username": name, "password": PASSWORD})
    own = {"Authorization": f"Bearer {entered.json()['access_token']}"}
    assert (await office.http.get("/v1/cases", headers=own)).status_code == 403, "nor by the password that he gave it"
    assert await acts_on(office, name) == [
        ("OPENID_CLAIMED", name),
        ("OPENID_CLAIMED", name),
        ("OPENID_LINKED", "security"),
        ("VOUCHING_REFUSED", "security"),
    ]


async def test_the_code_is_the_accounts_whose_name_the_provider_told_last(
    provider: Provider, browsers: Browsers, office: Office
) -> None:
    first, second, person = await made(office, Role.CLERK), await made(office, Role.CLERK), subject()
    await provider.knows(person, preferred_username=first)
    before = await code_of(provider, browsers, person)
    await provider.knows(person, preferred_username=second)
    now = await code_of(provider, browsers, person)
    assert await vouching(office, first, before) == (403, "WRONG_VOUCHING_CODE")
    assert await vouching(office, first, now) == (403, "WRONG_VOUCHING_CODE")
    assert await vouching(office, second, now) == (200, "")


async def test_an_officer_links_his_own_account_and_nobody_anothers(
    provider: Provider, browsers: Browsers, office: Office, clerk: str
) -> None:
    person, other = subject(), await browsers.of("handler.wj")
    await provider.knows(person, preferred_username=clerk)
    code = await code_of(provider, browsers, person)
    page = await other.send((await other.get("/workbench/password")).form("/password/openid"), code=code)
    assert (page.status, "确认码不正确" in page.text) == (403, True)
    given = await made(office, Role.CLERK)
    newcomer = browsers.fresh()
    await newcomer.send((await newcomer.get("/workbench/login")).form("/login"), username=given, password=PASSWORD)
    assert "password/openid" not in (await newcomer.get("/workbench/password")).answer.text, "whose password is given"
    assert (await linked(provider, browsers, clerk, person)).status == 200
    assert (await provider.log_in(browsers.fresh(), person)).status == 200
    assert await acts_on(office, clerk) == [("OPENID_CLAIMED", clerk), ("OPENID_LINKED", clerk)]


async def test_an_administrator_links_his_own_account_by_his_password(
    provider: Provider, browsers: Browsers, db: Database
) -> None:
    name, person = f"keeper-{uuid4().hex[:10]}", subject()
    new = NewAccount(name, "某人", None, (Role.AUDIT_ADMIN,), PASSWORD)
    await Registry(db).load((), (new,), invented_people=True)
    await provider.knows(person, preferred_username=name)
    assert (await linked(provider, browsers, name, person)).status == 200
    assert (await provider.log_in(browsers.fresh(), person)).status == 200


async def test_a_look_alike_of_a_name_is_nobodys(provider: Provider, browsers: Browsers, db: Database) -> None:
    name = f"keeper-{uuid4().hex[:10]}"
    await Registry(db).load((), (NewAccount(name, "某人", "desk", (Role.CLERK,), PASSWORD),), invented_people=True)
    person = subject()
    await provider.knows(person, preferred_username=name.replace("k", "\u212a"))  # the sign of the kelvin
    assert (await provider.log_in(browsers.fresh(), person)).status == 403


async def test_the_security_administrator_lets_go_of_a_wrong_link(
    provider: Provider, browsers: Browsers, office: Office, clerk: str
) -> None:
    wrong, right, browser = subject(), subject(), browsers.fresh()
    for person in (wrong, right):
        await provider.knows(person, preferred_username=clerk)
    assert (await linked(provider, browsers, clerk, wrong)).status == 200
    assert (await provider.log_in(browser, wrong)).status == 200
    security = await office.headers("security")
    answer = await office.http.delete(f"/v1/accounts/{clerk}/second-factor", headers=security)
    assert answer.status_code == 204
    async with asyncio.timeout(30):  # sessions are looked up anew every few seconds
        while "login" not in str((await browser.get("/workbench/unit")).answer.url):
            await asyncio.sleep(0.2)
    assert (await linked(provider, browsers, clerk, right)).status == 200
    assert (await provider.log_in(browsers.fresh(), right)).status == 200
    assert (await provider.log_in(browsers.fresh(), wrong)).status == 403


async def test_a_closed_account_stays_closed(provider: Provider, browsers: Browsers, db: Database, clerk: str) -> None:
    person = subject()
    await provider.knows(person, preferred_username=clerk)
    assert (await linked(provider, browsers, clerk, person)).status == 200
    assert (await provider.log_in(browsers.fresh(), person)).status == 200
    await Registry(db).leave(clerk)
    assert (await provider.log_in(browsers.fresh(), person)).status == 403


async def test_an_answer_counts_once_and_in_the_browser_that_asked(
    provider: Provider, browsers: Browsers, clerk: str
) -> None:
    person, mine, theirs = subject(), browsers.fresh(), browsers.fresh()
    await provider.knows(person, preferred_username=clerk)
    assert (await linked(provider, browsers, clerk, person)).status == 200
    sent = await mine.get("/workbench/login/openid", follow=False)
    back = await provider.vouched(sent.answer.headers["location"], person)
    assert (await theirs.get(back, follow=False)).status == 401, "another browser, which asked for nothing"
    await theirs.get("/workbench/login/openid", follow=False)
    assert (await theirs.get(back, follow=False)).status == 401, "or asked for something else"
    assert (await mine.get(back, follow=False)).status == 200
    assert (await mine.get(back, follow=False)).status == 401


@pytest.mark.parametrize("query", ["", "?error=access_denied&state=x", "?code=x", "?code=x&state=", "?state=x&iss=y"])
async def test_rubbish_opens_nothing(provider: Provider, browsers: Browsers, query: str) -> None:
    browser = browsers.fresh()
    await browser.get("/workbench/login/openid", follow=False)
    page = await browser.get(f"/workbench/login/openid/back{query}", follow=False)
    assert (page.status, "统一身份认证没有通过" in page.text) == (401, True)


async def test_nobody_is_sent_elsewhere_afterwards(provider: Provider, browsers: Browsers, clerk: str) -> None:
    person = subject()
    await provider.knows(person, preferred_username=clerk)
    assert (await linked(provider, browsers, clerk, person)).status == 200
    page = await provider.log_in(browsers.fresh(), person, "https://evil.example/")
    assert "evil" not in page.answer.text


async def test_where_passwords_are_off_none_opens_anything(office: Office, app: FastAPI, clerk: str) -> None:
    identities = app.state.services.identities
    before, identities.policy = identities.policy, replace(identities.policy, passwords=False)
    try:
        answer = await office.http.post("/v1/sessions", json={"username": clerk, "password": PASSWORD})
    finally:
        identities.policy = before
    assert (answer.status_code, answer.json()["code"]) == (403, "PASSWORDS_OFF")


async def test_without_a_provider_there_is_no_such_way(office: Office, browsers: Browsers) -> None:
    browser = browsers.fresh()
    assert (await browser.get("/workbench/login/openid")).status == 404
    assert "openid" not in (await browser.get("/workbench/login")).answer.text
