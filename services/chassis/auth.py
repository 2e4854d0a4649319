"""Who is calling: passwords (Argon2id) and short-lived tokens that services and officers show each other (EdDSA)."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.chassis.settings import Settings
from services.chassis.signers import SIGNERS, signing_key, verify_key

OFFICER_AUDIENCE = "officer"
OFFICER_PURPOSE = "access"
_LEEWAY_SECONDS = 5
_RESERVED = frozenset({"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "purpose"})

_hasher = PasswordHasher()  # RFC 9106, low-memory profile: 64 MiB, 3 passes
_hashing = asyncio.Semaphore(2)  # each takes 64 MiB and a core
_NOBODY = _hasher.hash(str(uuid4()))


class Unauthenticated(Exception):
    """No valid proof of who is calling; the text says what is wrong with it and holds nothing of it."""


async def hash_password(password: str) -> str:
    """The Argon2id hash with its parameters and salt."""
    async with _hashing:
        return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """True when the password is the stored one. Takes as long when there is no such account (`stored` None)."""
    async with _hashing:
        matches = await asyncio.to_thread(_matches, stored or _NOBODY, password)
    return matches and stored is not None


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """True when the hash was made with weaker parameters than today's: hash again at the next log-in."""
    return _hasher.check_needs_rehash(stored)


@dataclass(frozen=True)
class Claims:
    """A verified token. `extra` holds what the issuer added beyond the registered claims."""

    issuer: str
    audience: str
    purpose: str
    subject: str | None
    jti: str
    expires: int
    extra: Mapping[str, Any] = field(default_factory=dict)


class ServiceTokens:
    """Issues tokens in this service's name and verifies those of others. Keys: signers.py."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    def issue(
        self,
        audience: str,
        purpose: str,
        *,
        subject: str | None = None,
        claims: Mapping[str, Any] | None = None,
        ttl: int = 60,
    ) -> str:
        """A token for one audience and purpose, valid for `ttl` seconds. Raises ValueError for a reserved claim."""
        extra = dict(claims or {})
        if taken := _RESERVED & extra.keys():
            raise ValueError(f"reserved claims: {sorted(taken)}")
        now = int(time.time())
        registered = {
            "iss": self.name,
            "aud": audience,
            "purpose": purpose,
            "iat": now,
            "nbf": now,
            "exp": now + ttl,
            "jti": str(uuid4()),
        }
        if subject is not None:
            registered["sub"] = subject
        return jwt.encode({**extra, **registered}, signing_key(self._settings, self.name), algorithm="EdDSA")

    def verify(
        self, token: str, audience: str | None = None, issuer: str | None = None, purpose: str | None = None
    ) -> Claims:
        """The claims of a token for `audience` (this service when None).

        Raises Unauthenticated when the signature, audience, time, issuer or purpose is not right.
        """
        wanted = audience or self.name
        claimed = self._claimed_issuer(token)
        if issuer is not None and claimed != issuer:
            raise Unauthenticated("the token has the wrong issuer")
        try:
            claims = jwt.decode(
                token,
                verify_key(self._settings.keys_dir, claimed),
                algorithms=["EdDSA"],
                audience=wanted,
                issuer=claimed,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "exp", "nbf", "jti"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the token has expired") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("the token is not valid") from error
        if purpose is not None and claims.get("purpose") != purpose:
            raise Unauthenticated("the token is for another purpose")
        return Claims(
            claimed,
            wanted,
            str(claims.get("purpose", "")),
            claims.get("sub"),
            claims["jti"],
            claims["exp"],
            {name: value for name, value in claims.items() if name not in _RESERVED},
        )

    @staticmethod
    def _claimed_issuer(token: str) -> str:
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, UnicodeError) as error:
            raise Unauthenticated("the token is malformed") from error
        # Only names we know: the issuer becomes part of a file name.
        if issuer not in SIGNERS:
            raise Unauthenticated("the token's issuer is not known")
        return str(issuer)


@dataclass(frozen=True)
class Officer:
    """The holder of an officer's access token. `unit_ids`: every unit whose cases the officer may see."""

    account_id: str
    name: str
    unit_id: str
    unit_ids: tuple[str, ...]
    roles: frozenset[str]
    restricted: bool
    jti: str


def issue_officer(tokens: ServiceTokens, officer: Officer, *, ttl: int = 900) -> str:
    """An access token; only referrals issues them."""
    return tokens.issue(
        OFFICER_AUDIENCE,
        OFFICER_PURPOSE,
        subject=officer.account_id,
        ttl=ttl,
        claims={
            "name": officer.name,
            "unit_id": officer.unit_id,
            "unit_ids": list(officer.unit_ids),
            "roles": sorted(officer.roles),
            "restricted": officer.restricted,
        },
    )


def verify_officer(tokens: ServiceTokens, token: str) -> Officer:
    """The officer of an access token, in any service; raises Unauthenticated."""
    claims = tokens.verify(token, OFFICER_AUDIENCE, issuer="referrals", purpose=OFFICER_PURPOSE)
    extra = claims.extra
    try:
        return Officer(
            account_id=str(claims.subject),
            name=str(extra["name"]),
            unit_id=str(extra["unit_id"]),
            unit_ids=tuple(map(str, extra["unit_ids"])),
            roles=frozenset(map(str, extra["roles"])),
            restricted=bool(extra["restricted"]),
            jti=claims.jti,
        )
    except KeyError as error:
        raise Unauthenticated("the token lacks a claim") from error


def bearer(authorization: str | None) -> str:
    """The token of an `Authorization: Bearer …` header; raises Unauthenticated."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send an `Authorization: Bearer …` header")
    return token.strip()
