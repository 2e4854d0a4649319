"""What is sealed under the ring of referrals is counted and sealed anew: case keys, and officers' second factors."""

from pathlib import Path

import asyncpg
import pytest

from services.chassis import keyrings, rewrapping
from services.chassis.crypto import load_keyring
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals.keyed import COLUMNS
from services.referrals.service.second_factors import SecondFactors
from tests.integration.referrals.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_no_column_of_sealed_values_is_forgotten(office: Office, settings: Settings) -> None:
    admin = await asyncpg.connect(settings.owner_dsn("referrals"))
    found = await admin.fetch(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type IN ('bytea', 'ARRAY') AND udt_name LIKE '%bytea'"
    )
    await admin.close()
    under_the_ring = {column.name for column in COLUMNS}
    under_a_case_key = {"documents.sealed"}
    hashes = {"recovery_codes.code_hash", "login_failures.name_hash", "login_failures.of_name"}
    open_ = {"outbox.payload", "dead_letters.payload"}
    assert {row["name"] for row in found} == under_the_ring | under_a_case_key | hashes | open_


async def test_a_second_factor_holds_when_its_key_was_rotated_rewrapped_and_destroyed(
    office: Office, db: Database, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "referrals.keyring.json").write_bytes((settings.keys_dir / "referrals.keyring.json").read_bytes())
    ring = load_keyring(tmp_path, "referrals")
    factors = SecondFactors(db, ring)
    account_id = (await office.get("clerk2.desk", "/v1/sessions/current")).json()["account_id"]
    offer = await factors.offer(account_id, "clerk2.desk")
    new = keyrings.rotate(tmp_path, "referrals")
    ring.reload()
    owner = Database(settings.owner_dsn("referrals"), pool_size=1, name="owner")
    column = next(column for column in COLUMNS if column.table == "second_factors")
    async for _ in rewrapping.rewrap(owner, ring, column):
        pass
    async with owner.session(SYSTEM) as session:
        assert set(await rewrapping.under(session, column)) == {new}
    await owner.close()
    assert await factors.offered(account_id, "clerk2.desk") == offer
