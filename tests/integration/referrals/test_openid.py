"""Log-in by the agency's OpenID provider, against one that runs: there and back, for this browser alone."""

import asyncio
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
from tests.integration.referrals.browsing import Browsers
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


async def test_there_and_back(provider: Provider, browsers: Browsers, clerk: str) -> None:
    person, browser = subject(), browsers.fresh()
    await provider.knows(person, preferred_username=clerk)
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
    assert (await provider.log_in(browsers.fresh(), first)).status == 200
    assert (await provider.log_in(browsers.fresh(), second)).status == 403, "by the same name, but another person"
    await provider.knows(first, preferred_username="renamed")
    assert (await provider.log_in(browsers.fresh(), first)).status == 200, "and stays his under another name"


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
    assert (await provider.log_in(browser, wrong)).status == 200
    security = await office.headers("security")
    answer = await office.http.delete(f"/v1/accounts/{clerk}/second-factor", headers=security)
    assert answer.status_code == 204
    async with asyncio.timeout(30):  # sessions are looked up anew every few seconds
        while "login" not in str((await browser.get("/workbench/unit")).answer.url):
            await asyncio.sleep(0.2)
    assert (await provider.log_in(browsers.fresh(), right)).status == 200
    assert (await provider.log_in(browsers.fresh(), wrong)).status == 403


async def test_a_closed_account_stays_closed(provider: Provider, browsers: Browsers, db: Database, clerk: str) -> None:
    person = subject()
    await provider.knows(person, preferred_username=clerk)
    assert (await provider.log_in(browsers.fresh(), person)).status == 200
    await Registry(db).leave(clerk)
    assert (await provider.log_in(browsers.fresh(), person)).status == 403


async def test_an_answer_counts_once_and_in_the_browser_that_asked(
    provider: Provider, browsers: Browsers, clerk: str
) -> None:
    person, mine, theirs = subject(), browsers.fresh(), browsers.fresh()
    await provider.knows(person, preferred_username=clerk)
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
