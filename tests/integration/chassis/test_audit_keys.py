"""Anchors through changes of the keys that sign them: each holds under its own key, and none comes back."""

from __future__ import annotations

import base64
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.chassis import signers
from services.chassis.audit.anchor_keys import DECLARANT, Keys
from services.chassis.audit.anchors import KEY, SEAL, Seal, line_hash
from services.chassis.audit.sealing import NotOurs, Sealer
from services.chassis.audit.verifying import Severity
from services.chassis.db import Database
from services.chassis.settings import Settings
from tests.integration.chassis.test_audit_verify import SERVICE, Desk


@pytest.fixture
def desk(db: Database, owner: asyncpg.Connection, settings: Settings, tmp_path: Path) -> Desk:
    return Desk(db, owner, settings, tmp_path)


async def sealed(desk: Desk, seed: int) -> None:
    await desk.write(5, random.Random(seed))
    await desk.seal()


def kinds(desk: Desk) -> list[str]:
    return [json.loads(line)["seal"]["kind"] for line in desk.file.read_bytes().splitlines()]


async def test_old_anchors_hold_under_their_own_keys_and_sealing_goes_on(desk: Desk) -> None:
    await sealed(desk, 1)
    signers.renew(desk.settings, SERVICE)
    await sealed(desk, 2)
    signers.renew(desk.settings, SERVICE)
    signers.renew(desk.settings, DECLARANT)
    await sealed(desk, 3)
    assert kinds(desk) == [SEAL, KEY, SEAL, KEY, SEAL]
    found = await desk.findings()
    assert {finding.severity for finding in found} == {Severity.NOTE}
    told = [finding.text for finding in found if "another signing key" in finding.text]
    assert [text.split(":")[0] for text in told] == ["batch 2", "batch 4"]
    assert "of complaints and of the operators" in told[1]


async def test_a_change_is_told_of_while_nothing_is_recorded(desk: Desk) -> None:
    await sealed(desk, 4)
    signers.renew(desk.settings, SERVICE)
    (finding,) = await desk.bad()
    assert finding.severity is Severity.NOT_SEALED
    assert "a signing key was changed" in finding.text
    await desk.seal()
    assert kinds(desk) == [SEAL, KEY]
    assert not await desk.bad()
    assert not await desk.sealer.seal(desk.owner)
    assert kinds(desk) == [SEAL, KEY]


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_an_anchor_that_was_edited_is_found_whatever_key_is_in_force(desk: Desk, at: int) -> None:
    await sealed(desk, 5)
    signers.renew(desk.settings, SERVICE)
    await sealed(desk, 6)
    lines = desk.file.read_bytes().splitlines(keepends=True)
    content = json.loads(lines[at])
    content["seal"]["at"] = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
    lines[at] = canonical(content) + b"\n"
    desk.file.write_bytes(b"".join(lines))
    assert any("signature" in finding.text for finding in await desk.bad())


async def test_a_key_that_was_replaced_signs_nothing_any_more(desk: Desk) -> None:
    await sealed(desk, 7)
    leaked, old = signers.signing_key(desk.settings, SERVICE), Keys(desk.settings.keys_dir, SERVICE).now
    signers.renew(desk.settings, SERVICE)
    await sealed(desk, 8)
    for kind in (SEAL, KEY):
        last = desk.file.read_bytes().splitlines()[-1]
        batch = json.loads(last)["seal"]["batch"] + 1
        forged = Seal(SERVICE, kind, batch, datetime.now(UTC), line_hash(last), old).line(leaked)
        with desk.file.open("ab") as file:
            file.write(forged + b"\n")
        await desk.owner.execute("INSERT INTO audit_seals VALUES ($1, $2)", batch, line_hash(forged))
        told = [finding for finding in await desk.bad() if "not in force" in finding.text]
        assert told
        assert told[0].severity is Severity.TAMPERED


async def test_anchors_that_were_taken_back_to_before_the_change_are_found(desk: Desk) -> None:
    await sealed(desk, 9)
    signers.renew(desk.settings, SERVICE)
    await desk.seal()
    first = desk.file.read_bytes().splitlines(keepends=True)[0]
    desk.file.write_bytes(first)
    await desk.owner.execute("DELETE FROM audit_seals WHERE batch > 1")
    assert any("a signing key was changed" in finding.text for finding in await desk.bad())


async def test_lines_that_name_no_key_are_of_the_first_and_stand_before_every_change(desk: Desk) -> None:
    await sealed(desk, 10)
    first = nameless(desk, desk.file.read_bytes().splitlines()[0])
    desk.file.write_bytes(first + b"\n")
    await desk.owner.execute("UPDATE audit_seals SET line_hash = $1", line_hash(first))
    key = signers.signing_key(desk.settings, SERVICE)
    await sealed(desk, 11)
    assert kinds(desk) == [SEAL, SEAL], "the keys are the same: nothing changed"
    signers.renew(desk.settings, SERVICE)
    await sealed(desk, 12)
    assert not await desk.bad()
    last = desk.file.read_bytes().splitlines()[-1]
    seal = Seal(SERVICE, SEAL, 5, datetime.now(UTC), line_hash(last), Keys(desk.settings.keys_dir, SERVICE).first)
    forged = nameless(desk, seal.line(key), key)
    with desk.file.open("ab") as file:
        file.write(forged + b"\n")
    assert any("not in force" in finding.text for finding in await desk.bad())


class Killed(Exception):
    """Between the line and the database's note of it."""


async def test_a_crash_between_the_line_and_its_note_is_healed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await sealed(desk, 13)
    signers.renew(desk.settings, SERVICE)
    await desk.write(3, random.Random(14))

    async def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Sealer, "_note", die)
        with pytest.raises(Killed):
            await desk.seal()
    assert kinds(desk) == [SEAL, KEY]
    await desk.seal()
    assert kinds(desk) == [SEAL, KEY, SEAL]
    assert not await desk.bad()


async def test_a_restore_is_declared_with_the_operators_new_key(desk: Desk) -> None:
    await sealed(desk, 15)
    desk.file.unlink()
    signers.renew(desk.settings, DECLARANT)
    await desk.sealer.declare_restored(desk.owner, "the disk of the anchors failed")
    await sealed(desk, 16)
    assert not await desk.bad()


async def test_half_a_renewal_seals_nothing(desk: Desk) -> None:
    await sealed(desk, 17)
    public = desk.settings.keys_dir / f"{SERVICE}.verify"
    old = public.read_bytes()
    signers.renew(desk.settings, SERVICE)
    public.write_bytes(old)
    await desk.write(3, random.Random(18))
    with pytest.raises(NotOurs, match="keys renew"):
        await desk.seal()
    signers.renew(desk.settings, SERVICE)
    await desk.seal()
    assert not await desk.bad()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def nameless(desk: Desk, line: bytes, key: Any = None) -> bytes:
    """As lines were when they named no key."""
    told = json.loads(line)["seal"]
    del told["keys"]
    signature = (key or signers.signing_key(desk.settings, SERVICE)).sign(b"huiyin-audit-anchor/1\n" + canonical(told))
    return canonical({"seal": told, "signature": base64.urlsafe_b64encode(signature).decode()})
