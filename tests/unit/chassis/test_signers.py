"""The signers' keys: a folder each, nothing made twice or replaced, and the move out of the folder they once shared."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from services.chassis import signers
from services.chassis.auth import ServiceTokens, Unauthenticated
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


def test_a_new_pair_keeps_the_public_key_before_and_the_old_one_speaks_for_nobody(own: Settings) -> None:
    issuer, vault = ServiceTokens("referrals", own), ServiceTokens("vault", own)
    old, before = issuer.issue("vault", "p"), signers.verify_keys(own.keys_dir, "referrals")
    assert len(before) == 1
    renewed = [signers.renew(own, "referrals"), signers.renew(own, "referrals")]
    known = [signers.fingerprint(key) for key in signers.verify_keys(own.keys_dir, "referrals")]
    assert known == [signers.fingerprint(before[0]), *renewed]
    with pytest.raises(Unauthenticated, match="not valid"):
        vault.verify(old)
    assert vault.verify(issuer.issue("vault", "p")).issuer == "referrals", "noticed without a new start"
    assert ensure_keys(own) == []


@pytest.mark.parametrize("after", ["the public key is kept", "the private key is new"])
def test_a_renewal_that_was_killed_goes_on(own: Settings, after: str) -> None:
    public, old = own.keys_dir / "vault.verify", (own.keys_dir / "vault.verify").read_bytes()
    signers.renew(own, "vault")
    new = public.read_bytes()
    public.write_bytes(old)
    if after == "the public key is kept":
        private(own, "vault").unlink()  # as good as the old one: it is replaced
    signers.renew(own, "vault", lost=after == "the public key is kept")
    assert (own.keys_dir / "vault.1.verify").read_bytes().endswith(old)
    assert not (own.keys_dir / "vault.2.verify").exists()
    assert (public.read_bytes() == new) == (after == "the private key is new")
    assert ServiceTokens("vault", own).verify(ServiceTokens("vault", own).issue("vault", "p"))


def test_each_key_counts_from_when_it_came_to_when_it_was_replaced(own: Settings) -> None:
    begun = time.time()
    signers.renew(own, "vault")
    signers.renew(own, "vault")
    first, second, third = signers.terms(own.keys_dir, "vault")
    assert (first.since, second.since, third.since) == (None, first.until, second.until)
    assert [term.replaced for term in (first, second, third)] == [True, True, False]
    day = 86_400.0
    for term, early, late in ((first, True, False), (second, False, False), (third, False, True)):
        assert term.covers(begun - day) is early
        assert term.covers(time.time()), "within what clocks may differ by"
        assert term.covers(time.time() + day) is late


def test_a_key_that_was_replaced_nobody_knows_when_counts_at_no_time(own: Settings) -> None:
    signers.renew(own, "vault")
    kept = own.keys_dir / "vault.1.verify"
    kept.write_bytes(kept.read_bytes().split(b"\n", 1)[1])
    first, second = signers.terms(own.keys_dir, "vault")
    assert not first.covers(time.time())
    assert not first.covers(0)
    assert second.covers(time.time())


def test_a_renewal_that_was_killed_before_the_key_changed_ends_it_when_it_goes_on(own: Settings) -> None:
    public = own.keys_dir / "vault.verify"
    kept = own.keys_dir / "vault.1.verify"
    kept.write_bytes(b"Replaced: 2020-01-01T00:00:00+00:00\n" + public.read_bytes())
    (term,) = signers.terms(own.keys_dir, "vault")
    assert not term.replaced, "it still signs"
    assert term.covers(time.time())
    signers.renew(own, "vault")
    first, second = signers.terms(own.keys_dir, "vault")
    assert first.covers(time.time())
    assert second.covers(time.time())
    assert len(list(own.keys_dir.glob("vault.*.verify"))) == 1


def test_the_tenth_key_comes_after_the_ninth(own: Settings) -> None:
    renewed = [signers.renew(own, "cli") for _ in range(11)]
    assert [signers.fingerprint(key) for key in signers.verify_keys(own.keys_dir, "cli")][1:] == renewed


def test_a_lost_signing_key_can_be_renewed(own: Settings) -> None:
    private(own, "complaints").unlink()
    with pytest.raises(FileNotFoundError):
        signers.renew(own, "complaints")
    signers.renew(own, "complaints", lost=True)
    assert ServiceTokens("vault", own).verify(ServiceTokens("complaints", own).issue("vault", "p"))


def test_a_signer_renews_where_it_is_told_of_its_own_folder_alone(own: Settings) -> None:
    alone = own.model_copy(update={"signing_dir": own.signing_keys("vault"), "signers_dir": Path("")})
    signers.renew(alone, "vault")
    assert ServiceTokens("complaints", own).verify(ServiceTokens("vault", alone).issue("complaints", "p"))


@pytest.mark.parametrize("setting", ["signing_dir", "signers_dir"])
def test_a_wrong_folder_gets_no_pair_and_the_public_key_stays(own: Settings, tmp_path: Path, setting: str) -> None:
    public = {path: path.read_bytes() for path in own.keys_dir.glob("*.verify")}
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(FileNotFoundError):
        signers.renew(own.model_copy(update={setting: elsewhere}), "vault")
    assert not elsewhere.exists()
    assert {path: path.read_bytes() for path in own.keys_dir.glob("*.verify")} == public
