"""What is sealed under the service's keyring is sealed anew beside it: in batches, from where it stopped, all of it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from services.chassis import keyrings, rewrapping
from services.chassis.crypto import load_keyring, new_case_key
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.complaints.keyed import COLUMNS
from tests.integration.complaints.people import Reporter

CASE_KEYS, SECRETS = COLUMNS
Admin = asyncpg.Connection


@pytest.fixture
async def owner(settings: Settings) -> Database:
    return Database(settings.complaints_owner_dsn, pool_size=1, name="owner")


async def counts(db: Database) -> dict[str, int]:
    async with db.session(SYSTEM) as session:
        return await rewrapping.under(session, CASE_KEYS)


async def wrapped(admin: Admin) -> dict[UUID, bytes]:
    found = await admin.fetch("SELECT complaint_id, case_key_wrapped FROM complaints")
    return {row["complaint_id"]: bytes(row["case_key_wrapped"]) for row in found}


async def test_stopped_half_way_it_goes_on_and_leaves_what_it_can_not_open(
    settings: Settings, owner: Database, reporter: Reporter, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "BATCH", 3)
    for _ in range(7):
        await reporter.submitted()
    every = await wrapped(admin)
    ring = load_keyring(settings.keys_dir, "complaints")
    keys = {row_id: ring.decrypt(value, CASE_KEYS.aad(str(row_id))) for row_id, value in every.items()}
    lost, _ = sorted(every.items())[-1]
    await admin.execute(
        "UPDATE complaints SET case_key_wrapped = $2 WHERE complaint_id = $1", lost, new_case_key(ring, "another case")
    )
    new = keyrings.rotate(settings.keys_dir, "complaints")
    ring.reload()

    begun = rewrapping.rewrap(owner, ring, CASE_KEYS)
    first = await anext(begun)
    assert first.done == 3
    await begun.aclose()
    assert (await counts(owner))[new] == 3

    tally = rewrapping.Tally()
    async for tally in rewrapping.rewrap(owner, ring, CASE_KEYS):
        assert tally.done <= len(every)
    assert (tally.done, tally.broken) == (len(every) - 4, 1), "what was done before is not done again"
    left = await counts(owner)
    assert left.pop(new) == len(every) - 1
    assert sum(left.values()) == 1, "destroying its key is refused"
    after = await wrapped(admin)
    assert all(ring.decrypt(after[each], CASE_KEYS.aad(str(each))) == keys[each] for each in every if each != lost)
    await admin.execute("UPDATE complaints SET case_key_wrapped = $2 WHERE complaint_id = $1", lost, every[lost])
    await owner.close()


async def test_the_service_itself_may_not_touch_a_wrapped_key(db: Database, reporter: Reporter) -> None:
    await reporter.submitted()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.session(SYSTEM) as session:
            await rewrapping.execute(session, "UPDATE complaints SET case_key_wrapped = ''")


async def test_no_column_of_sealed_values_is_forgotten(admin: Admin, evidence_dir: Path) -> None:
    found = await admin.fetch(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns"
        " WHERE table_schema IN ('public', 'vault') AND data_type IN ('bytea', 'ARRAY') AND udt_name LIKE '%bytea'"
    )
    under_the_ring = {column.name for column in COLUMNS}
    under_the_complaints_key = {
        "complaints.narrative_sealed", "complaints.wants_sealed", "complaints.respondents_sealed",
        "supplements.text_sealed", "evidence.description_sealed", "evidence.copy_sealed", "uploads.name_sealed",
        "rights_requests.answer_sealed",
    }  # fmt: skip
    to_the_vault = {"sealed_identities.sealed", "sealed_codes.sealed", "corrections.sealed"}
    hashes = {
        "complaints.query_code_hash", "idempotency.key_hash", "idempotency.request_hash", "likeness.reporter",
        "likeness.sketch", "likeness_marks.mark", "reissue_asks.marks", "reissue_asks.name_mark",
        "reissued_codes.code_hash", "rights_requests.marks", "guesses.mark",
    }  # fmt: skip
    open_ = {"outbox.payload", "dead_letters.payload"}
    known = under_the_ring | under_the_complaints_key | to_the_vault | hashes | open_
    assert {row["name"] for row in found} == known
