"""What keeps an identity shut beside our own checks: tables, keys, audit, second factor, and the seal."""

import base64
import time
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from contracts.lifecycle import Role
from deploy.stack import Stack
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals import second_factor
from services.referrals.service.reading import Reading
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.office import PASSWORD, Office
from tests.integration.referrals.opening import (
    CLERK,
    SUPERVISOR,
    ask,
    asked,
    code,
    decide,
    granted,
    named,
    path,
    read,
    record,
)
from tests.integration.referrals.vault import PERSON, Vault, put_a_yes

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def case_id(office: Office, vault: Vault) -> UUID:
    """A named complaint at the desk."""
    return await named(office, vault)


async def test_the_vaults_record_is_added_to_and_never_changed(
    office: Office, vault: Vault, settings: Settings, case_id: UUID
) -> None:
    opening = await granted(office, case_id)
    await read(office, opening)
    connection = await asyncpg.connect(settings.dsn("vault"))
    try:
        for table in ("openings", "decisions", "readings", "attempts"):
            assert await connection.fetch(f"SELECT * FROM vault.{table} LIMIT 1") is not None
            for statement in (f"DELETE FROM vault.{table}", f"UPDATE vault.{table} SET opening_id = opening_id"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_keys_of_the_tables_hold_four_eyes_without_our_code(
    office: Office, vault: Vault, settings: Settings, case_id: UUID
) -> None:
    opening = await asked(office, case_id)
    yes = (
        "INSERT INTO vault.decisions (opening_id, asked_by, granted, officer, at, open_until)"
        " VALUES ($1, $2, true, $3, now(), now() + interval '1 hour')"
    )
    look_in = "INSERT INTO vault.readings (opening_id, officer, at, jti) VALUES ($1, $2, now(), $3)"
    own, other, opening_id = opening["account_id"], "a-second", UUID(opening["opening_id"])
    connection = await asyncpg.connect(settings.dsn("vault"))
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(yes, opening_id, own, own)
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute(yes, opening_id, other, own)
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute(look_in, opening_id, own, str(uuid4()))
        await connection.execute(yes, opening_id, own, other)
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute(look_in, opening_id, other, str(uuid4()))
    finally:
        await connection.close()


async def test_a_dump_of_all_databases_and_every_other_key_opens_no_identity(
    office: Office, vault: Vault, settings: Settings, stack_engines: Stack, case_id: UUID
) -> None:
    await read(office, await granted(office, case_id))
    dumped = ""
    for dsn in (settings.dsn("referrals"), settings.dsn("complaints")):
        admin = await asyncpg.connect(stack_engines.config.admin_dsn(dsn.rsplit("/", 1)[1]))
        for table in await admin.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ):
            dumped += "\n".join(row[0] for row in await admin.fetch(f"SELECT t::text FROM {table['name']} t"))
        await admin.close()
    assert str(case_id) in dumped
    for secret in PERSON.values():
        assert secret not in dumped
        assert secret.encode().hex() not in dumped
    for file in settings.keys_dir.iterdir():
        assert not (file.is_file() and b"PRIVATE KEY" in file.read_bytes())


async def test_every_word_of_it_is_on_the_audit(
    office: Office, vault: Vault, settings: Settings, stack_engines: Stack, case_id: UUID
) -> None:
    opening = await granted(office, case_id)
    await read(office, opening)
    await read(office, opening, "clerk2.desk")
    admin = await asyncpg.connect(stack_engines.config.admin_dsn(settings.dsn("vault").rsplit("/", 1)[1]))
    found = await admin.fetch(
        "SELECT action FROM vault.audit_log WHERE chain = $1 ORDER BY sequence", f"case/{case_id}"
    )
    await admin.close()
    assert [row["action"] for row in found] == [
        "IDENTITY_ASKED", "IDENTITY_GRANTED", "IDENTITY_READ", "IDENTITY_REFUSED"
    ]  # fmt: skip


async def by_password(office: Office, username: str) -> dict[str, str]:
    """A session without a second factor."""
    answer = await office.http.post("/v1/sessions", json={"username": username, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def granting(office: Office, name: str, role: Role) -> httpx.Response:
    """The security administrator gives an account a role."""
    headers = await office.headers("security")
    return await office.http.put(f"/v1/accounts/{name}/roles", json={"roles": [role]}, headers=headers)


async def test_a_password_alone_opens_no_identity(office: Office, case_id: UUID) -> None:
    opening = await granted(office, case_id)
    there, waiting = path(case_id), await asked(office, case_id, "clerk2.desk")
    clerk, chief = await by_password(office, CLERK), await by_password(office, SUPERVISOR)
    one_more = {**clerk, "Idempotency-Key": str(uuid4())}
    for answer in (
        await office.http.post(there, json={"purpose": "VISIT"}, headers=one_more),
        await office.http.post(f"{there}/{waiting['opening_id']}/decision", json={"granted": True}, headers=chief),
        await office.http.post(f"{there}/{opening['opening_id']}/readings", headers=clerk),
    ):
        assert code(answer) == (403, "OPENING_SECOND_FACTOR")
    assert (await office.http.get(there, headers=clerk)).json()["unproved"] == "OPENING_SECOND_FACTOR"
    assert (await record(office, case_id, CLERK))["unproved"] is None
    assert (await read(office, opening)).status_code == 200


async def test_a_leader_for_whom_nobody_vouches_is_nobody_to_ask(
    office: Office, db: Database, vault: Vault, case_id: UUID
) -> None:
    leader, handler = f"leader-{uuid4().hex[:8]}", "handler.wj-a"
    await Registry(db).load((), (NewAccount(leader, "某", "wj-a", (Role.LEADER,), PASSWORD),))
    await office.act(CLERK, case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act(CLERK, case_id, "ACCEPT")
    await office.act("dispatcher.desk", case_id, "DISPATCH", unit_id="wj-a")
    assert (await asked(office, case_id, handler))["decision"]["denial"] == "NOBODY_TO_ASK", "nobody waits in vain"
    await office.headers(leader)  # sets an own password, and tells his code
    opening = await asked(office, case_id, handler)
    assert (opening["decides_unit"], (await decide(office, opening, leader)).json()["state"]) == ("wj-a", "GRANTED")
    await Registry(db).leave(leader)


async def test_who_knows_the_first_passwords_is_not_two_officers(office: Office, db: Database, case_id: UUID) -> None:
    """A system administrator takes accounts over that he added himself, before and after they are granted roles, and
    sets up their second factors too."""
    roles = (Role.CLERK, Role.SUPERVISOR)
    names = [f"{role.lower()}-{uuid4().hex[:8]}" for role in roles]
    for name, role in zip(names, roles, strict=True):
        body = {"username": name, "name": "新人", "unit_id": "desk", "password": PASSWORD}
        assert (await office.post("admin", "/v1/accounts", body)).status_code == 201
        body = {"current": PASSWORD, "new": "what he alone knows"}
        own = await by_password(office, name)
        assert (await office.http.put("/v1/sessions/current/password", json=body, headers=own)).status_code == 200
        assert (await granting(office, name, role)).json()["vouched"] is False
        entered = await office.http.post("/v1/sessions", json={"username": name, "password": body["new"]})
        own = {"Authorization": f"Bearer {entered.json()['access_token']}"}
        offer = (await office.http.post("/v1/second-factor", headers=own)).json()
        first = second_factor.code_at(base64.b32decode(offer["secret"]), time.time())
        done = await office.http.post("/v1/second-factor/confirmation", json={"code": first}, headers=own)
        office._tokens[name] = done.json()["access_token"]
    waiting = await asked(office, case_id)
    assert code(await ask(office, case_id, names[0])) == (403, "NOT_VOUCHED")
    assert code(await decide(office, waiting, names[1])) == (403, "NOT_VOUCHED")
    for name in names:
        await Registry(db).leave(name)


async def test_another_reporters_identity_that_was_moved_to_the_case_is_not_shown(
    office: Office, vault: Vault, case_id: UUID, stack_engines: Stack
) -> None:
    opening = await granted(office, case_id)
    victim = await vault.knows(uuid4(), name="金丝雀乙")
    connection = await asyncpg.connect(stack_engines.env["HUIYIN_COMPLAINTS_OWNER_DSN"])
    own = UUID(opening["complaint_id"])
    await connection.execute("DELETE FROM vault.sealed_identities WHERE complaint_id = $1", own)
    await connection.execute(
        "UPDATE vault.sealed_identities SET complaint_id = $2 WHERE contact_token = $1", victim, own
    )
    await connection.close()
    answer = await read(office, opening)
    assert answer.status_code >= 500
    assert "金丝雀乙" not in answer.text


async def test_an_original_is_saved_on_the_vaults_word_while_the_identity_is_open_under_a_name_that_tells_who(
    app: FastAPI, office: Office, vault: Vault, case_id: UUID, settings: Settings
) -> None:
    asked_for: list[httpx.Request] = []

    def keeps(request: httpx.Request) -> httpx.Response:
        asked_for.append(request)
        headers = {
            "Content-Disposition": "attachment; filename*=UTF-8''IMG.jpg", "Content-Length": "3",
            "X-Content-SHA256": "0" * 64,
        }  # fmt: skip
        return httpx.Response(200, content=b"jpg", headers=headers)

    file, before = uuid4(), app.state.services
    path = f"/v1/cases/{case_id}/evidence/{file}/original"
    async with httpx.AsyncClient(transport=httpx.MockTransport(keeps)) as http:
        app.state.services = replace(before, reading=Reading(before.casebook, http, "http://complaints"))
        try:
            refused = await office.post(CLERK, path, {})
            assert (refused.status_code, refused.json()["code"]) == (403, "ORIGINAL_NEEDS_OPENING")
            forged = await named(office, vault)
            await put_a_yes(settings, await asked(office, forged, purpose="VERIFY_EVIDENCE"))
            refused = await office.post(CLERK, f"/v1/cases/{forged}/evidence/{file}/original", {})
            assert (refused.status_code, refused.json()["code"]) == (409, "OPENING_NOT_SIGNED")
            await granted(office, case_id, purpose="CALL_BACK")
            refused = await office.post(CLERK, path, {})
            assert (refused.status_code, refused.json()["code"]) == (403, "OPENING_NO_ORIGINAL"), "not for a call"
            opening = await granted(office, case_id, purpose="VERIFY_EVIDENCE")
            for other in (SUPERVISOR, "clerk2.desk"):
                assert (await office.post(other, path, {})).status_code == 403
            assert asked_for == []
            saved = await office.post(CLERK, path, {})
            assert (saved.status_code, saved.content) == (200, b"jpg"), saved.text
            assert f"filename*=UTF-8''{CLERK}-2" in saved.headers["content-disposition"]
            assert saved.headers["content-disposition"].endswith("Z-IMG.jpg")
            assert saved.headers["x-content-sha256"] == "0" * 64
            (kept,) = (item for item in (await record(office, case_id))["items"] if item["readings"])
            assert kept["opening_id"] == opening["opening_id"], "on the vault's record, and shown with the looks"
            complaints, (sent,) = ServiceTokens("complaints", settings), asked_for
            grant = complaints.verify(sent.headers["authorization"].removeprefix("Bearer "), issuer="referrals")
            (word,) = map(complaints.verify, grant.extra["words"])
            told = {"case_id": str(case_id), "complaint_id": opening["complaint_id"], "evidence_id": str(file)}
            assert (word.issuer, word.purpose, word.subject, word.extra) == (
                "vault", "identity.original", opening["account_id"], told,
            )  # fmt: skip
            vault.later(24 * 60)
            assert (await office.post(CLERK, path, {})).status_code == 403
        finally:
            app.state.services = before
