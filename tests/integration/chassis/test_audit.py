"""The audit: rows are numbered and chained in the transaction of their effect, and nobody takes one back."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import audit
from services.chassis.audit.digest import GENESIS, row_hash
from services.chassis.db import Database, Principal, execute

CASE = uuid4()
OFFICER = Principal("officer", "a-1", ("unit-a",))


def entry(**changed: object) -> audit.Entry:
    told = {"chain": audit.of_case(CASE), "actor": audit.officer("a-1"), "action": "READ_TEXTS", **changed}
    return audit.Entry(**told)  # type: ignore[arg-type]


async def note(db: Database, **changed: object) -> int:
    async with db.session() as session:
        return await audit.record(session, entry(**changed))


async def rows(owner: asyncpg.Connection, chain: str = audit.of_case(CASE)) -> list[asyncpg.Record]:
    return await owner.fetch("SELECT * FROM audit_log WHERE chain = $1 ORDER BY sequence", chain)


async def test_each_row_is_hashed_over_all_that_it_says_and_the_row_before(
    db: Database, owner: asyncpg.Connection
) -> None:
    await note(db, subject="d-1", purpose="TRIAGE", details={"fields": ["wants", "narrative"], "n": 2, "late": False})
    await note(db)
    first, second = await rows(owner)
    assert (first["sequence"], first["prev_hash"]) == (1, GENESIS)
    assert (second["sequence"], second["prev_hash"]) == (2, first["hash"])
    assert first["details"] == '{"fields":["wants","narrative"],"late":false,"n":2}'
    assert [first["hash"], second["hash"]] == [row_hash(row["prev_hash"], row) for row in (first, second)]


async def test_chains_are_counted_apart(db: Database, owner: asyncpg.Connection) -> None:
    numbers = [await note(db, chain=chain) for chain in ("admin/units", "admin/keys", "admin/units")]
    assert numbers == [1, 1, 2]
    assert [row["sequence"] for row in await rows(owner, "admin/units")] == [1, 2]


async def test_an_effect_that_is_rolled_back_leaves_no_row_and_no_gap(db: Database, owner: asyncpg.Connection) -> None:
    async def fails(session: AsyncSession) -> None:
        await audit.record(session, entry())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with db.session() as session:
            await fails(session)
    await note(db)
    assert [row["sequence"] for row in await rows(owner)] == [1]


async def test_many_at_once_make_one_chain_without_gaps(db: Database, owner: asyncpg.Connection) -> None:
    await asyncio.gather(*(note(db, details={"n": n}) for n in range(40)))
    found = await rows(owner)
    assert [row["sequence"] for row in found] == list(range(1, 41))
    previous = GENESIS
    for row in found:
        assert row["prev_hash"] == previous
        previous = row_hash(previous, row)


async def test_officers_and_services_add_and_never_change(db: Database) -> None:
    async with db.session(OFFICER) as session:
        await audit.record(session, entry())
    for forbidden in (
        "UPDATE audit_log SET actor = 'account/a-2'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log SELECT * FROM audit_log",
        "UPDATE audit_seals SET line_hash = ''",
        "DELETE FROM audit_seals",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with db.session() as session:
                await execute(session, forbidden)


async def test_the_system_and_an_auditor_read_it_and_nobody_else(db: Database) -> None:
    await note(db)
    for principal, seen in ((Principal("system"), 1), (Principal("auditor", "a-9"), 1), (OFFICER, 0)):
        async with db.read(principal) as session:
            assert await execute(session, "SELECT 1 FROM audit_log") == seen, principal
    async with db.read(Principal("public")) as session:
        assert await execute(session, "SELECT 1 FROM audit_log") == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "张三"},
        {"details": {"note": "他说：\n"}},
        {"details": {"names": ["李四"]}},
        {"purpose": "王某的电话"},
        {"actor": "account/张"},
        {"details": {"x": "y" * 201}},
        {"chain": "case"},
        {"action": "read"},
    ],
)
def test_texts_and_names_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="takes ids"):
        entry(**changed)


async def test_where_an_officer_was_is_kept_with_what_he_did(db: Database, owner: asyncpg.Connection) -> None:
    app = FastAPI()
    app.add_middleware(audit.Origins)

    @app.get("/")
    async def read() -> None:
        await note(db)

    transport = httpx.ASGITransport(app, client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get("/", headers={"User-Agent": b"Mozilla\xe9/5.0 " + b"x" * 300})
    await note(db)
    served, alone = await rows(owner)
    assert (served["ip"], len(served["user_agent"])) == ("192.0.2.7", 200)
    assert served["user_agent"].startswith("Mozilla?/5.0 x")
    assert (alone["ip"], alone["user_agent"]) == (None, None)
