"""Passwords and tokens: what is accepted, and what is refused with which reason."""

from __future__ import annotations

import time
from pathlib import Path

import jwt
import pytest

from services.chassis.auth import (
    Officer,
    ServiceTokens,
    Unauthenticated,
    bearer,
    hash_password,
    issue_officer,
    needs_rehash,
    verify_officer,
    verify_password,
)
from services.chassis.keyfiles import ensure_keys
from services.chassis.settings import Settings
from services.chassis.signers import signing_key

OFFICER = Officer("account-1", "李主任", "unit-a", ("unit-a", "unit-b"), frozenset({"HANDLER"}), True, "")


@pytest.fixture
def keys(tmp_path: Path) -> Settings:
    settings = Settings(state_dir=tmp_path)
    ensure_keys(settings)
    return settings


async def test_passwords() -> None:
    stored = await hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert "correct" not in stored
    assert await verify_password(stored, "correct horse")
    assert not await verify_password(stored, "wrong")
    assert not await verify_password(None, "correct horse")
    assert not await verify_password("no hash at all", "correct horse")
    assert not needs_rehash(stored)


def test_a_token_says_who_asks_for_what(keys: Settings) -> None:
    token = ServiceTokens("referrals", keys).issue(
        "complaints", "read-text", subject="account-1", claims={"case_id": "case-1"}
    )
    claims = ServiceTokens("complaints", keys).verify(token, issuer="referrals", purpose="read-text")
    assert (claims.issuer, claims.audience, claims.subject) == ("referrals", "complaints", "account-1")
    assert claims.extra == {"case_id": "case-1"}


def test_wrong_tokens_are_refused(keys: Settings, tmp_path: Path) -> None:
    issuer, complaints = ServiceTokens("referrals", keys), ServiceTokens("complaints", keys)
    token = issuer.issue("complaints", "read-text")
    with pytest.raises(Unauthenticated, match="not valid"):
        ServiceTokens("vault", keys).verify(token)  # another audience
    with pytest.raises(Unauthenticated, match="purpose"):
        complaints.verify(token, purpose="open-identity")
    with pytest.raises(Unauthenticated, match="wrong issuer"):
        complaints.verify(token, issuer="notifications")
    with pytest.raises(Unauthenticated, match="expired"):
        complaints.verify(issuer.issue("complaints", "read-text", ttl=-60))
    with pytest.raises(Unauthenticated, match="not valid"):
        complaints.verify(token[:-4] + "AAAA")
    stranger = Settings(state_dir=tmp_path / "other")
    ensure_keys(stranger)
    with pytest.raises(Unauthenticated, match="not valid"):
        complaints.verify(ServiceTokens("referrals", stranger).issue("complaints", "read-text"))


@pytest.mark.parametrize("claims", [{"iss": "../../etc/passwd"}, {"iss": "referrals", "aud": "complaints"}, {}])
def test_unsigned_and_foreign_tokens_are_refused(keys: Settings, claims: dict[str, str]) -> None:
    for token in (
        jwt.encode(claims, "a secret of the attacker's own!!", algorithm="HS256"),
        jwt.encode(claims, "", "none"),
    ):
        with pytest.raises(Unauthenticated):
            ServiceTokens("complaints", keys).verify(token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "张三", "\x00"])
def test_garbage_is_refused(keys: Settings, token: str) -> None:
    with pytest.raises(Unauthenticated):
        ServiceTokens("complaints", keys).verify(token)


def test_reserved_claims_can_not_be_set(keys: Settings) -> None:
    with pytest.raises(ValueError, match="reserved"):
        ServiceTokens("referrals", keys).issue("complaints", "p", claims={"iss": "vault"})


def test_any_service_knows_an_officer(keys: Settings) -> None:
    token = issue_officer(ServiceTokens("referrals", keys), OFFICER)
    seen = verify_officer(ServiceTokens("complaints", keys), token)
    assert (seen.account_id, seen.unit_ids, seen.roles) == ("account-1", ("unit-a", "unit-b"), {"HANDLER"})
    assert seen.restricted


def test_only_referrals_makes_officers(keys: Settings) -> None:
    forged = issue_officer(ServiceTokens("complaints", keys), OFFICER)
    with pytest.raises(Unauthenticated, match="wrong issuer"):
        verify_officer(ServiceTokens("complaints", keys), forged)
    service_token = ServiceTokens("referrals", keys).issue("officer", "other", subject="account-1")
    with pytest.raises(Unauthenticated, match="purpose"):
        verify_officer(ServiceTokens("complaints", keys), service_token)


@pytest.mark.parametrize("claimed", ["referrals", "vault", "cli"])
def test_nobody_speaks_in_anothers_name(keys: Settings, claimed: str) -> None:
    now = int(time.time())
    claims = {"iss": claimed, "aud": "vault", "purpose": "identity.decide", "sub": "account-1", "jti": "x"}
    own = signing_key(keys, "complaints")
    forged = jwt.encode({**claims, "iat": now, "nbf": now, "exp": now + 60}, own, algorithm="EdDSA")
    with pytest.raises(Unauthenticated, match="not valid"):
        ServiceTokens("vault", keys).verify(forged, issuer=claimed, purpose="identity.decide")


def test_the_authorization_header() -> None:
    assert bearer("Bearer abc") == "abc"
    assert bearer("bearer  abc ") == "abc"
    for wrong in (None, "", "abc", "Basic abc", "Bearer "):
        with pytest.raises(Unauthenticated):
            bearer(wrong)
