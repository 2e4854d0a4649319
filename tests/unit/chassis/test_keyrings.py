"""A ring's life: added, rotated under running processes, destroyed; from the environment; and one that was lost."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.chassis import keyrings
from services.chassis.crypto import SealBroken, ensure_keys, load_keyring
from services.chassis.keyrings import KeyringRefused
from services.chassis.settings import Settings
from services.chassis.suites import Suite

RING = "complaints"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    chosen = Settings(state_dir=tmp_path)
    ensure_keys(chosen)
    return chosen.keys_dir


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_added_key_seals_nothing_until_it_is_made_current(keys: Path) -> None:
    assert keyrings.add(keys, RING) == "k2"
    assert load_keyring(keys, RING).current == "k1"
    assert keyrings.rotate(keys, RING) == "k2"
    assert keyrings.rotate(keys, RING) == "k3", "without an added one, a fresh one"
    assert load_keyring(keys, RING).ids == ("k1", "k2", "k3")


def test_a_running_process_seals_with_the_new_key_within_seconds(keys: Path) -> None:
    running = load_keyring(keys, RING)
    keyrings.rotate(keys, RING)
    eventually(lambda: running.current == "k2")


def test_a_running_process_forgets_a_destroyed_key(keys: Path) -> None:
    running = load_keyring(keys, RING)
    old = running.encrypt(b"x", b"")
    keyrings.rotate(keys, RING)
    keyrings.destroy(keys, RING, "k1", "cli/x", "LEAKED")
    eventually(lambda: running.current == "k2" and running.ids == ("k2",))
    with pytest.raises(SealBroken):
        running.decrypt(old, b"")


def test_who_seals_after_a_pause_takes_no_key_that_was_destroyed_meanwhile(keys: Path) -> None:
    running = load_keyring(keys, RING)
    running.encrypt(b"before", b"")
    keyrings.rotate(keys, RING)
    keyrings.destroy(keys, RING, "k1", "cli/x", "RETIRED")
    time.sleep(1.1)  # the pause; nothing asks the ring in it
    sealed = running.encrypt(b"after", b"")
    assert load_keyring(keys, RING).decrypt(sealed, b"") == b"after"


def test_nothing_is_sealed_while_it_is_not_known_with_what(keys: Path) -> None:
    running = load_keyring(keys, RING)
    (keys / "complaints.keyring.json").write_text("{}")
    time.sleep(1.1)
    with pytest.raises(ValueError, match="current"):
        running.encrypt(b"x", b"")


def test_a_destroyed_key_leaves_a_note_and_its_id_is_never_given_again(keys: Path) -> None:
    keyrings.rotate(keys, RING)
    keyrings.rotate(keys, RING)
    with pytest.raises(KeyringRefused, match="current"):
        keyrings.destroy(keys, RING, "k3", "cli/x", "LEAKED")
    with pytest.raises(KeyringRefused, match="no key k9"):
        keyrings.destroy(keys, RING, "k9", "cli/x", "LEAKED")
    keyrings.destroy(keys, RING, "k2", "cli/x", "LEAKED")
    ring = keyrings.read(keys, RING)
    assert (tuple(ring.keys), ring.destroyed["k2"].reason) == (("k1", "k3"), "LEAKED")
    assert keyrings.add(keys, RING) == "k4"


def test_the_first_form_of_a_ring_is_read_and_its_old_keys_count_as_just_retired(keys: Path) -> None:
    old, new = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    path = keys / keyrings.file_name(RING)
    path.write_text(json.dumps({"current": "k2", "keys": {"k1": old, "k2": new}}))
    sealed = load_keyring(keys, RING).encrypt(b"x", b"")
    assert keyrings.add(keys, RING) == "k3"
    ring = keyrings.read(keys, RING)
    assert keyrings.settles_at(ring, "k1") is not None, "it sealed once"
    assert keyrings.settles_at(ring, "k3") is None, "it never did"
    assert load_keyring(keys, RING).decrypt(sealed, b"") == b"x"


def test_a_ring_can_change_to_the_other_suite(keys: Path) -> None:
    before = load_keyring(keys, RING).encrypt(b"x", b"")
    keyrings.add(keys, RING, Suite.SM)
    keyrings.rotate(keys, RING)
    ring = load_keyring(keys, RING)
    assert (ring.suite, ring.decrypt(before, b"")) == (Suite.SM, b"x")
    added = keyrings.add(keys, RING)
    assert keyrings.read(keys, RING).keys[added].suite is Suite.SM, "as the current one"


def test_keys_are_made_for_the_suite_of_the_settings(tmp_path: Path) -> None:
    chosen = Settings(state_dir=tmp_path, cipher_suite="SM")
    ensure_keys(chosen)
    assert load_keyring(chosen.keys_dir, RING).suite is Suite.SM
    assert ensure_keys(Settings(state_dir=tmp_path)) == [], "what is there keeps its suite"
    assert load_keyring(chosen.keys_dir, RING).suite is Suite.SM


@pytest.mark.parametrize("name", ["complaints.keyring.json", "complaints.code-key", "complaints.blind-key"])
def test_a_lost_key_file_is_said_and_not_replaced(keys: Path, name: str) -> None:
    kept = (keys / name).read_bytes()
    (keys / name).unlink()
    with pytest.raises(FileNotFoundError, match="backup"):
        ensure_keys(Settings(state_dir=keys.parent))
    assert not (keys / name).exists()
    (keys / name).write_bytes(kept)
    assert ensure_keys(Settings(state_dir=keys.parent)) == []


def test_a_ring_may_come_from_the_environment(keys: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sealed = load_keyring(keys, RING).encrypt(b"x", b"")
    path = keys / keyrings.file_name(RING)
    monkeypatch.setenv("HUIYIN_KEYRING_COMPLAINTS", path.read_text())
    path.unlink()
    assert load_keyring(keys, RING).decrypt(sealed, b"") == b"x"
    assert keyrings.file_name(RING) not in ensure_keys(Settings(state_dir=tmp_path / "other"))
    with pytest.raises(KeyringRefused, match="HUIYIN_KEYRING_COMPLAINTS"):
        keyrings.rotate(keys, RING)


@pytest.mark.parametrize("stale", [True, False])
def test_a_ring_of_the_environment_that_is_missing_at_one_start_is_not_made_anew(
    keys: Path, monkeypatch: pytest.MonkeyPatch, stale: bool
) -> None:
    own, path = Settings(state_dir=keys.parent), keys / keyrings.file_name(RING)
    with monkeypatch.context() as given:
        given.setenv("HUIYIN_KEYRING_COMPLAINTS", path.read_text())
        assert ensure_keys(own) == []
        if not stale:
            path.unlink()
        assert ensure_keys(own) == []
    for start in (lambda: ensure_keys(own), lambda: load_keyring(keys, RING)):
        with pytest.raises(FileNotFoundError, match=r"HUIYIN_KEYRING_COMPLAINTS held the keyring .* set it again"):
            start()
    assert path.exists() == stale
    if stale:
        noted = (keys / keyrings.MADE).read_text().splitlines()
        kept = [line for line in noted if line != "HUIYIN_KEYRING_COMPLAINTS"]
        (keys / keyrings.MADE).write_text("\n".join(kept) + "\n")
        assert ensure_keys(own) == []
        assert load_keyring(keys, RING)


def test_what_is_wrong_with_a_ring_is_said_without_its_keys(keys: Path) -> None:
    path = keys / keyrings.file_name(RING)
    key = json.loads(path.read_text())["keys"]["k1"]["key"]
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": {"suite": "DES", "key": key}}}))
    with pytest.raises(ValueError) as refused:
        load_keyring(keys, RING)
    assert key not in str(refused.value)
