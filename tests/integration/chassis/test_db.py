"""Sessions: one transaction, the principal for row-level security, and healing after PostgreSQL was away."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.chassis.db import SYSTEM, Database, Principal, after_commit, execute, one, rows, unbegun
from services.chassis.outages import engine_away

OFFICER = Principal("officer", "account-1", ("unit-a", "unit-b"))


async def _write(db: Database) -> None:
    async with db.session() as session:
        await session.execute(
            text("INSERT INTO papers (unit_id, body) VALUES ('unit-a', 'one'), ('unit-b', 'two'), ('unit-c', 'three')")
        )


async def _bodies(db: Database, principal: Principal) -> list[str]:
    async with db.read(principal) as session:
        return list((await session.execute(text("SELECT body FROM papers ORDER BY id"))).scalars())


async def test_each_principal_sees_its_own_rows(db: Database) -> None:
    await _write(db)
    assert await _bodies(db, SYSTEM) == ["one", "two", "three"]
    assert await _bodies(db, OFFICER) == ["one", "two"]
    assert await _bodies(db, Principal("public")) == []
    assert await _bodies(db, Principal("officer", "account-2")) == []


async def test_without_a_principal_nothing_is_seen(db: Database) -> None:
    await _write(db)
    small = Database(db.dsn, pool_size=1, max_overflow=0)
    async with small.session(SYSTEM) as session:
        assert (await session.execute(text("SELECT count(*) FROM papers"))).scalar_one() == 3
    async with small.engine.connect() as connection:  # the same connection, from the pool
        assert (await connection.execute(text("SELECT count(*) FROM papers"))).scalar_one() == 0
        await connection.rollback()
        assert (await connection.execute(text("SELECT count(*) FROM papers"))).scalar_one() == 0
    await small.close()


async def test_a_second_transaction_of_a_session_has_no_principal(db: Database) -> None:
    await _write(db)
    async with db.session() as session:
        await session.commit()
        assert (await session.execute(text("SELECT count(*) FROM papers"))).scalar_one() == 0


async def test_the_whole_principal_reaches_the_policies(db: Database) -> None:
    statement = text("SELECT huiyin_role(), huiyin_account(), huiyin_units(), huiyin_restricted()")
    async with db.read(Principal("auditor", "a-9", ("u-1", "u-2"), restricted=True)) as session:
        assert tuple((await session.execute(statement)).one()) == ("auditor", "a-9", ["u-1", "u-2"], True)
    async with db.read(Principal("public")) as session:
        assert tuple((await session.execute(statement)).one()) == ("public", None, None, False)


@pytest.mark.parametrize("value", ["x'; DROP TABLE papers; --", "a,b", "a b", "张三", "a\n"])
def test_a_principal_takes_identifiers_only(value: str) -> None:
    with pytest.raises(ValueError, match="identifiers"):
        Principal("officer", value)
    with pytest.raises(ValueError, match="identifiers"):
        Principal("officer", "a", (value,))


async def test_an_error_rolls_back(db: Database) -> None:
    async def fails() -> None:
        async with db.session() as session:
            await session.execute(text("INSERT INTO papers (unit_id, body) VALUES ('unit-a', 'lost')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await _bodies(db, SYSTEM) == []


async def test_what_waits_for_the_commit_is_done_after_it_and_never_without(db: Database) -> None:
    done: list[int] = []

    async def rolled_back() -> None:
        async with db.session() as session:
            after_commit(session, lambda: done.append(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await rolled_back()
    async with db.session() as session:
        after_commit(session, lambda: done.append(2))
        assert done == []
    assert done == [2]


async def test_a_read_session_can_not_write(db: Database) -> None:
    async with db.read() as session:
        with pytest.raises(DBAPIError, match="read-only"):
            await session.execute(text("INSERT INTO papers (unit_id, body) VALUES ('unit-a', 'no')"))


async def test_errors_do_not_show_what_people_wrote(db: Database) -> None:
    async with db.read() as session:
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text("SELECT CAST(:secret AS text) / 0"), {"secret": "my neighbour"})
    assert "my neighbour" not in str(caught.value)


async def test_a_pool_of_dead_connections_is_not_noticed(db: Database, owner: asyncpg.Connection) -> None:
    await _write(db)
    killed = await owner.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'chassis' AND pid <> pg_backend_pid()"
    )
    assert killed
    await asyncio.sleep(0.1)  # the news that the server hung up is on its way
    await db.ping()
    assert await _bodies(db, SYSTEM) == ["one", "two", "three"]


async def test_begin_and_principal_take_one_round_trip(db: Database, owner: asyncpg.Connection) -> None:
    sent: list[str] = []

    async with db.session(OFFICER) as session:
        connection = await session.connection()
        raw = connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]
        raw.add_query_logger(lambda record: sent.append(record.query))
        await session.execute(text("SELECT 1"))
        await session.execute(text("SELECT 2"))
    assert len([query for query in sent if query.startswith("BEGIN")]) == 1
    assert len(sent) <= 4, sent  # BEGIN with the principal, two statements, COMMIT


@pytest.mark.parametrize("begun", [False, True])
async def test_a_connection_that_breaks_under_a_session_is_postgres_away(
    db: Database, owner: asyncpg.Connection, begun: bool
) -> None:
    async def break_off() -> None:
        async with db.session() as session:
            if begun:
                await one(session, "SELECT 1")
            await owner.execute("SELECT pg_terminate_backend($1)", unbegun(session).get_server_pid())
            await one(session, "SELECT 2")

    with pytest.raises(Exception) as caught:  # of whichever layer: it is told as an outage
        await break_off()
    assert engine_away(caught.value) == "postgres"
    async with db.read() as session:
        assert await one(session, "SELECT 3 AS three") is not None


async def test_the_ways_to_run_a_statement(db: Database) -> None:
    async with db.session() as session:
        assert await execute(session, "INSERT INTO papers (unit_id, body) VALUES ('unit-a', $1)", "raw") == 1
        assert await execute(session, "SELECT set_config('huiyin.nothing', '', true)") == 1
        found = await one(session, "SELECT body FROM papers WHERE body = $1", "raw")
        assert found is not None
        assert found["body"] == "raw"
        assert await one(session, "SELECT body FROM papers WHERE body = 'none'") is None
        assert (await session.execute(text("SELECT count(*) FROM papers"))).scalar_one() == 1  # the same transaction
    async with db.read() as session:
        assert [row["body"] for row in await rows(session, "SELECT body FROM papers")] == ["raw"]
    async with db.session() as session:
        await unbegun(session).execute("SELECT set_config('huiyin.role', 'system', true)")
        assert await rows(session, "SELECT 1 AS yes")
