"""The vault's pair: rotated under running processes, earlier keys open, one destroyed opens nothing."""

from pathlib import Path
from uuid import uuid4

import pytest

from services.chassis import vault_keys
from services.chassis.crypto import SealBroken, ensure_keys
from services.chassis.keyrings import KeyringRefused
from services.chassis.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    chosen = Settings(state_dir=tmp_path)
    ensure_keys(chosen)
    return chosen


def test_new_identities_go_to_the_new_key_and_old_ones_open(settings: Settings) -> None:
    public = vault_keys.load_vault_public(settings.keys_dir)
    private = vault_keys.load_vault_private(settings.vault_keys())
    old = public.seal(b"old", b"t1")
    added = vault_keys.add(settings.vault_keys())
    assert vault_keys.key_of(public.seal(b"x", b"t")) == vault_keys.key_of(old), "it is not current yet"
    with pytest.raises(KeyringRefused, match="rotate"):
        vault_keys.add(settings.vault_keys())
    assert vault_keys.rotate(settings.keys_dir, settings.vault_keys()) == added
    new = public.seal(b"new", b"t2")
    assert vault_keys.key_of(new) == added
    assert (private.open(old, b"t1"), private.open(new, b"t2")) == (b"old", b"new")
    with pytest.raises(SealBroken):
        private.open(new, b"t1")


def test_an_identity_sealed_anew_needs_the_earlier_key_no_more(settings: Settings) -> None:
    private = vault_keys.load_vault_private(settings.vault_keys())
    token, complaint = uuid4(), uuid4()
    old = vault_keys.load_vault_public(settings.keys_dir).seal_identity(b"old", token, complaint)
    [earlier] = vault_keys.fingerprints(settings.vault_keys())
    vault_keys.rotate(settings.keys_dir, settings.vault_keys())
    again = private.reseal_identity(old, token, complaint)
    vault_keys.destroy(settings.vault_keys(), earlier)
    assert private.open_identity(again, token, complaint) == b"old"
    with pytest.raises(SealBroken):
        private.open_identity(old, token, complaint)


def test_the_current_key_is_not_destroyed(settings: Settings) -> None:
    [current] = vault_keys.fingerprints(settings.vault_keys())
    with pytest.raises(KeyringRefused, match="current"):
        vault_keys.destroy(settings.vault_keys(), current)


def test_a_rotation_that_was_killed_is_ended_by_the_next(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = vault_keys.load_vault_public(settings.keys_dir).seal(b"x", b"t")
    write = vault_keys.private_files.write

    def killed(path: Path, content: bytes, *, replace: bool = False) -> None:
        if path.name == vault_keys.PUBLIC:
            raise KeyboardInterrupt
        write(path, content, replace=replace)

    monkeypatch.setattr(vault_keys.private_files, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        vault_keys.rotate(settings.keys_dir, settings.vault_keys())
    monkeypatch.undo()
    half = vault_keys.fingerprints(settings.vault_keys())
    private = vault_keys.load_vault_private(settings.vault_keys())
    assert private.open(sealed, b"t") == b"x"
    rotated = vault_keys.rotate(settings.keys_dir, settings.vault_keys())
    assert half[rotated] == "current", "it made no third key"
    assert vault_keys.key_of(vault_keys.load_vault_public(settings.keys_dir).seal(b"x", b"t")) == rotated
    assert private.open(sealed, b"t") == b"x"
