"""The histories of cases are chains of the audit: anchored with it, and whatever is done to a row is found."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from contracts.lifecycle import Stage
from deploy.stack import Stack
from services.chassis.audit.anchor_keys import Keys
from services.chassis.audit.anchors import anchor_file
from services.chassis.audit.sealing import Sealer
from services.chassis.audit.verifying import Finding, Severity, Verifier
from services.chassis.db import Database
from services.chassis.keyfiles import ensure_keys
from services.chassis.settings import Settings
from services.referrals.activities import Activities
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.repository.chains import HistorySource
from tests.integration.referrals.office import steps_of
from tests.integration.referrals.test_record import first_step, following

pytestmark = pytest.mark.asyncio(loop_scope="session")
STEPS = 6
FITTING = """
UPDATE cases SET sequence = h.sequence, last_hash = h.hash FROM (
    SELECT sequence, hash FROM case_history WHERE case_id = $1 ORDER BY sequence DESC LIMIT 1
) AS h WHERE case_id = $1
"""
"""The case as somebody leaves it who has cut its history and hides it."""


class Archive:
    """A superuser's hand on cases and histories, with the service's sealer beside it."""

    def __init__(self, admin: asyncpg.Connection, settings: Settings) -> None:
        self.admin, self.settings = admin, settings
        self.sealer = Sealer(settings.dsn("referrals"), settings, "referrals")

    async def seal(self) -> None:
        while await self.sealer.seal(self.admin):
            pass

    async def bad(self) -> list[Finding]:
        verifier = Verifier(
            "referrals",
            Keys(self.settings.keys_dir, "referrals"),
            anchor_file(self.settings.audit_dir, "referrals"),
            window=timedelta(hours=1),
            others=(HistorySource(),),
        )
        async with self.admin.transaction():
            found = [finding async for finding in verifier.findings(self.admin)]
        return [finding for finding in found if finding.severity is not Severity.NOTE]


@pytest_asyncio.fixture(loop_scope="session")
async def archive(
    still_db: Database, still_settings: Settings, stack_engines: Stack, tmp_path: Path
) -> AsyncIterator[Archive]:
    ensure_keys(still_settings)
    admin = await asyncpg.connect(stack_engines.config.admin_dsn(still_settings.referrals_dsn.rsplit("/", 1)[1]))
    # The database is shared with other tests: what they wrote is anchored here first.
    await admin.execute("TRUNCATE audit_seals")
    own = still_settings.model_copy(update={"audit_dir": tmp_path / "audit"})
    yield Archive(admin, own)
    await admin.close()


@pytest_asyncio.fixture(loop_scope="session")
async def case_id(still_db: Database, archive: Archive) -> UUID:
    """Of a case with some steps, anchored half-way and at the end."""
    activities = Activities(steps_of(still_db, StateCouncilCalendar()))
    step = first_step()
    for number in range(STEPS):
        await activities.record_transition(step)
        step = following(step)
        if number == STEPS // 2:
            await archive.seal()
    await archive.seal()
    return step.facts.case_id


async def test_recorded_steps_are_anchored_with_the_audit(archive: Archive, case_id: UUID) -> None:
    assert await archive.bad() == []
    lines = (archive.settings.audit_dir / "referrals.anchors.jsonl").read_text()
    assert f'["history/{case_id}",{STEPS},' in lines


@pytest.mark.timeout(600)
async def test_whatever_is_done_to_a_history_is_found(archive: Archive, case_id: UUID) -> None:
    dice, missed = random.Random(40), []
    columns = ("act", "account_id", "unit_id", "at", "recorded_at", "command_id", "transition", "content_hash",
               "prev_hash", "hash", "form")  # fmt: skip
    for _ in range(120):
        undone = archive.admin.transaction()
        await undone.start()
        number = dice.randint(1, STEPS)
        of_row = "WHERE case_id = $1 AND sequence = $2"
        done = dice.choice(["edit", "edit", "edit", "delete", "cut", "take away", "stand", "numbers"])
        if done == "edit":
            column = dice.choice(columns)
            value: object = {
                "form": "3 - form",
                "at": "at + interval '1 microsecond'",
                "recorded_at": "recorded_at - interval '1 microsecond'",
                "command_id": f"'{uuid4()}'::uuid",
                "transition": f"replace(transition, '{Stage.TRIAGE}', '{Stage.CLOSED}')",
                "act": "'ARCHIVE'",
                "account_id": "'a-other'",
                "unit_id": "'other'",
            }.get(column, f"repeat('{dice.choice('abcdef')}', 64)")
            await archive.admin.execute(f"UPDATE case_history SET {column} = {value} {of_row}", case_id, number)
            done = column
        elif done == "delete":
            await archive.admin.execute(f"DELETE FROM case_history {of_row}", case_id, number)
        elif done == "cut":
            await archive.admin.execute(
                "DELETE FROM case_history WHERE case_id = $1 AND sequence >= $2", case_id, number
            )
            await archive.admin.execute(FITTING, case_id)
        elif done == "take away":
            await archive.admin.execute("SET LOCAL session_replication_role = replica")
            for table in ("case_history", "cases"):
                await archive.admin.execute(f"DELETE FROM {table} WHERE case_id = $1", case_id)
        elif done == "stand":
            await archive.admin.execute("UPDATE cases SET sequence = sequence + $2 WHERE case_id = $1", case_id, number)
        else:
            await archive.admin.execute(
                "UPDATE case_history SET sequence = 100 - sequence WHERE case_id = $1 AND sequence >= $2",
                case_id,
                number,
            )
        if not any(finding.severity is Severity.TAMPERED for finding in await archive.bad()):
            missed.append((done, number))
        await undone.rollback()
    assert missed == []
    assert await archive.bad() == []


async def test_a_finding_names_the_column(archive: Archive, case_id: UUID) -> None:
    undone = archive.admin.transaction()
    await undone.start()
    await archive.admin.execute("UPDATE case_history SET act = 'REJECT' WHERE case_id = $1 AND sequence = 2", case_id)
    (finding,) = await archive.bad()
    await undone.rollback()
    assert (finding.chain, finding.sequence, finding.text) == (f"history/{case_id}", 2, "act was changed")
