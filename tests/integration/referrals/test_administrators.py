"""Three administrators (三员分立): units and accounts; roles; the audit. Nobody holds two."""

import asyncio
import base64
import time
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from contracts.lifecycle import Role
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals import second_factor
from services.referrals.refusals import Refused
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")

SYSTEM, SECURITY, AUDITOR, CLERK = "admin", "security", "auditor", "clerk.desk"


async def added(office: Office) -> str:
    """The user name of a new account."""
    name = f"new-{uuid4().hex[:10]}"
    body = {"username": name, "name": "新人", "unit_id": "desk", "password": PASSWORD}
    answer = await office.post(SYSTEM, "/v1/accounts", body)
    assert answer.status_code == 201, answer.text
    return name


async def put_roles(office: Office, who: str, username: str, *roles: str) -> tuple[int, str]:
    answer = await office.http.put(
        f"/v1/accounts/{username}/roles", json={"roles": roles}, headers=await office.headers(who)
    )
    return answer.status_code, answer.json().get("code", "")


async def test_an_account_can_do_nothing_before_the_security_administrator_grants_it(office: Office) -> None:
    name = await added(office)
    case_id = await office.new_case()
    assert (await office.try_act(name, case_id, "CLAIM")).status_code == 404
    assert await put_roles(office, SYSTEM, name, "CLERK") == (403, "FORBIDDEN")
    assert await put_roles(office, AUDITOR, name, "CLERK") == (403, "FORBIDDEN")
    assert await put_roles(office, CLERK, name, "CLERK") == (403, "FORBIDDEN")
    assert await put_roles(office, SECURITY, name, "CLERK") == (200, "")
    office._tokens.pop(name)
    assert (await office.try_act(name, case_id, "CLAIM")).status_code == 200


async def test_the_system_administrator_gives_no_roles_along(office: Office) -> None:
    body = {"username": "x", "name": "甲", "unit_id": "desk", "password": PASSWORD, "roles": ["CLERK"]}
    assert (await office.post(SYSTEM, "/v1/accounts", body)).status_code == 422


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        (SECURITY, "POST", "/v1/units"),
        (AUDITOR, "POST", "/v1/units"),
        (SECURITY, "POST", "/v1/accounts"),
        (AUDITOR, "POST", "/v1/accounts"),
        (SECURITY, "POST", "/v1/accounts/clerk.desk/departure"),
        (AUDITOR, "POST", "/v1/accounts/clerk.desk/departure"),
        (SYSTEM, "DELETE", "/v1/accounts/clerk.desk/second-factor"),
        (AUDITOR, "DELETE", "/v1/accounts/clerk.desk/second-factor"),
        (SECURITY, "PUT", "/v1/accounts/clerk.desk/password"),
        (AUDITOR, "PUT", "/v1/accounts/clerk.desk/password"),
        (SYSTEM, "GET", "/v1/audit?chain=admin/accounts"),
        (SECURITY, "GET", "/v1/audit?chain=admin/accounts"),
        (CLERK, "GET", "/v1/audit?chain=admin/accounts"),
        (CLERK, "GET", "/v1/accounts"),
    ],
)
async def test_no_administrator_does_anothers_work(office: Office, who: str, method: str, path: str) -> None:
    bodies: dict[str, Any] = {
        "/v1/units": {"unit_id": "u", "name": "某", "level": "CITY", "kind": "DESK", "region": "370100"},
        "/v1/accounts": {"username": "y", "name": "甲", "password": PASSWORD},
    }
    bodies["/v1/accounts/clerk.desk/password"] = {"password": PASSWORD}
    body = bodies.get(path, {}) if method in ("POST", "PUT") else None
    answer = await office.http.request(method, path, json=body, headers=await office.headers(who))
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("roles", [("SYSTEM_ADMIN", "AUDIT_ADMIN"), ("SECURITY_ADMIN", "CLERK"), ("ADMIN",)])
async def test_nobody_holds_two(office: Office, db: Database, roles: tuple[str, ...]) -> None:
    name = await added(office)
    assert await put_roles(office, SECURITY, name, *roles) == (422, "ROLES_APART")
    with pytest.raises(Refused, match="ROLES_APART"):
        await Registry(db).load((), (NewAccount("two", "二", None, tuple(map(Role, roles)), PASSWORD),))


async def test_the_database_itself_keeps_the_three_apart(office: Office, settings: Settings) -> None:
    connection = await asyncpg.connect(settings.dsn("referrals"))
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                "INSERT INTO account_roles SELECT account_id, 'AUDIT_ADMIN' FROM accounts WHERE username = 'admin'"
            )
    finally:
        await connection.close()


@pytest.mark.parametrize("role", [Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN])
async def test_an_administrator_is_closed_at_the_machine_alone(office: Office, db: Database, role: Role) -> None:
    """Else the system administrator would be rid of who grants roles, and of who reads what was done."""
    name = await added(office)
    assert await put_roles(office, SECURITY, name, role) == (200, "")
    answer = await office.post(SYSTEM, f"/v1/accounts/{name}/departure", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "ADMINISTRATORS_ACCOUNT")
    assert await active(office, name)
    await Registry(db).leave(name)
    assert not await active(office, name)


async def test_nobody_closes_his_own_account(office: Office) -> None:
    answer = await office.post(SYSTEM, f"/v1/accounts/{SYSTEM}/departure", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "OWN_ACCOUNT")
    assert await active(office, SYSTEM)


async def active(office: Office, name: str) -> bool:
    """Whether the account is open, as it is listed."""
    items = (await office.get(SECURITY, "/v1/accounts")).json()["items"]
    (found,) = [row["active"] for row in items if row["username"] == name]
    return bool(found)


async def test_nobody_grants_roles_to_himself(office: Office) -> None:
    assert await put_roles(office, SECURITY, SECURITY, "AUDIT_ADMIN") == (403, "OWN_ROLES")


async def test_a_grant_ends_the_sessions_and_the_audit_administrator_reads_of_it(office: Office) -> None:
    name = await added(office)
    old = await office.headers(name)
    account = (await office.http.get("/v1/sessions/current", headers=old)).json()["account_id"]
    assert await put_roles(office, SECURITY, name, "REVIEWER") == (200, "")
    rows, after = [], 0
    while True:
        page = (await office.get(AUDITOR, "/v1/audit", chain="admin/accounts", after=after, limit=200)).json()
        rows += page["items"]
        if page["next"] is None:
            break
        after = page["next"]
    granted = [row for row in rows if row["subject"] == account and row["action"] != "ACCOUNT_ADDED"]
    assert [(row["action"], row["details"]) for row in granted] == [
        ("ROLES_GRANTED", {"after": ["REVIEWER"], "before": []})
    ]
    page = (await office.get(AUDITOR, "/v1/audit", chain="admin/audit")).json()
    assert "AUDIT_READ" in {row["action"] for row in page["items"]}, "and that he read it is there too"
    assert (await office.get(AUDITOR, "/v1/audit", chain="admin/../x")).status_code == 422


async def test_who_lost_the_second_factor_gets_it_reset_and_is_logged_out(office: Office) -> None:
    name = await added(office)
    own = await office.headers(name)
    offer = (await office.http.post("/v1/second-factor", headers=own)).json()
    secret = base64.b32decode(offer["secret"])
    body = {"code": second_factor.code_at(secret, time.time())}
    set_up = (await office.http.post("/v1/second-factor/confirmation", json=body, headers=own)).json()
    own = {"Authorization": f"Bearer {set_up['access_token']}"}
    account = (await office.http.get("/v1/sessions/current", headers=own)).json()["account_id"]
    by_password = {"username": name, "password": office._own[name]}
    assert (await office.http.post("/v1/sessions", json=by_password)).status_code == 401, "it takes the code"

    path = f"/v1/accounts/{name}/second-factor"
    assert (await office.http.delete(path, headers=await office.headers(SECURITY))).status_code == 204
    async with asyncio.timeout(20):  # a session may be two seconds old
        while (await office.http.get("/v1/units", headers=own)).status_code != 401:
            await asyncio.sleep(0.1)
    entered = (await office.http.post("/v1/sessions", json=by_password)).json()
    own = {"Authorization": f"Bearer {entered['access_token']}"}
    assert (await office.http.get("/v1/second-factor", headers=own)).json()["in_use"] is False
    # Nothing of the old one is left: another is set up, and neither the old recovery codes nor the old secret fit it.
    offer = (await office.http.post("/v1/second-factor", headers=own)).json()
    assert base64.b32decode(offer["secret"]) != secret
    new = {"code": second_factor.code_at(base64.b32decode(offer["secret"]), time.time())}
    assert (await office.http.post("/v1/second-factor/confirmation", json=new, headers=own)).status_code == 200
    for code in (set_up["recovery_codes"][0], second_factor.code_at(secret, time.time())):
        assert (await office.http.post("/v1/sessions", json={**by_password, "code": code})).status_code == 401
    # On record: by whom, for the audit and for the officer.
    rows = (await office.get(AUDITOR, "/v1/audit", chain=f"account/{account}")).json()["items"]
    (reset,) = [row for row in rows if row["action"] == "SECOND_FACTOR_RESET"]
    by = (await office.get(SECURITY, "/v1/sessions/current")).json()["account_id"]
    assert reset["actor"] == f"account/{by}"
    again = await office.http.delete("/v1/accounts/nobody-here/second-factor", headers=await office.headers(SECURITY))
    assert again.json()["code"] == "UNKNOWN_ACCOUNT"
    itself = f"/v1/accounts/{SECURITY}/second-factor"
    assert (await office.http.delete(itself, headers=await office.headers(SECURITY))).status_code == 403


async def test_administrators_see_no_case(office: Office) -> None:
    case_id = await office.new_case()
    for who in (SYSTEM, SECURITY, AUDITOR):
        assert (await office.get(who, f"/v1/cases/{case_id}")).status_code == 404
        assert (await office.get(who, "/v1/cases")).json()["items"] == []
