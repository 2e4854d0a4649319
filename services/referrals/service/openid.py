"""Log-in by the agency's OpenID provider: authorization code with PKCE (RFC 7636) and nonce, as OpenID Connect Core 1.0
section 3.1 has it. The provider answers for the password and the second factor."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import structlog

from services.chassis.outages import EngineAway
from services.chassis.settings import Settings
from services.referrals.refusals import Refused

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures of a provider: never `none`, never one that shares a secret."""
LEEWAY_SECONDS = 30
BACK = "/workbench/login/openid/back"
"""Where the provider leads back to; register it there."""
_CACHE_SECONDS = 3600.0
_log = structlog.get_logger("huiyin.openid")


@dataclass(frozen=True)
class Begun:
    """What a log-in that was sent to the provider is known by when it comes back."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Person:
    """Whom the provider vouches for. ``username`` by its claim, by which an account is asked for, never had."""

    issuer: str
    subject: str
    username: str


class OpenIdProvider:
    """Raises EngineAway("openid") while it can't be reached, Refused OPENID_FAILED for what it must not say."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings, redirect_uri: str) -> None:
        self._http = http
        self._issuer = settings.openid_issuer
        self._client = settings.openid_client_id
        self._secret = settings.openid_client_secret
        self._scopes = settings.openid_scopes
        self._claim = settings.openid_username_claim
        self._redirect_uri = redirect_uri
        self._found: tuple[float, Mapping[str, Any]] | None = None
        self._keys: jwt.PyJWKSet | None = None

    async def begin(self) -> tuple[str, Begun]:
        """Where to send the browser, and what to expect back."""
        begun = Begun(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self._redirect_uri,
            "scope": self._scopes,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        there = str((await self._discovered())["authorization_endpoint"])
        return f"{there}{'&' if '?' in there else '?'}{urlencode(query)}", begun

    async def finish(self, answer: Mapping[str, str], begun: Begun) -> Person:
        """Whom the provider's answer (the query of the redirect) is about."""
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise _failed("state")
        if answer.get("iss", self._issuer) != self._issuer:  # RFC 9207
            raise _failed("issuer")
        if not answer.get("code"):
            raise _failed("refused")
        found = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": self._redirect_uri,
            "code_verifier": begun.verifier,
        }
        given = await self._asked("POST", str(found["token_endpoint"]), data=form, auth=(self._client, self._secret))
        claims = await self._verified(str(given.get("id_token", "")))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
            raise _failed("nonce")
        if "azp" in claims and claims["azp"] != self._client:
            raise _failed("party")
        return Person(self._issuer, str(claims["sub"]), str(claims.get(self._claim, "")))

    async def _verified(self, token: str) -> Mapping[str, Any]:
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._client,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            _log.warning("openid_token_refused", exc_info=error)
            raise _failed("token") from error
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        """The provider's key; read anew when it is not known, for providers change theirs."""
        for fresh in (False, True):
            if self._keys is None or fresh:
                found = await self._asked("GET", str((await self._discovered())["jwks_uri"]))
                self._keys = jwt.PyJWKSet.from_dict(dict(found))
            known = [key for key in self._keys.keys if not kid or key.key_id == kid]
            if len(known) == 1:
                return known[0]
        raise _failed("key")

    async def _discovered(self) -> Mapping[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0), which must be its own."""
        if self._found is None or self._found[0] < monotonic():
            found = await self._asked("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:
                raise _failed("issuer")
            self._found = (monotonic() + _CACHE_SECONDS, found)
        return self._found[1]

    async def _asked(self, method: str, url: str, **request: Any) -> Mapping[str, Any]:
        try:
            answer = await self._http.request(method, url, **request)
        except httpx.TransportError as error:
            raise EngineAway("openid") from error
        if answer.status_code >= 500:
            raise EngineAway("openid")
        try:
            content = answer.json() if answer.status_code == 200 else None
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise _failed("answer")
        return content


def _failed(reason: str) -> Refused:
    _log.warning("openid_refused", reason=reason)
    return Refused("OPENID_FAILED")


def make_provider(http: httpx.AsyncClient, settings: Settings) -> OpenIdProvider | None:
    """That of the settings, if there is one."""
    workbench = (settings.workbench_url or settings.referrals_url).rstrip("/")
    return OpenIdProvider(http, settings, f"{workbench}{BACK}") if settings.openid_issuer else None
