"""A detached signature: of this document, by this key, and of nothing else."""

import hashlib
from pathlib import Path

import pytest

from services.chassis import signing
from services.chassis.auth import ServiceTokens, Unauthenticated
from services.chassis.keyfiles import ensure_keys
from services.chassis.settings import Settings
from services.chassis.signing import BadSignature

DOCUMENT = b"%PDF-1.4 a letter"


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    settings = Settings(state_dir=tmp_path, keys_dir=tmp_path / "keys")
    ensure_keys(settings)
    return settings


def test_the_claims_of_a_signature_name_the_document_and_who_signed(own: Settings) -> None:
    signature = signing.sign(own, "referrals", DOCUMENT, {"case_number": "HY1"})
    claims = signing.verify(signing.public_key(own.keys_dir, "referrals"), DOCUMENT, signature)
    assert (claims["iss"], claims["case_number"]) == ("referrals", "HY1")
    assert claims["sha256"] == hashlib.sha256(DOCUMENT).hexdigest()


def test_every_changed_byte_is_found(own: Settings) -> None:
    public = signing.public_key(own.keys_dir, "referrals")
    signature = signing.sign(own, "referrals", DOCUMENT, {})
    for at in range(len(DOCUMENT)):
        changed = DOCUMENT[:at] + bytes([DOCUMENT[at] ^ 1]) + DOCUMENT[at + 1 :]
        with pytest.raises(BadSignature):
            signing.verify(public, changed, signature)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_signature_is_found(own: Settings, part: int) -> None:
    parts = signing.sign(own, "referrals", DOCUMENT, {}).split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    with pytest.raises(BadSignature):
        signing.verify(signing.public_key(own.keys_dir, "referrals"), DOCUMENT, ".".join(parts))


def test_another_services_key_does_not_fit(own: Settings) -> None:
    signature = signing.sign(own, "referrals", DOCUMENT, {})
    with pytest.raises(BadSignature):
        signing.verify(signing.public_key(own.keys_dir, "complaints"), DOCUMENT, signature)


def test_a_token_is_no_signature_and_a_signature_no_token(own: Settings) -> None:
    tokens = ServiceTokens("referrals", own)
    with pytest.raises(BadSignature):
        signing.verify(signing.public_key(own.keys_dir, "referrals"), DOCUMENT, tokens.issue("complaints", "narrative"))
    with pytest.raises(Unauthenticated):
        tokens.verify(signing.sign(own, "referrals", DOCUMENT, {}), "complaints")


def test_a_fingerprint_is_of_the_key(own: Settings) -> None:
    own, other = (signing.fingerprint(signing.public_key(own.keys_dir, name)) for name in ("referrals", "complaints"))
    assert own != other
    assert len(own.replace(" ", "")) == 64
