"""What officers look at and what administrators do stands on the audit, with where they were, before it is answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.lifecycle import Role
from deploy.stack import Stack
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals.domain import Level, UnitKind
from services.referrals.repository.sql import one, rows
from services.referrals.service.registry import NewAccount, NewUnit, Registry
from tests.integration.referrals.likeness import Complaints
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def on_record(db: Database, chain: str, *actions: str) -> list[dict[str, Any]]:
    """The rows of a chain, of these actions when some are named."""
    async with db.read(SYSTEM) as session:
        found = await rows(session, "SELECT * FROM audit_log WHERE chain = $1 ORDER BY sequence", chain)
    return [{**row, "details": json.loads(row["details"])} for row in found if not actions or row["action"] in actions]


async def account(db: Database, username: str) -> str:
    async with db.read(SYSTEM) as session:
        row = await one(session, "SELECT account_id FROM accounts WHERE username = $1", username)
    assert row is not None
    return f"account/{row['account_id']}"


async def looks(db: Database, case_id: UUID, username: str) -> list[dict[str, Any]]:
    who = await account(db, username)
    return [row for row in await on_record(db, f"case/{case_id}", "CASE_VIEWED") if row["actor"] == who]


async def test_who_opens_a_case_is_on_record_with_where_he_was(office: Office, db: Database) -> None:
    case_id = await office.new_case()
    await office.view("clerk2.desk", case_id)
    (look,) = await looks(db, case_id, "clerk2.desk")
    assert look["details"] == {"step": 1, "texts": 0, "unit": "desk"}
    assert look["ip"] == "127.0.0.1"
    assert look["user_agent"].startswith("python-httpx/")


async def test_the_same_page_fetched_again_is_one_look_and_a_new_text_another(office: Office, db: Database) -> None:
    case_id = await office.dispatched()
    for _ in range(3):
        await office.view("handler.hospital", case_id)
    assert len(await looks(db, case_id, "handler.hospital")) == 1
    await office.act("handler.hospital", case_id, "SIGN")
    await office.act("handler.hospital", case_id, "REPLY", public_reply="已整改。", outcome="SUBSTANTIATED")
    await office.view("handler.hospital", case_id)
    assert [row["details"]["texts"] for row in await looks(db, case_id, "handler.hospital")] == [0, 1]


async def test_a_case_that_is_hidden_leaves_no_look(office: Office, db: Database) -> None:
    case_id = await office.new_case()
    assert (await office.get("handler.yb", f"/v1/cases/{case_id}")).status_code == 404
    assert await looks(db, case_id, "handler.yb") == []


@asynccontextmanager
async def nothing_recorded(settings: Settings, stack: Stack) -> AsyncIterator[None]:
    """Nothing can be put on record meanwhile."""
    admin = await asyncpg.connect(stack.config.admin_dsn(settings.referrals_dsn.rsplit("/", 1)[1]))
    await admin.execute("REVOKE EXECUTE ON FUNCTION audit_append FROM referrals")
    try:
        yield
    finally:
        await admin.execute("GRANT EXECUTE ON FUNCTION audit_append TO referrals")
        await admin.close()


async def test_what_can_not_be_recorded_is_not_shown(office: Office, settings: Settings, stack_engines: Stack) -> None:
    case_id = await office.new_case()
    await office.headers("clerk2.desk")
    async with nothing_recorded(settings, stack_engines):
        answer = await office.get("clerk2.desk", f"/v1/cases/{case_id}")
    assert answer.status_code == 500
    assert "case_number" not in answer.text


async def test_a_search_for_duplicates_is_on_record(office: Office, db: Database, complaints: Complaints) -> None:
    case_id = await office.new_case()
    assert (await office.get("clerk.desk", f"/v1/cases/{case_id}/duplicates")).status_code == 200
    (search,) = await on_record(db, f"case/{case_id}", "DUPLICATES_SEARCHED")
    assert search["actor"] == await account(db, "clerk.desk")
    assert search["details"]["shown"] == []


async def test_acts_of_administration_are_on_record_by_ids_and_classes(office: Office, db: Database) -> None:
    unit_id, username = f"u-{uuid4().hex[:8]}", f"new.{uuid4().hex[:8]}"
    body = {"unit_id": unit_id, "name": "新设处室", "level": "CITY", "kind": "DEPARTMENT", "region": "370100",
            "department": "YB"}  # fmt: skip
    assert (await office.post("admin", "/v1/units", body)).status_code == 201
    body = {"username": username, "name": "新来的", "unit_id": unit_id, "password": PASSWORD}
    added = await office.post("admin", "/v1/accounts", body)
    assert added.status_code == 201
    assert (await office.post("admin", f"/v1/accounts/{username}/departure", {})).status_code == 200
    by, account_id = await account(db, "admin"), added.json()["account_id"]
    (unit,) = [row for row in await on_record(db, "admin/units") if row["subject"] == unit_id]
    assert (unit["actor"], unit["action"], unit["details"]["department"]) == (by, "UNIT_ADDED", "YB")
    acts = [row for row in await on_record(db, "admin/accounts") if row["subject"] == account_id]
    assert [(row["actor"], row["action"]) for row in acts] == [(by, "ACCOUNT_ADDED"), (by, "ACCOUNT_CLOSED")]
    assert acts[0]["details"] == {"roles": [], "unit": unit_id}
    assert not any(name in str(row) for row in (unit, *acts) for name in ("新设处室", "新来的", username))


async def test_a_file_of_units_leaves_a_row_for_what_it_changed_and_none_for_the_rest(still_db: Database) -> None:
    registry, unit_id, username = Registry(still_db), f"u-{uuid4().hex[:8]}", f"new.{uuid4().hex[:8]}"
    tree = [NewUnit(unit_id, "甲", Level.CITY, UnitKind.DEPARTMENT, "370100", "YB")]
    people = [NewAccount(username, "乙", unit_id, (Role.HANDLER,), PASSWORD)]
    for _ in range(2):
        await registry.load(tree, people)
    await registry.load(
        [NewUnit(unit_id, "甲", Level.CITY, UnitKind.DEPARTMENT, "370100", "YB", on_system=False)],
        [NewAccount(username, "乙", unit_id, (Role.HANDLER, Role.LEADER), PASSWORD)],
    )
    acts = [row["action"] for row in await on_record(still_db, "admin/units") if row["subject"] == unit_id]
    assert acts == ["UNIT_ADDED", "UNIT_CHANGED"]
    on_accounts = await on_record(still_db, "admin/accounts")
    (of_account,) = {row["subject"] for row in on_accounts if row["details"].get("unit") == unit_id}
    added, granted = [row["details"] for row in on_accounts if row["subject"] == of_account]
    assert added["roles"] == granted["before"] == ["HANDLER"]
    assert granted["after"] == ["HANDLER", "LEADER"]
    assert all(row["actor"].startswith("cli/") for row in on_accounts)
