"""What an account sees and does rests on a working role and, where somebody else set its password, on the word of the
security administrator, who heard the code of the officer's own page from the officer."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import jwt
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Role, Track
from deploy.stack import Stack
from services.chassis import auth
from services.chassis.crypto import Keyring
from services.chassis.db import SYSTEM, Database
from services.chassis.migrate import upgrade
from services.chassis.settings import Settings
from services.referrals import second_factor
from services.referrals.refusals import Refused
from services.referrals.repository import accounts
from services.referrals.service.identity import Identities
from services.referrals.service.passwords import Passwords
from services.referrals.service.registry import NewAccount, Registry
from services.referrals.service.second_factors import SecondFactors
from tests.integration.referrals.conftest import own_database
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN = "what he alone knows"


async def added(office: Office, unit_id: str = "rdesk") -> str:
    """The user name of an account that the system administrator made."""
    name = f"made-{uuid4().hex[:10]}"
    body = {"username": name, "name": "新人", "unit_id": unit_id, "password": PASSWORD}
    answer = await office.post("admin", "/v1/accounts", body)
    assert answer.status_code == 201, answer.text
    return name


async def session_of(office: Office, name: str, password: str = OWN) -> dict[str, str]:
    entered = await office.http.post("/v1/sessions", json={"username": name, "password": password})
    assert entered.status_code == 201, entered.text
    return {"Authorization": f"Bearer {entered.json()['access_token']}"}


async def taken_over(office: Office, name: str, given: str = PASSWORD) -> dict[str, str]:
    """The session of who logs in with the given password and sets another: its officer, or who knew it too."""
    own, body = await session_of(office, name, given), {"current": given, "new": OWN}
    changed = await office.http.put("/v1/sessions/current/password", json=body, headers=own)
    assert changed.status_code == 200, changed.text
    return {"Authorization": f"Bearer {changed.json()['access_token']}"}


async def reset(office: Office, name: str, password: str = PASSWORD) -> None:
    headers = await office.headers("admin")
    answer = await office.http.put(f"/v1/accounts/{name}/password", json={"password": password}, headers=headers)
    assert answer.status_code == 204


async def grant(office: Office, name: str, *roles: Role) -> None:
    headers = await office.headers("security")
    answer = await office.http.put(f"/v1/accounts/{name}/roles", json={"roles": roles}, headers=headers)
    assert (answer.status_code, answer.json()["vouched"]) == (200, False), "a grant says nothing of whose account it is"


async def account_of(db: Database, name: str) -> accounts.Account:
    async with db.read(SYSTEM) as session:
        found = await accounts.by_username(session, name)
    assert found is not None
    return found


async def vouching(office: Office, name: str, code: str, by: str = "security") -> tuple[int, str]:
    answer = await office.post(by, f"/v1/accounts/{name}/vouching", {"code": code})
    return answer.status_code, answer.json().get("code", "")


async def sees_nothing(office: Office, own: dict[str, str], case_id: UUID, number: str, *, refused: bool) -> None:
    """Whatever the account asks for about a case of its unit: there is none; ``refused`` before it is looked for."""
    case, key = f"/v1/cases/{case_id}", {**own, "Idempotency-Key": str(uuid4())}
    lists = ("/v1/cases", f"/v1/cases?case_number={number}", "/v1/queues/unit", "/v1/queues/mine", "/v1/stats",
             "/v1/identity-openings/waiting")  # fmt: skip
    for path in lists:
        answer = await office.http.get(path, headers=own)
        if refused:
            assert (answer.status_code, answer.json()["code"]) == (403, "NOT_VOUCHED"), path
        else:
            assert (answer.status_code, next(iter(answer.json().values()))) == (200, []), path
    parts = ("", "/clocks", "/routes", "/exports", "/duplicates", "/identity-openings", "/transfer-records")
    for answer in (
        *[await office.http.get(case + part, headers=own) for part in parts],
        await office.http.post(f"{case}/grants", json={"purpose": "HANDLING"}, headers=own),
        await office.http.post(f"{case}/acts", json={"act": "CLAIM", "expected_sequence": 1}, headers=key),
    ):
        assert answer.status_code == (403 if refused else 404), (answer.url, answer.text)


async def report(office: Office) -> tuple[UUID, str]:
    """A report at the restricted desk."""
    case_id = await office.new_case(Track.INTEGRITY)
    return case_id, (await office.view("clerk.rdesk", case_id))["facts"]["case_number"]


async def test_an_account_of_the_restricted_desk_without_a_role_sees_nothing(office: Office, app: FastAPI) -> None:
    case_id, number = await report(office)
    name = await added(office)
    own = await taken_over(office, name)
    await sees_nothing(office, own, case_id, number, refused=True)
    await office.vouch(name, await office.code(own))
    own = await session_of(office, name)
    await sees_nothing(office, own, case_id, number, refused=False)
    token = own["Authorization"].removeprefix("Bearer ")
    who = await app.state.services.identities.of_token(token)
    assert (who.unit_ids, who.restricted, who.principal.unit_ids, who.principal.restricted) == ((), False, (), False)
    standing = await app.state.services.identities.standing(who.jti)
    assert (standing.unit_id, standing.unit_ids, standing.restricted) == (None, (), False), "what notifications hear"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["unit_id"], claims["unit_ids"], claims["restricted"]) == ("", [], False)
    with app.state.services.news.subscribed(who) as page:
        assert not page.concerned(True, frozenset({"rdesk"}))
    assert await app.state.services.people.colleagues(who) == []


async def test_who_resets_an_officers_password_sees_and_does_nothing_in_his_name(office: Office, app: FastAPI) -> None:
    case_id, number = await report(office)
    name = await added(office)
    await office.headers(name)
    headers = await office.headers("security")
    body = {"roles": [Role.CLERK]}
    assert (await office.http.put(f"/v1/accounts/{name}/roles", json=body, headers=headers)).json()["vouched"] is True
    office._tokens.pop(name)
    assert (await office.get(name, f"/v1/cases/{case_id}")).status_code == 200
    await reset(office, name)
    own = await taken_over(office, name)
    await sees_nothing(office, own, case_id, number, refused=True)
    who = await app.state.services.identities.of_token(own["Authorization"].removeprefix("Bearer "))
    assert (who.unit_ids, who.restricted, who.account.roles) == ((), False, frozenset())
    assert await app.state.services.identities.standing(who.jti) is None, "nor do other services know the session"
    await office.vouch(name, await office.code(own))
    async with asyncio.timeout(20):  # he logs in anew
        while (await office.http.get(f"/v1/cases/{case_id}", headers=own)).status_code != 401:
            await asyncio.sleep(0.1)
    own = await session_of(office, name)
    assert (await office.http.get(f"/v1/cases/{case_id}", headers=own)).status_code == 200


async def test_a_role_says_nothing_of_whose_account_it_is(office: Office) -> None:
    """Who made the account is faster than its officer; the security administrator grants roles as always."""
    case_id, number = await report(office)
    name = await added(office)
    await taken_over(office, name)
    for _ in range(2):
        await grant(office, name, Role.CLERK)
    await sees_nothing(office, await session_of(office, name), case_id, number, refused=True)
    other = await added(office)
    await grant(office, other, Role.AUDIT_ADMIN)
    own = await taken_over(office, other)
    assert (await office.http.get("/v1/audit?chain=admin/accounts", headers=own)).status_code == 403, "nor an auditor"


async def test_only_the_security_administrator_vouches_by_the_present_code(office: Office, db: Database) -> None:
    name = await added(office, "desk")
    own = await taken_over(office, name)
    told = await office.code(own)
    assert (len(told), told) == (8, await office.code(own)), "the same until it is used"
    for who in ("admin", "auditor", "supervisor.desk"):
        assert await vouching(office, name, told, who) == (403, "FORBIDDEN")
    assert await vouching(office, "nobody.at.all", told) == (422, "UNKNOWN_ACCOUNT")
    assert await vouching(office, name, str(int(told) ^ 1).zfill(8)) == (403, "WRONG_VOUCHING_CODE")
    assert await vouching(office, name, "") == (422, "validation")
    await reset(office, name)
    assert await vouching(office, name, told) == (403, "WRONG_VOUCHING_CODE"), "of a session that is over"
    own = await taken_over(office, name)
    again = await office.code(own)
    assert await vouching(office, name, f" {again[:4]} {again[4:]} ") == (200, "")
    assert await vouching(office, name, again) == (403, "WRONG_VOUCHING_CODE"), "it is used up"
    own = await session_of(office, name)
    assert (await office.http.get("/v1/sessions/current/vouching-code", headers=own)).json() == {"code": None}
    account, by = await account_of(db, name), await account_of(db, "security")
    rows = (await office.get("auditor", "/v1/audit", chain=f"account/{account.account_id}")).json()["items"]
    said = [(row["action"], row["actor"]) for row in rows if row["action"].startswith("VOUCH")]
    refused, done = [(action, f"account/{by.account_id}") for action in ("VOUCHING_REFUSED", "VOUCHED")]
    assert said == [refused, refused, done, refused]
    assert told not in str(rows)


async def test_a_secret_that_somebody_saw_before_a_reset_becomes_nobodys_second_factor(office: Office) -> None:
    name = await added(office, "desk")
    own = await taken_over(office, name)
    known = (await office.http.post("/v1/second-factor", headers=own)).json()["secret"]
    await reset(office, name)
    own = await taken_over(office, name)
    code = second_factor.code_at(base64.b32decode(known), time.time())
    done = await office.http.post("/v1/second-factor/confirmation", json={"code": code}, headers=own)
    assert (done.status_code, done.json()["code"]) == (422, "WRONG_CODE")


async def test_codes_are_not_guessed(office: Office) -> None:
    name = await added(office, "desk")
    told = await office.code(await taken_over(office, name))
    for n in range(5):
        assert await vouching(office, name, f"{(int(told) + 1 + n) % 10**8:08}") == (403, "WRONG_VOUCHING_CODE")
    assert await vouching(office, name, told) == (403, "WRONG_VOUCHING_CODE"), "there is a pause"


async def test_the_machine_vouches_for_administrators_alone(db: Database, office: Office) -> None:
    names = [f"at-machine-{uuid4().hex[:8]}" for _ in range(2)]
    people = [NewAccount(names[0], "某", None, (Role.SECURITY_ADMIN,), PASSWORD),
              NewAccount(names[1], "某", "desk", (Role.CLERK,), PASSWORD)]  # fmt: skip
    await Registry(db).load((), people)
    assert [(await account_of(db, name)).vouched for name in names] == [True, False]
    await Registry(db).reset_password(names[0], "set at the machine")
    own = await taken_over(office, names[0], "set at the machine")
    assert (await office.http.get("/v1/accounts", headers=own)).status_code == 200


class Overtaken:
    """A database where somebody else comes between what a use case reads and what it writes."""

    def __init__(self, db: Database, act: Callable[[], Awaitable[object]]) -> None:
        self._db = db
        self._act = act
        self.read = db.read

    @asynccontextmanager
    async def session(self, *principal: Any) -> AsyncIterator[AsyncSession]:
        await self._act()
        async with self._db.session(*principal) as session:
            yield session


async def test_a_log_in_that_a_reset_overtakes_opens_nothing(office: Office, db: Database, app: FastAPI) -> None:
    name = await added(office, "desk")
    await taken_over(office, name)
    before, times = app.state.services.identities, 0

    async def resets() -> None:
        nonlocal times
        times += 1
        await Registry(db).reset_password(name, "set by another")

    slow = Identities(
        cast(Database, Overtaken(db, resets)), before._tokens, before._factors, before.devices, before.policy
    )
    with pytest.raises(Refused, match="BAD_CREDENTIALS"):
        await slow.log_in(name, OWN)
    assert times == 1
    assert (await session_of(office, name, "set by another"))["Authorization"], "and its hash is the one that was set"


@pytest.fixture
def old_settings(stack_engines: Stack) -> Iterator[Settings]:
    """Of a database of the release before own passwords."""
    with own_database(stack_engines, "0018") as settings:
        yield settings


async def test_an_upgrade_locks_nobody_out_and_ends_the_sessions_that_do_not_say_what_they_stand_on(
    old_settings: Settings, app: FastAPI
) -> None:
    services, owner = app.state.services, old_settings.owner_dsn("referrals")
    await filled(owner)
    upgrade("referrals", owner)
    db = Database(old_settings.dsn("referrals"))
    try:
        factors = SecondFactors(db, Keyring({"k": bytes(32)}, "k"))
        identities = Identities(db, services.tokens, factors, services.identities.devices, services.identities.policy)
        async with db.read(SYSTEM) as session:
            left = await session.execute(text("SELECT count(*) FROM sessions WHERE revoked_at IS NULL"))
            assert left.scalar_one() == 0
        _, who = await identities.log_in("old", PASSWORD)
        assert who.must_set_password
        _, who = await Passwords(db, identities, timedelta(hours=1)).set_own(who, PASSWORD, OWN)
        assert (who.must_be_vouched, who.account.roles) == (False, frozenset({Role.CLERK}))
        _, idle = await identities.log_in("idle", PASSWORD)
        assert idle.must_be_vouched, "whom nobody gave any work is not taken over by an upgrade"
    finally:
        await db.close()


async def filled(owner_dsn: str) -> None:
    """Accounts and a session as the release before own passwords wrote them."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        hashed = await auth.hash_password(PASSWORD)
        for account_id, username in (("a-old", "old"), ("a-idle", "idle")):
            await connection.execute(
                "INSERT INTO accounts (account_id, username, name, password_hash) VALUES ($1, $2, '某', $3)",
                account_id, username, hashed,
            )  # fmt: skip
        await connection.execute("INSERT INTO account_roles VALUES ('a-old', 'CLERK')")
        await connection.execute(
            "INSERT INTO sessions (jti, account_id, expires_at) VALUES ($1, 'a-old', now() + interval '1 day')", uuid4()
        )
    finally:
        await connection.close()
