"""An install with openings from before words were kept, and with the vault's first log: both are in the audit after."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from deploy.stack import Stack
from services.chassis.audit.anchor_keys import Keys
from services.chassis.audit.anchors import anchor_file
from services.chassis.audit.verifying import Severity, Verifier
from services.chassis.keyfiles import ensure_keys
from services.chassis.migrate import upgrade
from services.chassis.settings import Settings
from services.complaints.vault.words import Words

OLD = """
INSERT INTO vault.openings VALUES ($1, $2, $3, 'a-1', 'desk', 'desk', 'VISIT', ARRAY['name', 'phone'], 60,
    '2026-03-01T02:03:04.000005Z', '2026-03-02T02:03:04Z', 'j-1')
"""


@pytest_asyncio.fixture
async def dsn(stack_engines: Stack) -> AsyncIterator[str]:
    """A database of its own, as it was before."""
    name, admin = f"words_{uuid4().hex[:8]}", await asyncpg.connect(stack_engines.config.admin_dsn())
    await admin.execute(f'CREATE DATABASE "{name}" OWNER complaints_owner')
    own = stack_engines.env["HUIYIN_COMPLAINTS_OWNER_DSN"].rsplit("/", 1)[0] + f"/{name}"
    await asyncio.to_thread(upgrade, "complaints", own, "0010")
    yield own
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def findings(connection: asyncpg.Connection, settings: Settings) -> list[str]:
    keys, store = Keys(settings.keys_dir, "vault"), anchor_file(settings.audit_dir, "vault")
    verifier = Verifier("vault", keys, store, window=timedelta(hours=1), checks=(Words(settings.keys_dir),))
    async with connection.transaction():
        found = [finding async for finding in verifier.findings(connection)]
    return [finding.text for finding in found if finding.severity is not Severity.NOTE]


@pytest.mark.parametrize("rows", [0, 3])
async def test_what_was_there_is_noted_and_nothing_can_be_added_to_it(dsn: str, tmp_path: Path, rows: int) -> None:
    settings = Settings(state_dir=tmp_path)
    ensure_keys(settings)
    connection = await asyncpg.connect(dsn, server_settings={"TimeZone": "UTC"})
    await connection.execute("SELECT set_config('huiyin.role', 'system', false)")
    ids = [uuid4() for _ in range(rows)]
    for opening_id in ids:
        case_id = uuid4()
        await connection.execute(OLD.replace("'j-1'", f"'{opening_id}'"), opening_id, case_id, uuid4())
        for action in ("IDENTITY_ASKED", "IDENTITY_DENIED"):
            await connection.execute(
                "SELECT vault.audit_append($1, 'account/a-1', $2, $3, NULL, '{}', NULL, NULL)",
                f"case/{case_id}",
                action,
                str(opening_id),
            )
        await connection.execute(
            "INSERT INTO vault.decisions VALUES ($1, 'a-1', false, 'NOT_NEEDED', 'a-2', 'desk', now(), NULL, $2)",
            opening_id,
            str(opening_id),
        )
        await connection.execute(
            "INSERT INTO vault.access_log (contact_token, caller, purpose, notice_id, jti, found)"
            " VALUES ($1, 'notifications', 'NOTICE', $2, 'j', true)",
            opening_id,
            uuid4(),
        )
    assert await asyncio.to_thread(upgrade, "complaints", dsn)
    assert await findings(connection, settings) == []
    moved = await connection.fetch(
        "SELECT subject, action, actor, details FROM vault.audit_log WHERE chain = 'admin/contacts' ORDER BY sequence"
    )
    assert [(row["subject"], row["action"], row["actor"]) for row in moved] == [
        (str(opening_id), "ADDRESS_OPENED", "service/notifications") for opening_id in ids
    ]
    assert all(json.loads(row["details"])["found"] is True for row in moved)
    assert await connection.fetchval("SELECT to_regclass('vault.access_log')") is None
    for change in (
        "INSERT INTO vault.openings (opening_id, case_id, complaint_id, officer, unit_id, aim, fields, open_minutes,"
        " asked_at, lapses_at, jti) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'a-3', 'desk',"
        " 'VISIT', ARRAY['name'], 60, now(), now() + interval '1 day', 'j-2'",
        *(["UPDATE vault.decisions SET officer = 'a-9'", "UPDATE vault.openings SET fields = '{}'"] if rows else []),
    ):
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(change)
        assert any("without a signed word" in text for text in await findings(connection, settings)), change
        await transaction.rollback()
    await connection.close()
