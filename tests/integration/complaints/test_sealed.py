"""Sealed at rest: what people wrote is in no table, file, event, log line or metric in the clear; rows stay apart."""

import base64
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from prometheus_client import generate_latest

from services.chassis import telemetry
from services.chassis.db import SYSTEM, Database, Principal
from services.chassis.settings import Settings
from tests.integration.complaints.people import Reporter, files_under

CANARIES = {
    "name": "金丝雀姓名",
    "id_number": "CANARY11010119900101",
    "phone": "13912345678",
    "email": "canary.mail@example.org",
    "address": "金丝雀路一号",
    "openid": "canary-openid",
}
TEXTS = {
    "narrative": "金丝雀正文:收了三千元",
    "wants": "金丝雀诉求",
    "respondent": "金丝雀医院",
    "supplement": "金丝雀补充",
    "file": "金丝雀账目",
    "file_name": "金丝雀文件名.txt",
}


def forms(secret: str) -> list[bytes]:
    """A text as it might lie about: plain, in hex as PostgreSQL shows bytea, in base64, escaped in JSON."""
    plain = secret.encode()
    return [
        plain,
        plain.hex().encode(),
        base64.b64encode(plain)[: len(plain)],
        secret.encode("unicode_escape"),
    ]


async def everything(admin: "asyncpg.Connection[Any]") -> bytes:
    """Every row of every table of ours as text."""
    tables = await admin.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    parts: list[str] = []
    for table in tables:
        parts += [row[0] for row in await admin.fetch(f"SELECT t::text FROM {table['name']} t")]
        if table["name"].endswith(".outbox"):
            parts += [row[0].decode() for row in await admin.fetch(f"SELECT payload FROM {table['name']}")]
    return "\n".join(parts).encode()


@pytest.fixture
def log(settings: Settings) -> Iterator[io.StringIO]:
    """The process's whole log."""
    before, sink = structlog.get_config(), io.StringIO()
    telemetry.setup("complaints", settings.model_copy(update={"log_level": "DEBUG"}))
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(sink))  # type: ignore[arg-type]
    yield sink
    structlog.configure(**before)


async def test_nothing_that_people_wrote_is_stored_in_the_clear(
    reporter: Reporter,
    admin: "asyncpg.Connection[Any]",
    evidence_dir: Path,
    log: io.StringIO,
) -> None:
    receipt = await reporter.submitted(
        narrative=TEXTS["narrative"],
        wants=TEXTS["wants"],
        respondents=[TEXTS["respondent"]],
        reporter=CANARIES,
    )
    await reporter.supplement(receipt, TEXTS["supplement"])
    assert (await reporter.upload(receipt, TEXTS["file"].encode(), TEXTS["file_name"])).status_code == 201
    await reporter.tracked(receipt)
    await reporter.submit(narrative=TEXTS["narrative"], category="9999")
    await reporter.submit(narrative=TEXTS["narrative"] + "\x00")
    files = b"".join(path.read_bytes() for path in files_under(evidence_dir))
    places = {
        "tables": await everything(admin),
        "files": files,
        "logs": log.getvalue().encode(),
        "metrics": generate_latest(),
    }
    assert b"/v1/complaints" in places["logs"], "the log was captured"
    code = receipt["query_code"]
    secrets = [*CANARIES.values(), *TEXTS.values(), code, code.replace("-", "")]
    for place, content in places.items():
        for secret in secrets:
            assert not any(form in content for form in forms(secret)), f"{secret} in {place}"
    assert len(gzip.compress(files)) > 0.99 * len(files), "sealed bytes do not compress, but for the frames' lengths"


async def seen(db: Database, principal: Principal, table: str) -> int:
    async with db.read(principal) as session:
        connection = await session.connection()
        return int((await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one())


PROTECTED = (
    "complaints", "complaint_cases", "supplements", "evidence", "ratings", "cases", "timeline", "answers_given",
)  # fmt: skip


@pytest.mark.parametrize("table", [*PROTECTED, "narrative_access"])
async def test_officers_and_strangers_see_no_row(
    reporter: Reporter, db: Database, admin: "asyncpg.Connection[Any]", table: str
) -> None:
    receipt = await reporter.submitted()
    await reporter.supplement(receipt, "补充")
    officer = Principal("officer", account_id="a", unit_ids=("u",), restricted=True)
    for principal in (officer, Principal("public"), Principal("auditor")):
        assert await seen(db, principal, table) == 0
    assert await seen(db, SYSTEM, table) == await admin.fetchval(f"SELECT count(*) FROM {table}")


async def test_a_connection_without_a_principal_sees_no_row(reporter: Reporter, settings: Settings) -> None:
    await reporter.submitted()
    connection = await asyncpg.connect(settings.complaints_dsn)
    try:
        for table in PROTECTED:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    finally:
        await connection.close()


async def test_a_code_shows_its_own_complaint_and_no_other(
    reporter: Reporter, db: Database, admin: "asyncpg.Connection[Any]"
) -> None:
    mine, other = await reporter.submitted(), await reporter.submitted()
    for receipt in (mine, other):
        await reporter.supplement(receipt, "补充")
    code_hash = await admin.fetchval(
        "SELECT query_code_hash FROM complaints WHERE case_number = $1", mine["case_number"]
    )
    async with db.session(Principal("public")) as session:
        connection = await session.connection()
        await connection.exec_driver_sql("SELECT set_config('huiyin.code', $1, true)", (code_hash.hex(),))
        for table in ("complaints", "complaint_cases", "supplements"):
            assert (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one() == 1
        numbers = (await connection.exec_driver_sql("SELECT case_number FROM complaints")).scalars().all()
    assert numbers == [mine["case_number"]]
