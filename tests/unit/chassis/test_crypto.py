"""Sealing: what only the right key, case and field open; rotation; key files that are never overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.chassis import keyfiles, keyrings
from services.chassis.crypto import (
    CaseCipher,
    HashKey,
    Keyring,
    SealBroken,
    ensure_keys,
    field_aad,
    keyed_hash,
    load_code_key,
    load_keyring,
    new_case_key,
    rewrap,
    unwrap,
)
from services.chassis.settings import Settings
from services.chassis.suites import Suite
from services.chassis.vault_keys import load_vault_private, load_vault_public


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    chosen = Settings(state_dir=tmp_path)
    ensure_keys(chosen)
    return chosen


def test_a_keyring_opens_what_it_sealed(settings: Settings) -> None:
    ring = load_keyring(settings.keys_dir, "complaints")
    assert ring.decrypt(ring.encrypt(b"text", b"here"), b"here") == b"text"
    assert ring.encrypt(b"text", b"here") != ring.encrypt(b"text", b"here")


def test_a_keyring_refuses_other_contexts_other_rings_and_changed_bytes(settings: Settings) -> None:
    ring, other = (load_keyring(settings.keys_dir, name) for name in ("complaints", "referrals"))
    blob = ring.encrypt(b"text", b"here")
    changed = blob[:-1] + bytes([blob[-1] ^ 1])
    for broken in (changed, blob[:-1], b"", b"\x01", b"\x02" + blob[1:], b"\x01\x02\xff\xfe" + blob):
        with pytest.raises(SealBroken):
            ring.decrypt(broken, b"here")
    with pytest.raises(SealBroken):
        ring.decrypt(blob, b"elsewhere")
    with pytest.raises(SealBroken):
        other.decrypt(blob, b"here")


def test_rotation_seals_anew_and_opens_the_old_for_ever(settings: Settings) -> None:
    running = load_keyring(settings.keys_dir, "complaints")
    old = running.encrypt(b"old", b"")
    assert keyrings.rotate(settings.keys_dir, "complaints") == "k2"
    assert keyrings.rotate(settings.keys_dir, "complaints") == "k3"
    rotated = load_keyring(settings.keys_dir, "complaints")
    assert (rotated.current, rotated.ids) == ("k3", ("k1", "k2", "k3"))
    assert rotated.decrypt(old, b"") == b"old"
    # A process that started before the rotation learns of the key when it meets it.
    assert running.decrypt(rotated.encrypt(b"new", b""), b"") == b"new"
    assert running.current == "k3"


def test_a_key_that_nobody_has_is_a_broken_seal(settings: Settings) -> None:
    stranger = Keyring({"k9": b"9" * 32}, "k9")
    with pytest.raises(SealBroken, match="does not have"):
        load_keyring(settings.keys_dir, "complaints").decrypt(stranger.encrypt(b"x", b""), b"")


def test_a_case_key_belongs_to_its_case(settings: Settings) -> None:
    ring = load_keyring(settings.keys_dir, "complaints")
    wrapped = new_case_key(ring, "case-1")
    key = unwrap(ring, wrapped, "case-1")
    with pytest.raises(SealBroken):
        unwrap(ring, wrapped, "case-2")
    keyrings.rotate(settings.keys_dir, "complaints")
    ring.reload()
    again = rewrap(ring, wrapped, "case-1")
    assert again != wrapped
    assert unwrap(ring, again, "case-1") == key


def test_a_sealed_text_can_not_be_moved(settings: Settings) -> None:
    ring = load_keyring(settings.keys_dir, "complaints")
    cipher = CaseCipher(unwrap(ring, new_case_key(ring, "case-1"), "case-1"))
    other = CaseCipher(unwrap(ring, new_case_key(ring, "case-2"), "case-2"))
    here = field_aad("case-1", "narrative")
    blob = cipher.seal("他收了红包", here)
    assert cipher.open(blob, here) == "他收了红包"
    assert "红包".encode() not in blob
    for wrong in (field_aad("case-1", "reply"), field_aad("case-2", "narrative")):
        with pytest.raises(SealBroken):
            cipher.open(blob, wrong)
    for broken in (b"", blob[:5], blob[:-1]):
        with pytest.raises(SealBroken):
            cipher.open(broken, here)
    with pytest.raises(SealBroken):
        other.open(blob, here)


def test_only_the_vault_opens_identities(settings: Settings, tmp_path: Path) -> None:
    public, private = load_vault_public(settings.keys_dir), load_vault_private(settings.vault_keys())
    blob = public.seal("张三".encode(), b"complaint-1")
    assert private.open(blob, b"complaint-1").decode() == "张三"
    with pytest.raises(SealBroken):
        private.open(blob, b"complaint-2")
    with pytest.raises(SealBroken):
        private.open(b"", b"complaint-1")
    stranger = Settings(state_dir=tmp_path / "other")
    ensure_keys(stranger)
    with pytest.raises(SealBroken):
        load_vault_private(stranger.vault_keys()).open(blob, b"complaint-1")


def test_keyed_hashes_tell_parts_apart(settings: Settings) -> None:
    key = load_code_key(settings.keys_dir)
    assert len(key.secret) == 32
    assert keyed_hash(key, "ab", "c") == keyed_hash(key, "ab", b"c")
    assert keyed_hash(key, "ab", "c") != keyed_hash(key, "a", "bc")
    assert keyed_hash(key, "a") != keyed_hash(HashKey(Suite.AES, b"other"), "a")


def test_key_files_are_private_complete_and_never_overwritten(settings: Settings) -> None:
    files = {path: path.read_bytes() for path in settings.keys_dir.iterdir() if path.is_file()}
    assert all(path.stat().st_mode & 0o077 == 0 for path in files), "readable by others"
    assert ensure_keys(settings) == []
    assert {path: path.read_bytes() for path in files} == files


def test_a_lost_public_half_is_written_again(settings: Settings) -> None:
    blob = load_vault_public(settings.keys_dir).seal(b"x", b"")
    (settings.keys_dir / keyfiles.VAULT_PUBLIC).unlink()
    assert ensure_keys(settings) == [keyfiles.VAULT_PUBLIC]
    assert load_vault_private(settings.vault_keys()).open(blob, b"") == b"x"


def test_a_lost_private_half_is_said_and_not_replaced(settings: Settings) -> None:
    (settings.vault_keys() / keyfiles.VAULT_PRIVATE).unlink()
    with pytest.raises(FileNotFoundError, match="backup"):
        ensure_keys(settings)
    assert not (settings.vault_keys() / keyfiles.VAULT_PRIVATE).exists()


def test_a_private_key_of_identities_that_lay_among_the_others_moves_and_still_opens(settings: Settings) -> None:
    blob = load_vault_public(settings.keys_dir).seal(b"x", b"")
    (settings.vault_keys() / keyfiles.VAULT_PRIVATE).rename(settings.keys_dir / keyfiles.VAULT_PRIVATE)
    assert ensure_keys(settings) == []
    assert not (settings.keys_dir / keyfiles.VAULT_PRIVATE).exists()
    assert load_vault_private(settings.vault_keys()).open(blob, b"") == b"x"


@pytest.mark.parametrize(
    "content",
    ['{"current": "k1", "keys": {}}', '{"current": "k1", "keys": {"k1": "c2hvcnQ="}}'],
)
def test_a_damaged_keyring_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.keyring.json"
    path.write_text(json.dumps(json.loads(content)))
    with pytest.raises(ValueError, match="key"):
        Keyring.load(path)
