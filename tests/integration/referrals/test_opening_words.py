"""The record of openings against the words that it stands on: what was put into the database, changed there or taken
out of it is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import jwt
import pytest
import pytest_asyncio

from deploy.commands import audit as audit_command
from deploy.stack import Stack
from services.chassis import auth, signers, signing
from services.chassis.audit.anchor_keys import Keys
from services.chassis.audit.anchored import Anchored
from services.chassis.audit.anchors import KEY, SEAL, AnchorFile, Head, Seal, anchor_file, line_hash
from services.chassis.auth import ServiceTokens
from services.chassis.settings import Settings
from services.complaints.vault import words
from services.complaints.vault.words import Words
from tests.integration.referrals.office import Office
from tests.integration.referrals.opening import asked, decide, granted, named, read
from tests.integration.referrals.vault import Vault, put_a_yes

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def owner(stack_engines: Stack) -> AsyncIterator[asyncpg.Connection]:
    """Who may do anything in the database; nothing of it stays."""
    connection = await asyncpg.connect(
        stack_engines.env["HUIYIN_COMPLAINTS_OWNER_DSN"], server_settings={"TimeZone": "UTC"}
    )
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT set_config('huiyin.role', 'system', true)")
    yield connection
    await transaction.rollback()
    await connection.close()


class Kept:
    """A case with one opening that was agreed to and looked at, one that was refused, and one that waits."""

    def __init__(self, case_id: UUID, owner: asyncpg.Connection, settings: Settings) -> None:
        self.case_id, self.owner, self.settings = case_id, owner, settings
        self.agreed = self.refused = self.waits = uuid4()

    async def wrong(self, keys_dir: Path | None = None) -> list[str]:
        found = Words(keys_dir or self.settings.keys_dir).findings(self.owner, [f"case/{self.case_id}"])
        return [text async for _, text in found]

    async def row(self, table: str, opening_id: UUID) -> dict[str, Any]:
        found = await self.owner.fetchrow(f"SELECT * FROM vault.{table} WHERE opening_id = $1", opening_id)
        assert found is not None
        return dict(found)

    async def insert(self, table: str, row: dict[str, Any]) -> None:
        row.pop("reading_id", None)
        places = ", ".join(f"${at + 1}" for at in range(len(row)))
        await self.owner.execute(f"INSERT INTO vault.{table} ({', '.join(row)}) VALUES ({places})", *row.values())


@pytest_asyncio.fixture(loop_scope="session")
async def kept(office: Office, vault: Vault, owner: asyncpg.Connection, settings: Settings) -> Kept:
    case_id = await named(office, vault)
    made = Kept(case_id, owner, settings)
    opening = await granted(office, case_id)
    made.agreed = UUID(opening["opening_id"])
    for _ in range(2):
        assert (await read(office, opening)).status_code == 200
    opening = await asked(office, case_id)
    made.refused = UUID(opening["opening_id"])
    assert (await decide(office, opening, denial="OTHER_MEANS")).status_code == 200
    made.waits = UUID((await asked(office, case_id))["opening_id"])
    return made


async def test_what_was_said_stands_also_when_the_keys_are_others_by_now(kept: Kept, tmp_path: Path) -> None:
    assert await kept.wrong() == []
    shutil.copytree(kept.settings.keys_dir, tmp_path / "keys")
    shutil.copytree(kept.settings.signers_dir, tmp_path / "signing")
    later = kept.settings.model_copy(update={"keys_dir": tmp_path / "keys", "signers_dir": tmp_path / "signing"})
    for name in ("vault", "referrals"):
        signers.renew(later, name)
    assert await kept.wrong(later.keys_dir) == []
    for name in ("vault", "referrals"):
        (later.keys_dir / f"{name}.1.verify").unlink()
        assert await kept.wrong(later.keys_dir)


@pytest.fixture
def renewed(kept: Kept, tmp_path: Path) -> tuple[Settings, Settings]:
    """The settings after the keys of the vault and of referrals were replaced, and those of who has stolen the old."""
    shutil.copytree(kept.settings.keys_dir, tmp_path / "keys")
    shutil.copytree(kept.settings.signers_dir, tmp_path / "signing")
    now = kept.settings.model_copy(update={"keys_dir": tmp_path / "keys", "signers_dir": tmp_path / "signing"})
    for name in ("vault", "referrals"):
        signers.renew(now, name)
    return now, kept.settings


async def forged(
    kept: Kept, thief: Settings, monkeypatch: pytest.MonkeyPatch, age: timedelta, opening_id: UUID | None = None
) -> dict[str, Any]:
    """A yes to the request that waits, or to another, dated so long ago, in the word of who holds both old keys."""
    opening_id = opening_id or kept.waits
    at, yes = datetime.now(UTC) - age, await kept.row("decisions", kept.agreed)
    with monkeypatch.context() as patch:
        for module in (auth, signing):
            patch.setattr(module, "time", SimpleNamespace(time=at.timestamp))
        token = ServiceTokens("referrals", thief).issue(
            "vault",
            "identity.decide",
            subject="a-second",
            claims={"opening_id": str(opening_id), "unit_id": "desk", "granted": True, "denial": None},
        )
        row = yes | {
            "opening_id": opening_id,
            "officer": "a-second",
            "unit_id": "desk",
            "at": at,
            "jti": jwt.decode(token, options={"verify_signature": False})["jti"],
            "open_until": datetime.now(UTC) + timedelta(hours=1),
        }
        return row | {"word": words.keep(thief, "decisions", row, token)}


async def test_a_key_that_was_replaced_signs_no_new_word(
    kept: Kept, renewed: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, thief = renewed
    later = await forged(kept, thief, monkeypatch, timedelta(minutes=-20))
    assert Words(thief.keys_dir).trouble("decisions", later) is None, "before it was replaced it would have"
    assert "key that was not in force" in str(Words(now.keys_dir).trouble("decisions", later))


async def test_a_word_that_was_dated_back_with_a_replaced_key_is_found_by_the_anchors_and_opens_nothing(
    kept: Kept, renewed: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now, thief = renewed
    store = anchor_file(tmp_path / "audit", "vault")
    before = await _head(kept)
    anchor(store, thief, SEAL, datetime.now(UTC) - timedelta(days=1), before)
    anchor(store, now, KEY, datetime.now(UTC))
    row = await forged(kept, thief, monkeypatch, timedelta(hours=2))
    assert Words(now.keys_dir).trouble("decisions", row) is None, "its date alone is one of the key's time"
    assert Words.of_today(now.keys_dir).trouble("decisions", row) is not None, "it opens nothing"
    await kept.insert("decisions", row)
    await kept.owner.execute(
        "SELECT vault.audit_append($1, 'account/a-second', 'IDENTITY_GRANTED', $2, NULL, '{}', NULL, NULL)",
        f"case/{kept.case_id}",
        str(kept.waits),
    )
    anchor(store, now, SEAL, datetime.now(UTC) + timedelta(hours=1), await _head(kept))
    with Anchored(Keys(now.keys_dir, "vault")) as told:
        told.read(store)
        assert told.troubles == []
        checks = Words(now.keys_dir).findings(kept.owner, [f"case/{kept.case_id}"], told)
        (wrong,) = [text async for _, text in checks]
    assert str(kept.waits) in wrong
    assert "no entry of it from before a key" in wrong


async def test_who_decided_is_not_rewritten_under_keys_that_were_replaced(
    kept: Kept, renewed: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now, thief = renewed
    store = anchor_file(tmp_path / "audit", "vault")
    anchor(store, thief, SEAL, datetime.now(UTC) - timedelta(minutes=1), await _head(kept))
    anchor(store, now, KEY, datetime.now(UTC))

    async def wrong() -> list[str]:
        with Anchored(Keys(now.keys_dir, "vault")) as told:
            told.read(store)
            checks = Words(now.keys_dir).findings(kept.owner, [f"case/{kept.case_id}"], told)
            return [text async for _, text in checks]

    assert await wrong() == [], "what was decided under them stands"
    row = await forged(kept, thief, monkeypatch, timedelta(), kept.agreed)
    assert Words(now.keys_dir).trouble("decisions", row) is None, "the row and its word agree"
    await kept.owner.execute("DELETE FROM vault.readings WHERE opening_id = $1", kept.agreed)
    await kept.owner.execute("DELETE FROM vault.decisions WHERE opening_id = $1", kept.agreed)
    await kept.insert("decisions", row)
    assert any(str(kept.agreed) in text and "no entry of it from before a key" in text for text in await wrong())


async def test_the_anchors_end_a_key_whose_file_was_given_more_time(
    kept: Kept, renewed: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, thief = renewed
    row = await forged(kept, thief, monkeypatch, timedelta())
    assert Words(now.keys_dir).trouble("decisions", row) is None
    old = signers.fingerprint(signers.verify_keys(now.keys_dir, "referrals")[0])
    told = Words(now.keys_dir, replaced={old: datetime.now(UTC) - timedelta(hours=1)}).trouble("decisions", row)
    assert "key of referrals that was not in force" in str(told)


async def test_what_was_agreed_to_under_a_key_that_was_replaced_is_asked_for_anew(
    renewed: tuple[Settings, Settings], office: Office, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = await granted(office, await named(office, vault))
    assert (await read(office, opening)).status_code == 200
    monkeypatch.setattr(vault.app.state.openings, "_settings", renewed[0])
    answer = await read(office, opening)
    assert (answer.status_code, answer.json()["code"]) == (409, "OPENING_NOT_SIGNED")


async def test_the_command_hears_from_the_anchors_of_referrals_when_its_key_was_replaced(
    kept: Kept, renewed: tuple[Settings, Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now, thief = renewed
    row = await forged(kept, thief, monkeypatch, timedelta())
    store = anchor_file(tmp_path / "audit", "referrals")
    anchor(store, thief, SEAL, datetime.now(UTC) - timedelta(days=1), service="referrals")
    assert audit_command.words_of(now, tmp_path / "audit").trouble("decisions", row) is None
    anchor(store, now, KEY, datetime.now(UTC) - timedelta(hours=1), service="referrals")
    told = audit_command.words_of(now, tmp_path / "audit").trouble("decisions", row)
    assert "key of referrals that was not in force" in str(told)


def anchor(
    store: AnchorFile, settings: Settings, kind: str, at: datetime, *heads: Head, service: str = "vault"
) -> None:
    """A line as the sealer adds it."""
    last, keys = store.last(), Keys(settings.keys_dir, service)
    batch = json.loads(last)["seal"]["batch"] + 1 if last else 1
    seal = Seal(service, kind, batch, at, line_hash(last), keys.now, heads)
    store.append(seal.line(signers.signing_key(settings, service)), seal.previous)


async def _head(kept: Kept) -> Head:
    row = await kept.owner.fetchrow(
        "SELECT chain, sequence, hash FROM vault.audit_log WHERE chain = $1 ORDER BY sequence DESC LIMIT 1",
        f"case/{kept.case_id}",
    )
    assert row is not None
    return Head(row["chain"], row["sequence"], row["hash"])


async def a_bare_yes(kept: Kept) -> None:
    yes = await kept.row("decisions", kept.agreed)
    await kept.insert("decisions", yes | {"opening_id": kept.waits, "jti": "x", "word": "x"})


async def a_yes_with_anothers_word(kept: Kept) -> None:
    yes = await kept.row("decisions", kept.agreed)
    await kept.insert("decisions", yes | {"opening_id": kept.waits, "jti": "x"})


async def a_no_that_became_a_yes(kept: Kept) -> None:
    await kept.owner.execute(
        "UPDATE vault.decisions SET granted = true, denial = NULL, open_until = now() WHERE opening_id = $1",
        kept.refused,
    )


async def more_time(kept: Kept) -> None:
    await kept.owner.execute(
        "UPDATE vault.decisions SET open_until = open_until + interval '1 microsecond' WHERE opening_id = $1",
        kept.agreed,
    )


async def more_of_the_identity(kept: Kept) -> None:
    await kept.owner.execute(
        "UPDATE vault.openings SET fields = fields || 'id_number'::text WHERE opening_id = $1", kept.waits
    )


async def another_case(kept: Kept) -> None:
    await kept.owner.execute("UPDATE vault.openings SET complaint_id = $2 WHERE opening_id = $1", kept.waits, uuid4())


async def a_look_that_is_gone(kept: Kept) -> None:
    await kept.owner.execute("DELETE FROM vault.readings WHERE opening_id = $1", kept.agreed)


async def a_look_that_nobody_had(kept: Kept) -> None:
    look = await kept.row("readings", kept.agreed)
    await kept.insert("readings", look | {"jti": "x"})


async def a_no_that_is_gone(kept: Kept) -> None:
    await kept.owner.execute("DELETE FROM vault.decisions WHERE opening_id = $1", kept.refused)


async def a_request_that_is_gone(kept: Kept) -> None:
    await kept.owner.execute("DELETE FROM vault.openings WHERE opening_id = $1", kept.waits)


async def a_yes_of_the_vault_alone(kept: Kept) -> None:
    row = await kept.row("decisions", kept.agreed) | {"opening_id": kept.waits, "jti": "x"}
    await kept.insert("decisions", row | {"word": words.keep(kept.settings, "decisions", row, None)})


async def a_yes_that_another_service_said(kept: Kept) -> None:
    row = await kept.row("decisions", kept.agreed) | {"opening_id": kept.waits, "jti": "x"}
    token = ServiceTokens("notifications", kept.settings).issue("vault", "identity.decide", subject=row["officer"])
    await kept.insert("decisions", row | {"word": words.keep(kept.settings, "decisions", row, token)})


async def a_yes_for_which_a_look_was_said(kept: Kept) -> None:
    row = await kept.row("decisions", kept.agreed) | {"opening_id": kept.waits, "jti": "x"}
    token = ServiceTokens("referrals", kept.settings).issue("vault", "identity.read", subject=row["officer"])
    await kept.insert("decisions", row | {"word": words.keep(kept.settings, "decisions", row, token)})


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (a_bare_yes, "not as the vault signed it"),
        (a_yes_with_anothers_word, "not as the vault signed it"),
        (a_no_that_became_a_yes, "not as the vault signed it"),
        (more_time, "not as the vault signed it"),
        (more_of_the_identity, "not as the vault signed it"),
        (another_case, "not as the vault signed it"),
        (a_look_that_is_gone, "the looks and the audit don't agree"),
        (a_look_that_nobody_had, "not as the vault signed it"),
        (a_no_that_is_gone, "the decision and the audit don't agree"),
        (a_request_that_is_gone, "the request and the audit don't agree"),
        (a_yes_of_the_vault_alone, "nobody's word stands behind it"),
        (a_yes_that_another_service_said, "not of referrals"),
        (a_yes_for_which_a_look_was_said, "not of referrals"),
    ],
)
async def test_a_record_that_was_tampered_with_is_found(
    kept: Kept, tamper: Callable[[Kept], Awaitable[None]], told: str
) -> None:
    await tamper(kept)
    found = await kept.wrong()
    assert any(told in text for text in found), found


async def test_a_yes_that_was_put_into_the_database_opens_nothing(
    office: Office, vault: Vault, settings: Settings
) -> None:
    opening = await asked(office, await named(office, vault))
    await put_a_yes(settings, opening)
    answer = await read(office, opening)
    assert (answer.status_code, answer.json()["code"]) == (409, "OPENING_NOT_SIGNED")


async def test_rows_without_a_word_are_those_of_before_there_were_any(kept: Kept) -> None:
    async def wrong() -> list[str]:
        return [chain async for chain, _ in Words(kept.settings.keys_dir).findings(kept.owner, None)]

    await kept.owner.execute("DELETE FROM vault.decisions WHERE word IS NULL")  # other tests put some there
    assert "admin/openings" not in await wrong()
    await kept.owner.execute("UPDATE vault.decisions SET word = NULL WHERE opening_id = $1", kept.agreed)
    assert "admin/openings" in await wrong()


async def test_a_word_counts_for_its_own_time_only(kept: Kept) -> None:
    row = await kept.row("decisions", kept.agreed)
    row["at"] += timedelta(days=1)
    token = ServiceTokens("referrals", kept.settings).issue(
        "vault",
        "identity.decide",
        subject=row["officer"],
        claims={"opening_id": str(kept.agreed), "unit_id": row["unit_id"], "granted": True, "denial": None},
    )
    checks = Words(kept.settings.keys_dir)
    told = checks.trouble("decisions", row | {"word": words.keep(kept.settings, "decisions", row, token)})
    assert told is not None
    assert "its jti, at is not what was said" in told
