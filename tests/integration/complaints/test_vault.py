"""The vault: addresses open for notifications only, on record, for the ways the reporter wants; roles hold it apart."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.chassis.auth import ServiceTokens
from services.chassis.settings import Settings
from services.complaints.vault.main import build
from tests.integration.complaints.people import Reporter

PERSON = {"name": "张三", "id_number": "110101199001011234", "phone": "13900000001", "email": "z@example.org"}


class Notifications:
    """Who asks the vault; ``name`` changes who it is."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self.http = http
        self.settings = settings

    async def open(
        self,
        token: UUID,
        *,
        name: str = "notifications",
        audience: str = "vault",
        purpose: str = "contacts.open",
        notice_id: UUID | None = None,
        ttl: int = 60,
    ) -> httpx.Response:
        claims = {"contact_token": str(token), "notice_id": str(notice_id or uuid4()), "aim": "NOTICE"}
        shown = ServiceTokens(name, self.settings).issue(audience, purpose, claims=claims, ttl=ttl)
        return await self.show(shown, claims)

    async def show(self, shown: str, claims: dict[str, str]) -> httpx.Response:
        """A token with the request that it is for."""
        body = {"purpose" if name == "aim" else name: value for name, value in claims.items()}
        return await self.http.post("/v1/contacts/open", json=body, headers={"Authorization": f"Bearer {shown}"})


@pytest.fixture
async def notifications(settings: Settings) -> AsyncIterator[Notifications]:
    application = build(settings)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://vault") as client:
            yield Notifications(client, settings)


async def token_of(admin: "asyncpg.Connection[Any]", receipt: dict[str, str]) -> UUID:
    found: UUID = await admin.fetchval(
        "SELECT contact_token FROM complaints WHERE case_number = $1", receipt["case_number"]
    )
    return found


async def openings(admin: "asyncpg.Connection[Any]", token: UUID) -> list[asyncpg.Record]:
    """What is on record about an address."""
    found: list[asyncpg.Record] = await admin.fetch(
        "SELECT * FROM vault.audit_log WHERE chain = $1", f"contact/{token}"
    )
    return found


async def test_a_token_opens_the_address_that_it_names_for_its_notice_once(
    reporter: Reporter, notifications: Notifications, admin: "asyncpg.Connection[Any]"
) -> None:
    token, other = [await token_of(admin, await reporter.submitted(reporter=PERSON, ways=["EMAIL"])) for _ in range(2)]
    claims = {"contact_token": str(token), "notice_id": str(uuid4()), "aim": "NOTICE"}
    issuer = ServiceTokens("notifications", notifications.settings)
    shown = issuer.issue("vault", "contacts.open", claims=claims)
    crossed: list[dict[str, str]] = [
        {"contact_token": str(other)}, {"notice_id": str(uuid4())}, {"aim": "REISSUE"}, {"reissue_id": str(uuid4())}
    ]  # fmt: skip
    for changed in crossed:
        assert (await notifications.show(shown, {**claims, **changed})).status_code == 401
    bare = issuer.issue("vault", "contacts.open")
    assert (await notifications.show(bare, claims)).status_code == 401
    at_once = await asyncio.gather(*(notifications.show(shown, claims) for _ in range(3)))
    assert sorted(answer.status_code for answer in at_once) == [200, 401, 401]
    assert (await notifications.show(shown, claims)).status_code == 401
    assert len(await openings(admin, token)) == 1
    assert await openings(admin, other) == []
    await admin.execute("UPDATE vault.used_tokens SET expires_at = now() - interval '1 hour'")
    assert (await notifications.open(token)).status_code == 200
    assert await admin.fetchval("SELECT count(*) FROM vault.used_tokens WHERE expires_at < now()") == 0


async def test_notifications_open_an_address_and_it_is_on_record(
    reporter: Reporter, notifications: Notifications, admin: "asyncpg.Connection[Any]"
) -> None:
    token, notice_id = await token_of(admin, await reporter.submitted(reporter=PERSON, ways=["EMAIL"])), uuid4()
    answer = await notifications.open(token, notice_id=notice_id)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"email": "z@example.org", "phone": None, "openid": None, "language": "zh", "code": None}
    assert "张三" not in answer.text
    (logged,) = await openings(admin, token)
    assert (logged["actor"], logged["action"]) == ("service/notifications", "ADDRESS_OPENED")
    assert (logged["purpose"], logged["subject"]) == ("NOTICE", str(notice_id))
    assert json.loads(logged["details"])["found"] is True


async def test_a_way_that_the_reporter_did_not_choose_stays_shut(
    reporter: Reporter, notifications: Notifications, admin: "asyncpg.Connection[Any]"
) -> None:
    token = await token_of(admin, await reporter.submitted(reporter=PERSON, ways=[]))
    assert (await notifications.open(token)).json()["email"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "referrals"},
        {"name": "complaints"},
        {"name": "vault"},
        {"name": "cli"},
        {"audience": "complaints"},
        {"purpose": "reply"},
        {"ttl": -10},
    ],
)
async def test_nobody_else_opens_anything(
    reporter: Reporter, notifications: Notifications, admin: "asyncpg.Connection[Any]", changes: dict[str, Any]
) -> None:
    token = await token_of(admin, await reporter.submitted(reporter=PERSON))
    answer = await notifications.open(token, **changes)
    assert answer.status_code == 401
    assert "example.org" not in answer.text


async def test_an_unknown_token_is_said_and_on_record(
    notifications: Notifications, admin: "asyncpg.Connection[Any]"
) -> None:
    token = uuid4()
    assert (await notifications.open(token)).status_code == 404
    (logged,) = await openings(admin, token)
    assert json.loads(logged["details"])["found"] is False


async def test_an_opening_that_can_not_be_recorded_does_not_happen(
    reporter: Reporter, notifications: Notifications, admin: "asyncpg.Connection[Any]"
) -> None:
    token = await token_of(admin, await reporter.submitted(reporter=PERSON))
    await admin.execute("REVOKE EXECUTE ON FUNCTION vault.audit_append FROM vault")
    try:
        answer = await notifications.open(token)
    finally:
        await admin.execute("GRANT EXECUTE ON FUNCTION vault.audit_append TO vault")
    assert answer.status_code == 500
    assert "example.org" not in answer.text


@pytest.mark.parametrize(
    ("dsn", "statement"),
    [
        ("complaints_dsn", "SELECT * FROM vault.sealed_identities"),
        ("complaints_dsn", "UPDATE vault.sealed_identities SET sealed = ''"),
        ("complaints_dsn", "DELETE FROM vault.sealed_identities"),
        ("complaints_dsn", "SELECT * FROM vault.audit_log"),
        ("complaints_dsn", "DELETE FROM vault.audit_log"),
        ("complaints_dsn", "SELECT vault.audit_append('case/1', 'cli/x', 'READ', NULL, NULL, '', NULL, NULL)"),
        ("complaints_dsn", "DELETE FROM complaints"),
        ("complaints_dsn", "UPDATE complaints SET named = false"),
        ("complaints_dsn", "DELETE FROM narrative_access"),
        ("vault_dsn", "INSERT INTO vault.sealed_identities VALUES (gen_random_uuid(), gen_random_uuid(), '')"),
        ("vault_dsn", "UPDATE vault.sealed_identities SET sealed = ''"),
        ("vault_dsn", "DELETE FROM vault.audit_log"),
        ("vault_dsn", "UPDATE vault.audit_log SET details = ''"),
        ("vault_dsn", "SELECT * FROM complaints"),
        ("vault_dsn", "SELECT * FROM outbox"),
    ],
)
async def test_the_roles_are_held_apart(settings: Settings, dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(getattr(settings, dsn))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
