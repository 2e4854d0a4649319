"""The business clock's row: wall time at first, another rate when it is set, seen within a second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from contracts.clock import BusinessClock
from services.chassis import clock
from services.chassis.clock import read_clock, write_clock
from services.chassis.db import Database

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def test_a_new_database_shows_wall_time(db: Database) -> None:
    async with db.read() as session:
        shown = await read_clock(session)
    assert shown.rate == 1
    assert shown.to_business(NOW) == NOW


async def test_a_set_clock_is_seen_by_others_within_a_second(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Database(db.dsn)
    async with other.read() as session:
        before = await read_clock(session)
    fast = BusinessClock(anchor_wall=NOW, anchor_business=NOW, rate=86_400)
    try:
        async with db.session() as session:
            await write_clock(session, fast)
        async with db.read() as session:
            assert await read_clock(session) == fast
        async with other.read() as session:
            assert await read_clock(session) == before  # what it read just now
        monkeypatch.setattr(clock, "_FRESH_SECONDS", 0.0)
        async with other.read() as session:
            shown = await read_clock(session)
        assert shown.to_business(NOW + timedelta(seconds=1)) == NOW + timedelta(days=1)
    finally:
        await other.close()
        async with db.session() as session:
            await write_clock(session, before)


async def test_a_database_without_a_clock_is_an_error(db: Database, owner: asyncpg.Connection) -> None:
    transaction = owner.transaction()
    await transaction.start()
    row = await owner.fetchrow("DELETE FROM business_clock RETURNING *")
    await transaction.commit()
    try:
        async with db.read() as session:
            with pytest.raises(LookupError):
                await read_clock(session)
    finally:
        assert row is not None
        await owner.execute(
            "INSERT INTO business_clock (anchor_wall, anchor_business, rate) VALUES ($1, $2, $3)",
            row["anchor_wall"],
            row["anchor_business"],
            row["rate"],
        )
