"""What a provider may say: signed with its key by a known algorithm, for us, in time, for this log-in."""

import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from services.chassis.outages import EngineAway
from services.chassis.settings import Settings
from services.referrals.refusals import Refused
from services.referrals.service.openid import Begun, OpenIdProvider

ISSUER, CLIENT = "https://id.example", "huiyin"
BEGUN = Begun("a-state", "a-nonce", "a-verifier")
ANSWER = {"state": "a-state", "code": "a-code"}


class Issuer:
    """A provider whose tokens the test makes."""

    def __init__(self) -> None:
        self.key = generate_private_key(SECP256R1())
        self.kid = "k1"
        self.token: Any = self.signed()
        self.issuer = ISSUER
        self.posted: httpx.Request | None = None
        self.away = False

    def signed(self, key: Any = None, algorithm: str = "ES256", **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": "s-1", "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": "a-nonce"}
        wanted = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(wanted, key if key is not None else self.key, algorithm=algorithm, headers={"kid": self.kid})

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        match request.url.path:
            case "/.well-known/openid-configuration":
                there = {f"{name}_endpoint": f"{ISSUER}/{name}" for name in ("authorization", "token")}
                return httpx.Response(200, json={"issuer": self.issuer, "jwks_uri": f"{ISSUER}/keys", **there})
            case "/keys":
                key = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
                return httpx.Response(200, json={"keys": [{**key, "kid": self.kid, "alg": "ES256", "use": "sig"}]})
        self.posted = request
        return httpx.Response(200, json={"id_token": self.token})


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def provider(issuer: Issuer) -> OpenIdProvider:
    settings = Settings(openid_issuer=ISSUER, openid_client_id=CLIENT, openid_client_secret="secret")
    http = httpx.AsyncClient(transport=httpx.MockTransport(issuer.answer))
    return OpenIdProvider(http, settings, "https://work.example/back")


async def test_a_person_is_whom_the_token_names(provider: OpenIdProvider, issuer: Issuer) -> None:
    issuer.token = issuer.signed(preferred_username="clerk.desk")
    person = await provider.finish(ANSWER, BEGUN)
    assert (person.issuer, person.subject, person.username) == (ISSUER, "s-1", "clerk.desk")
    assert issuer.posted is not None
    assert b"code_verifier=a-verifier" in issuer.posted.content
    assert issuer.posted.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": int(time.time()) - 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"azp": "another"},
        {"key": generate_private_key(SECP256R1())},
        {"key": "secret" * 8, "algorithm": "HS256"},
        {"key": "", "algorithm": "none"},
    ],
    ids=str,
)
async def test_no_other_token_is_taken(provider: OpenIdProvider, issuer: Issuer, changes: dict[str, Any]) -> None:
    issuer.token = issuer.signed(**changes)
    with pytest.raises(Refused, match="OPENID_FAILED"):
        await provider.finish(ANSWER, BEGUN)


@pytest.mark.parametrize("token", ["", "x", "x.y.z", None, 7])
async def test_rubbish_is_no_token(provider: OpenIdProvider, issuer: Issuer, token: Any) -> None:
    issuer.token = token
    with pytest.raises(Refused, match="OPENID_FAILED"):
        await provider.finish(ANSWER, BEGUN)


async def test_a_provider_that_is_somebody_else_is_not_believed(provider: OpenIdProvider, issuer: Issuer) -> None:
    issuer.issuer = "https://evil.example"
    with pytest.raises(Refused, match="OPENID_FAILED"):
        await provider.begin()


async def test_a_key_that_is_new_is_looked_up(provider: OpenIdProvider, issuer: Issuer) -> None:
    await provider.finish(ANSWER, BEGUN)
    issuer.key, issuer.kid = generate_private_key(SECP256R1()), "k2"
    issuer.token = issuer.signed()
    assert (await provider.finish(ANSWER, BEGUN)).subject == "s-1"


async def test_a_provider_that_is_away_is_an_outage(provider: OpenIdProvider, issuer: Issuer) -> None:
    issuer.away = True
    with pytest.raises(EngineAway, match="openid"):
        await provider.begin()
