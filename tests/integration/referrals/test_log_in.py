"""Logging in: a second factor, a pause after failures, one shape of answer, and sessions that end."""

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import jwt
import pytest
import pytest_asyncio
from fastapi import FastAPI

from contracts.lifecycle import Role
from contracts.sessions import PURPOSE, Standing
from deploy.demo.client import Officers
from deploy.demo.factors import Factors
from deploy.stack import Stack
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals import second_factor
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def clerk(db: Database) -> str:
    """The user name of an officer of the test's own."""
    name = f"clerk-{uuid4().hex[:10]}"
    await Registry(db).load((), (NewAccount(name, "某人", "desk", (Role.CLERK,), PASSWORD),), invented_people=True)
    return name


class Clock:
    """What the second factor takes for now. It starts beyond all codes used before."""

    def __init__(self) -> None:
        self.seconds = time.time()

    def __call__(self) -> float:
        return self.seconds

    def tick(self) -> None:
        """To the next step."""
        self.seconds += second_factor.STEP_SECONDS


@pytest.fixture
def clock(app: FastAPI) -> Any:
    factors = app.state.services.factors
    before, factors.clock = factors.clock, Clock()
    yield factors.clock
    factors.clock = before


@pytest_asyncio.fixture(loop_scope="session")
async def admin(settings: Settings, stack_engines: Stack) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Who sees what is really stored."""
    connection = await asyncpg.connect(stack_engines.config.admin_dsn(settings.dsn("referrals").rsplit("/", 1)[1]))
    yield connection
    await connection.close()


async def log_in(office: Office, username: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
    return await office.http.post("/v1/sessions", json={"username": username, "password": password, "code": code})


async def session_of(office: Office, username: str, code: str = "") -> dict[str, str]:
    answer = await log_in(office, username, code=code)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def enrolled(office: Office, username: str, clock: Clock) -> tuple[bytes, list[str]]:
    """The secret and the recovery codes of an officer who set up a second factor."""
    own = await session_of(office, username)
    offer = (await office.http.post("/v1/second-factor", headers=own)).json()
    secret = base64.b32decode(offer["secret"])
    code = second_factor.code_at(secret, clock.seconds)
    answer = await office.http.post("/v1/second-factor/confirmation", json={"code": code}, headers=own)
    assert answer.status_code == 200, answer.text
    clock.tick()
    return secret, answer.json()["recovery_codes"]


async def test_a_password_alone_opens_nothing_once_a_second_factor_is_set_up(
    office: Office, clerk: str, clock: Clock
) -> None:
    secret, _ = await enrolled(office, clerk, clock)
    assert (await log_in(office, clerk)).status_code == 401
    assert (await log_in(office, clerk, code="000000")).status_code == 401
    assert (await log_in(office, clerk, code=second_factor.code_at(secret, clock.seconds))).status_code == 201


async def test_a_code_is_taken_once_and_none_before_it_after(office: Office, clerk: str, clock: Clock) -> None:
    secret, _ = await enrolled(office, clerk, clock)
    before = second_factor.code_at(secret, clock.seconds)
    clock.tick()
    code = second_factor.code_at(secret, clock.seconds)
    assert (await log_in(office, clerk, code=code)).status_code == 201
    assert (await log_in(office, clerk, code=code)).status_code == 401
    assert (await log_in(office, clerk, code=before)).status_code == 401, "within the drift, but older"


async def test_of_two_at_once_with_one_code_one_gets_in(office: Office, clerk: str, clock: Clock) -> None:
    secret, _ = await enrolled(office, clerk, clock)
    code = second_factor.code_at(secret, clock.seconds)
    answers = await asyncio.gather(*(log_in(office, clerk, code=code) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]


async def test_a_recovery_code_stands_for_the_app_once(
    office: Office, clerk: str, clock: Clock, admin: "asyncpg.Connection[Any]"
) -> None:
    secret, codes = await enrolled(office, clerk, clock)
    assert (await log_in(office, clerk, code=codes[0].upper())).status_code == 201
    assert (await log_in(office, clerk, code=codes[0])).status_code == 401
    assert (await log_in(office, clerk, code=codes[1])).status_code == 201
    stored = ""
    for table in ("second_factors", "recovery_codes"):
        stored += "".join(row[0] for row in await admin.fetch(f"SELECT t::text FROM {table} t"))
    for kept in (*codes, second_factor.as_text(secret), secret.hex()):
        assert kept not in stored


async def test_a_factor_in_use_is_replaced_by_nobody_with_a_session(office: Office, clerk: str, clock: Clock) -> None:
    secret, _ = await enrolled(office, clerk, clock)
    own = await session_of(office, clerk, second_factor.code_at(secret, clock.seconds))
    answer = await office.http.post("/v1/second-factor", headers=own)
    assert (answer.status_code, answer.json()["code"]) == (409, "FACTOR_IN_USE")


async def test_where_one_is_required_nothing_else_is_open_before(
    office: Office, app: FastAPI, clerk: str, clock: Clock
) -> None:
    identities = app.state.services.identities
    before, identities.policy = identities.policy, replace(identities.policy, factor_required=True)
    try:
        answer = await log_in(office, clerk)
        assert answer.json()["must_enrol"] is True
        own = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
        assert claims["aud"] != "officer", "other services don't take it"
        for path in ("/v1/queues/unit", "/v1/cases", "/v1/units", "/v1/stats", "/v1/identity-openings/waiting"):
            refused = await office.http.get(path, headers=own)
            assert (refused.status_code, refused.json()["code"]) == (403, "SECOND_FACTOR_FIRST")
        secret, _ = await enrolled(office, clerk, clock)
        answer = await log_in(office, clerk, code=second_factor.code_at(secret, clock.seconds))
        assert answer.json()["must_enrol"] is False
        own = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert (await office.http.get("/v1/queues/unit", headers=own)).status_code == 200
    finally:
        identities.policy = before


async def test_set_up_on_the_pages_without_scripts(
    office: Office, app: FastAPI, browsers: Browsers, clerk: str, clock: Clock
) -> None:
    identities = app.state.services.identities
    before, identities.policy = identities.policy, replace(identities.policy, factor_required=True)
    try:
        browser = browsers.fresh()
        page = await browser.log_in(clerk)
        assert "设置完成后才能使用工作台" in page.text, "wherever one wants to go"
        page = await browser.send(page.form("/second-factor"))
        assert "<svg" in page.answer.text
        found = re.search(r'id="secret">([A-Z2-7]+)<', page.answer.text)
        assert found
        secret = base64.b32decode(found[1])
        wrong = await browser.send(page.form("/confirmation"), code="000000")
        assert (wrong.status, "验证码不正确" in wrong.text) == (422, True)
        done = await browser.send(wrong.form("/confirmation"), code=second_factor.code_at(secret, clock.seconds))
        assert done.answer.text.count("<code>") == 10
        assert (await browser.get("/workbench/unit")).status == 200
        assert "<code>" not in (await browser.get("/workbench/second-factor")).answer.text
    finally:
        identities.policy = before
    clock.tick()
    other = browsers.fresh()
    page = await other.get("/workbench/login")
    typed = {"username": clerk, "password": PASSWORD}
    assert (await other.send(page.form("/login"), **typed)).status == 401
    code = second_factor.code_at(secret, clock.seconds)
    assert (await other.send(page.form("/login"), **typed, code=code)).status == 200


async def test_failures_lead_to_a_pause_that_grows_and_ends(
    office: Office, clerk: str, admin: "asyncpg.Connection[Any]"
) -> None:
    for _ in range(5):
        wrong = await log_in(office, clerk, "wrong password")
        assert wrong.status_code == 401
    right = await log_in(office, clerk)
    assert right.status_code == 401, "the right password opens nothing in the pause"
    assert {**right.json()} == {**wrong.json()}, "and the answer does not tell"
    waits = "SELECT extract(epoch FROM paused_until - last_at)::float FROM login_failures ORDER BY last_at DESC LIMIT 1"
    over = (
        "UPDATE login_failures SET paused_until = now()"
        " WHERE name_hash = (SELECT name_hash FROM login_failures ORDER BY last_at DESC LIMIT 1)"
    )
    pauses = [await admin.fetchval(waits)]
    for _ in range(5):
        await admin.execute(over)
        await log_in(office, clerk, "wrong password")
        pauses.append(await admin.fetchval(waits))
    assert pauses == [60, 120, 240, 480, 900, 900]
    await admin.execute(over)
    assert (await log_in(office, clerk)).status_code == 201
    assert (await log_in(office, clerk, "wrong password")).status_code == 401
    assert (await log_in(office, clerk)).status_code == 201, "the count began anew"


async def test_who_does_not_exist_is_answered_as_who_does(
    office: Office, clerk: str, admin: "asyncpg.Connection[Any]"
) -> None:
    nobody = f"nobody-{uuid4().hex[:10]}"
    for _ in range(6):
        known, unknown = await log_in(office, clerk, "wrong"), await log_in(office, nobody, "wrong")
        assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    stored = "".join(str(row) for row in await admin.fetch("SELECT t::text FROM login_failures t"))
    assert nobody not in stored


async def test_a_session_unused_for_too_long_is_over(
    office: Office, app: FastAPI, clerk: str, admin: "asyncpg.Connection[Any]"
) -> None:
    own = await session_of(office, clerk)
    identities = app.state.services.identities
    jti = jwt.decode(own["Authorization"][7:], options={"verify_signature": False})["jti"]
    old = "UPDATE sessions SET last_seen_at = now() - $2::interval WHERE jti = $1"
    await admin.execute(old, jti, timedelta(minutes=29))
    identities._recent.clear()
    identities._used.clear()
    assert (await office.http.get("/v1/stats", headers=own)).status_code == 200
    seen = await admin.fetchval("SELECT now() - last_seen_at FROM sessions WHERE jti = $1", jti)
    assert seen < timedelta(minutes=1), "that was a use"
    await admin.execute(old, jti, timedelta(minutes=31))
    identities._recent.clear()
    identities._used.clear()
    assert (await office.http.get("/v1/stats", headers=own)).status_code == 401


async def test_a_page_that_refreshes_itself_keeps_no_session_alive(
    office: Office, app: FastAPI, browsers: Browsers, clerk: str, admin: "asyncpg.Connection[Any]"
) -> None:
    browser = await browsers.of(clerk)
    identities = app.state.services.identities
    account = await admin.fetchval("SELECT account_id FROM accounts WHERE username = $1", clerk)
    await admin.execute(
        "UPDATE sessions SET last_seen_at = now() - interval '20 minutes' WHERE account_id = $1", account
    )
    identities._recent.clear()
    identities._used.clear()
    assert (await browser.get("/workbench/unit", **{"HX-Request": "true"})).status == 200
    fresh = "SELECT count(*) FROM sessions WHERE account_id = $1 AND last_seen_at > now() - interval '10 minutes'"
    assert await admin.fetchval(fresh, account) == 0
    assert (await browser.get("/workbench/unit")).status == 200
    assert await admin.fetchval(fresh, account) == 1


async def test_log_ins_are_on_the_audit(office: Office, clerk: str, admin: "asyncpg.Connection[Any]") -> None:
    account = (await office.http.get("/v1/sessions/current", headers=await session_of(office, clerk))).json()
    await log_in(office, clerk, "wrong")
    found = await admin.fetch(
        "SELECT action FROM audit_log WHERE chain = $1 ORDER BY sequence", f"account/{account['account_id']}"
    )
    assert [row["action"] for row in found] == ["LOGGED_IN", "LOGIN_REFUSED"]


async def test_the_demonstrations_officers_set_one_up_where_it_is_required(
    office: Office, app: FastAPI, clerk: str, tmp_path: Path
) -> None:
    identities = app.state.services.identities
    before, identities.policy = identities.policy, replace(identities.policy, factor_required=True)
    try:
        officers = Officers(office.http, "http://referrals", PASSWORD, Factors(tmp_path / "factors.json"))
        own = {"Authorization": f"Bearer {await officers.login(clerk)}"}
    finally:
        identities.policy = before
    assert (await office.http.get("/v1/queues/unit", headers=own)).status_code == 200
    assert len(Factors(tmp_path / "factors.json").code(clerk)) == 6, "kept for the next run"


async def test_other_services_hear_whether_a_session_goes_on(
    office: Office, app: FastAPI, settings: Settings, clerk: str, admin: "asyncpg.Connection[Any]"
) -> None:
    own = await session_of(office, clerk)
    jti = jwt.decode(own["Authorization"][7:], options={"verify_signature": False})["jti"]

    async def heard(issuer: str = "notifications", purpose: str = PURPOSE) -> httpx.Response:
        asking = ServiceTokens(issuer, settings).issue("referrals", purpose, subject=jti)
        headers = {"Authorization": f"Bearer {asking}"}
        return await office.http.get("/internal/v1/sessions/current", headers=headers)

    before = await admin.fetchval("SELECT last_seen_at FROM sessions WHERE jti = $1", jti)
    standing = Standing.model_validate_json((await heard()).content)
    assert (standing.unit_id, standing.unit_ids, standing.roles) == ("desk", ("desk",), (Role.CLERK,))
    assert await admin.fetchval("SELECT last_seen_at FROM sessions WHERE jti = $1", jti) == before, "no use of it"
    assert (await heard(issuer="complaints")).status_code == 401
    assert (await heard(purpose="reply")).status_code == 401
    assert (await office.http.get("/internal/v1/sessions/current", headers=own)).status_code == 401
    await office.http.delete("/v1/sessions/current", headers=own)
    assert (await heard()).status_code == 404
