"""The signers' keys: a folder each, nothing made twice or replaced, and the move out of the folder they once shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis import signers
from services.chassis.auth import ServiceTokens
from services.chassis.keyfiles import ensure_keys
from services.chassis.settings import MissingSetting, Settings


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    settings = Settings(state_dir=tmp_path)
    ensure_keys(settings)
    return settings


def private(settings: Settings, name: str) -> Path:
    return settings.signing_keys(name) / f"{name}.signing"


def as_they_once_lay(settings: Settings) -> None:
    for name in signers.SIGNERS:
        private(settings, name).rename(settings.keys_dir / f"{name}.signing")
        settings.signing_keys(name).rmdir()
    settings.signers_dir.rmdir()


def test_keys_that_lay_together_move_and_sign_as_before(own: Settings) -> None:
    token = ServiceTokens("referrals", own).issue("vault", "p")
    public = {path: path.read_bytes() for path in own.keys_dir.glob("*.verify")}
    as_they_once_lay(own)
    assert ensure_keys(own) == []
    assert not list(own.keys_dir.glob("*.signing"))
    assert {path: path.read_bytes() for path in own.keys_dir.glob("*.verify")} == public
    assert ServiceTokens("vault", own).verify(token).issuer == "referrals"
    assert ServiceTokens("vault", own).verify(ServiceTokens("referrals", own).issue("vault", "p"))
    assert ensure_keys(own) == []


def test_a_move_that_was_killed_goes_on_and_two_different_keys_are_refused(own: Settings) -> None:
    copied = own.keys_dir / "vault.signing"
    copied.write_bytes(private(own, "vault").read_bytes())
    assert ensure_keys(own) == []
    assert not copied.exists()
    copied.write_bytes(private(own, "referrals").read_bytes())
    with pytest.raises(ValueError, match="two different keys"):
        ensure_keys(own)
    assert copied.exists()


def test_a_private_key_that_is_gone_is_not_replaced(own: Settings) -> None:
    private(own, "vault").unlink()
    with pytest.raises(FileNotFoundError, match="put the private key back"):
        ensure_keys(own)


def test_a_process_that_is_told_of_one_key_has_no_other(own: Settings) -> None:
    alone = own.model_copy(update={"signing_dir": own.signing_keys("vault"), "signers_dir": Path("")})
    assert signers.signing_key(alone, "vault")
    with pytest.raises(FileNotFoundError):
        signers.signing_key(alone, "referrals")
    with pytest.raises(MissingSetting, match="HUIYIN_SIGNERS_DIR"):
        ensure_keys(alone)
    with pytest.raises(MissingSetting, match="HUIYIN_SIGNING_DIR"):
        signers.signing_key(own.model_copy(update={"signers_dir": Path("")}), "vault")


def test_a_folder_that_others_could_read_becomes_its_owners(own: Settings) -> None:
    own.signing_keys("vault").chmod(0o755)
    ensure_keys(own)
    assert own.signing_keys("vault").stat().st_mode & 0o777 == 0o700
