"""Sealing and verifying: whatever is done to a row, a chain or an anchor afterwards is found, and a restore is told
from tampering."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from deploy.commands import audit as command
from deploy.engines.postgres import binaries
from services.chassis import audit
from services.chassis.audit.anchor_keys import Keys
from services.chassis.audit.anchors import anchor_file
from services.chassis.audit.sealing import NotOurs, Sealer
from services.chassis.audit.verifying import Finding, Severity, Verifier
from services.chassis.db import Database
from services.chassis.keyfiles import ensure_keys
from services.chassis.settings import Settings
from tests.integration.chassis.conftest import eventually, running
from tests.integration.chassis.tampering import (
    CHAINS,
    TAMPERINGS,
)

SERVICE = "complaints"
"""Any of those that keep an audit: only its name and keys are used."""
WINDOW = timedelta(minutes=1)


class Desk:
    """An audit with its sealer, as a service has it."""

    def __init__(self, db: Database, owner: asyncpg.Connection, settings: Settings, folder: Path) -> None:
        self.db, self.owner = db, owner
        folders = {name: folder / name.removesuffix("_dir") for name in ("keys_dir", "signers_dir", "audit_dir")}
        self.settings = settings.model_copy(update=folders)
        ensure_keys(self.settings)
        self.sealer = Sealer(db.dsn, self.settings, SERVICE)
        self.file = folder / "audit" / f"{SERVICE}.anchors.jsonl"

    async def write(self, count: int, dice: random.Random, chains: list[str] = CHAINS) -> None:
        for number in range(count):
            async with self.db.session() as session:
                await audit.record(
                    session,
                    audit.Entry(
                        chain=dice.choice(chains),
                        actor=f"account/a-{dice.randrange(5)}",
                        action=dice.choice(["READ_TEXTS", "VIEWED", "PAPER_ISSUED"]),
                        subject=dice.choice([None, f"d-{number}"]),
                        purpose=dice.choice([None, "TRIAGE"]),
                        details={"n": number},
                    ),
                )

    async def seal(self) -> None:
        while await self.sealer.seal(self.owner):
            pass

    def verifier(self, window: timedelta = WINDOW) -> Verifier:
        return Verifier(
            SERVICE,
            Keys(self.settings.keys_dir, SERVICE),
            anchor_file(self.settings.audit_dir, SERVICE),
            window=window,
        )

    async def findings(self, chains: list[str] | None = None, window: timedelta = WINDOW) -> list[Finding]:
        """All findings; in a transaction of the caller's, if there is one."""
        async with self.owner.transaction():
            return [finding async for finding in self.verifier(window).findings(self.owner, chains)]

    async def bad(self) -> list[Finding]:
        return [finding for finding in await self.findings() if finding.severity is not Severity.NOTE]


@pytest.fixture
def desk(db: Database, owner: asyncpg.Connection, settings: Settings, tmp_path: Path) -> Desk:
    return Desk(db, owner, settings, tmp_path)


async def test_what_is_as_it_was_written_is_clean(desk: Desk) -> None:
    dice = random.Random(1)
    for _ in range(3):
        await desk.write(40, dice)
        await desk.seal()
    assert await desk.findings() == []
    assert await desk.findings(["account/a-1", "case/00000003", "case/unknown"]) == []


@pytest.mark.timeout(600)
async def test_a_thousand_random_tamperings_are_all_found(desk: Desk) -> None:
    dice = random.Random(20260922)
    for _ in range(4):
        await desk.write(30, dice)
        await desk.seal()
    before = await desk.owner.fetch("SELECT * FROM audit_log ORDER BY chain, sequence")
    missed = []
    same = 0
    for _ in range(1_000):
        undone = desk.owner.transaction()
        await undone.start()
        tampering = dice.choice(TAMPERINGS)
        told = await tampering(desk.owner, dice)
        if await desk.owner.fetch("SELECT * FROM audit_log ORDER BY chain, sequence") == before:
            same += 1  # two rows that say the same changed places
        elif not any(finding.severity is Severity.TAMPERED for finding in await desk.findings()):
            missed.append(f"{tampering.__name__}: {told}")
        await undone.rollback()
    assert missed == []
    assert same < 10
    assert await desk.findings() == []


async def test_a_finding_names_chain_row_and_what_is_wrong(desk: Desk) -> None:
    await desk.write(5, random.Random(2), ["admin/units"])
    await desk.seal()
    await desk.owner.execute("UPDATE audit_log SET actor = 'account/other' WHERE sequence = 3")
    assert await desk.findings() == [Finding(SERVICE, Severity.TAMPERED, "the row was changed", "admin/units", 3)]
    await desk.owner.execute("DELETE FROM audit_log WHERE sequence >= 3")
    (finding,) = await desk.findings()
    assert (finding.chain, finding.sequence) == ("admin/units", 3)
    assert finding.text == "rows 3 to 5 are gone (anchored in batch 1)"


async def test_a_chain_that_is_looked_at_alone_does_not_tell_of_others(desk: Desk) -> None:
    await desk.write(20, random.Random(3), ["account/a-1", "account/a-10"])
    await desk.seal()
    await desk.owner.execute("DELETE FROM audit_log WHERE chain = 'account/a-1'")
    assert await desk.findings(["account/a-10"]) == []
    assert [finding.chain for finding in await desk.findings(["account/a-1"])] == ["account/a-1"]


async def test_rows_of_the_last_minute_are_not_sealed_yet_and_older_ones_are_said_to_wait(desk: Desk) -> None:
    await desk.write(3, random.Random(4))
    (young,) = await desk.findings()
    assert young.severity is Severity.NOTE
    assert young.text.startswith("3 rows are not anchored yet")
    (late,) = await desk.findings(window=timedelta())
    assert late.severity is Severity.NOT_SEALED
    await desk.seal()
    assert await desk.findings() == []


async def test_the_sealer_anchors_by_itself_and_one_of_two_leads(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"audit_seal_seconds": 0.1})
    sealers = [Sealer(desk.db.dsn, desk.settings, SERVICE) for _ in range(2)]
    async with running(*(sealer.run() for sealer in sealers)):
        await desk.write(10, random.Random(5))

        async def sealed() -> bool:
            return await desk.owner.fetchval("SELECT count(*) FROM audit_pending") == 0

        await eventually(sealed)
    assert await desk.findings() == []


async def test_killed_between_anchor_and_note_nothing_is_lost_or_held_against_anyone(desk: Desk) -> None:
    await desk.write(10, random.Random(6))
    await desk.seal()
    await desk.write(10, random.Random(7))
    pending = await desk.owner.fetch("SELECT id, chain, sequence, hash FROM audit_pending")
    await desk.seal()
    await desk.owner.execute("DELETE FROM audit_seals WHERE batch = 2")
    await desk.owner.executemany("INSERT INTO audit_pending VALUES ($1, $2, $3, $4)", [tuple(row) for row in pending])
    assert await desk.bad() == []
    await desk.write(2, random.Random(8))
    await desk.seal()
    assert await desk.findings() == []


async def test_killed_while_it_wrote_a_line_it_writes_the_line_anew(desk: Desk) -> None:
    await desk.write(10, random.Random(9))
    await desk.seal()
    with desk.file.open("ab") as file:
        file.write(b'{"seal":{"batch":2,')
    (note,) = await desk.findings()
    assert note.severity is Severity.NOTE
    await desk.write(10, random.Random(10))
    await desk.seal()
    assert await desk.findings() == []
    assert desk.file.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[:2], "the anchor of batch 3 is gone"),
        (lambda lines: [], "the anchor of batch 1 is gone"),
        (lambda lines: [lines[0], lines[2]], "does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], "does not follow"),
        (lambda lines: [lines[0], lines[1].replace(b'"batch":2', b'"batch":7'), lines[2]], "signature"),
        (lambda lines: [lines[0], lines[1].replace(b"case/", b"cast/"), lines[2]], "signature"),
        (lambda lines: [lines[0], b"\n", lines[2]], "no anchor"),
        (lambda lines: [lines[0], b"[1, 2]\n", lines[2]], "no anchor"),
        (lambda lines: [lines[0], b"\xff\xfe" + lines[1], lines[2]], "no anchor"),
        (lambda lines: [lines[0], lines[1][:-2]], "the anchor of batch 2 is gone"),
    ],
)
async def test_anchors_that_were_edited_or_cut_are_found(
    desk: Desk, change: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    for seed in range(3):
        await desk.write(10, random.Random(seed))
        await desk.seal()
    lines = desk.file.read_bytes().splitlines(keepends=True)
    desk.file.write_bytes(b"".join(change(lines)))
    found = [finding for finding in await desk.bad() if finding.severity is Severity.TAMPERED]
    assert any(told in finding.text for finding in found), found


async def test_anchors_of_another_key_are_no_anchors(desk: Desk) -> None:
    await desk.write(10, random.Random(11))
    await desk.seal()
    (desk.settings.signing_keys(SERVICE) / f"{SERVICE}.signing").unlink()
    (desk.settings.keys_dir / f"{SERVICE}.verify").unlink()
    ensure_keys(desk.settings)
    assert "not known" in (await desk.bad())[0].text
    await desk.write(1, random.Random(12))
    with pytest.raises(NotOurs, match="not as it was written"):
        await desk.seal()


class Backup:
    """The audit's tables as they were, put back as a restore does."""

    TABLES = ("audit_log", "audit_pending", "audit_seals")

    def __init__(self, desk: Desk) -> None:
        self.owner = desk.owner

    async def take(self) -> None:
        for table in self.TABLES:
            await self.owner.execute(f"DROP TABLE IF EXISTS kept_{table}; CREATE TABLE kept_{table} AS TABLE {table}")

    async def put_back(self) -> None:
        for table in self.TABLES:
            await self.owner.execute(f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM kept_{table}")


@pytest.mark.parametrize("goes_on", [False, True])
async def test_after_a_restore_what_is_missing_is_said_and_is_no_tampering(desk: Desk, goes_on: bool) -> None:
    dice, backup = random.Random(13), Backup(desk)
    await desk.write(30, dice)
    await desk.seal()
    await desk.write(5, dice)
    await backup.take()
    await desk.write(5, dice)
    await desk.seal()
    await desk.write(30, dice)
    await desk.seal()
    await backup.put_back()
    if goes_on:
        await desk.write(20, dice)
    found = await desk.bad()
    assert {finding.severity for finding in found} == {Severity.LOST}
    assert "the database knows of batch 1" in found[-1].text
    assert "anchors go on to batch 3" in found[-1].text
    with pytest.raises(NotOurs, match="audit restored"):
        await desk.seal()
    seal = await desk.sealer.declare_restored(desk.owner, "disk failed; dump of 09-22")
    assert (seal.batch, seal.through) == (4, 1)
    await desk.write(10, dice)
    await desk.seal()
    notes = await desk.findings()
    assert {finding.severity for finding in notes} == {Severity.NOTE}
    assert "restored as of batch 1" in notes[0].text
    with pytest.raises(NotOurs, match="nothing to declare"):
        await desk.sealer.declare_restored(desk.owner, "again")
    await desk.owner.execute("DELETE FROM audit_log WHERE sequence = 1 AND chain = $1", CHAINS[0])
    assert [finding.severity for finding in await desk.bad()] == [Severity.TAMPERED]


async def test_a_dump_that_is_restored_elsewhere_verifies(desk: Desk, dsns: tuple[str, str], tmp_path: Path) -> None:
    dice = random.Random(17)
    await desk.write(30, dice)
    await desk.seal()
    await desk.write(5, dice)
    name, dump = f"restored_{uuid4().hex[:8]}", tmp_path / "dump"
    elsewhere = dsns[1].rsplit("/", 1)[0] + f"/{name}"
    await asyncio.to_thread(tool, "pg_dump", "--format=custom", f"--file={dump}", dsns[1])
    await desk.owner.execute(f"CREATE DATABASE {name}")
    await asyncio.to_thread(tool, "pg_restore", "--exit-on-error", f"--dbname={elsewhere}", str(dump))
    there = await asyncpg.connect(elsewhere)
    try:
        restored = Desk(desk.db, there, desk.settings, tmp_path)
        assert await restored.bad() == []
        await there.execute("UPDATE audit_log SET details = '{}' WHERE sequence = 2")
        assert {finding.severity for finding in await restored.bad()} == {Severity.TAMPERED}
    finally:
        await there.close()
        await desk.owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tool(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs."""
    subprocess.run([binaries() / name, *arguments], check=True, capture_output=True, timeout=60)


async def test_rows_that_are_deleted_are_no_restore(desk: Desk) -> None:
    dice = random.Random(14)
    for _ in range(3):
        await desk.write(20, dice)
        await desk.seal()
    await desk.owner.execute("DELETE FROM audit_log WHERE at > (SELECT at FROM audit_seals WHERE batch = 1)")
    assert {finding.severity for finding in await desk.bad()} == {Severity.TAMPERED}


async def test_a_lost_anchor_file_is_declared_and_goes_on(desk: Desk) -> None:
    await desk.write(10, random.Random(15))
    await desk.seal()
    desk.file.unlink()
    await desk.write(10, random.Random(16))
    with pytest.raises(NotOurs, match="gone"):
        await desk.seal()
    await desk.sealer.declare_restored(desk.owner, "the disk of the anchors failed")
    await desk.seal()
    assert {finding.severity for finding in await desk.findings()} == {Severity.NOTE}


def invoke(desk: Desk, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setenv("HUIYIN_COMPLAINTS_DSN", desk.db.dsn)
    monkeypatch.setenv("HUIYIN_KEYS_DIR", str(desk.settings.keys_dir))
    monkeypatch.setenv("HUIYIN_SIGNERS_DIR", str(desk.settings.signers_dir))
    monkeypatch.setenv("HUIYIN_AUDIT_DIR", str(desk.settings.audit_dir))
    result = CliRunner().invoke(command.app, [*arguments, "--service", SERVICE], env={"COLUMNS": "250"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


async def test_the_command_says_what_is_wrong_and_ends_with_a_code_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, backup = random.Random(18), Backup(desk)
    await desk.write(20, dice)
    await desk.seal()
    await backup.take()
    code, told = await asyncio.to_thread(invoke, desk, monkeypatch, "verify")
    assert code == 0
    assert "complaints: 20 rows in" in told
    assert "all as it was written" in told
    await desk.write(20, dice)
    await desk.seal()
    await backup.put_back()
    code, told = await asyncio.to_thread(invoke, desk, monkeypatch, "verify")
    assert code == 3
    assert "LOST" in told
    code, told = await asyncio.to_thread(invoke, desk, monkeypatch, "restored", "--reason", "an exercise")
    assert code == 0
    assert "reaches through batch 1" in told
    code, told = await asyncio.to_thread(invoke, desk, monkeypatch, "verify")
    assert code == 0
    await desk.owner.execute("UPDATE audit_log SET purpose = 'OTHER' WHERE chain = 'admin/keys' AND sequence = 1")
    await desk.owner.execute("UPDATE audit_log SET purpose = 'OTHER' WHERE chain = 'admin/units' AND sequence = 1")
    code, told = await asyncio.to_thread(invoke, desk, monkeypatch, "verify", "--json")
    assert code == 1
    found = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    changed = [line["chain"] for line in found if line.get("severity") == "TAMPERED"]
    assert changed
    assert set(changed) <= {"admin/keys", "admin/units"}
    assert found[-1]["summary"]["service"] == SERVICE


async def test_the_command_without_keys_says_what_is_missing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.settings.keys_dir / f"{SERVICE}.verify").unlink()
    code, told = await asyncio.to_thread(invoke, desk, monkeypatch, "verify")
    assert code == 1
    assert "keys ensure" in told
