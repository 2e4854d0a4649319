"""The vault beside the referrals service: its own application on the complaints database, with a clock in the tests'
hand, and reporters whose identity was sealed to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from fastapi import FastAPI

from contracts.openings import ASK, DECIDE, READ, Ask, Decide, Read
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database, execute
from services.chassis.settings import Settings
from services.complaints.sealing import Sealer
from services.complaints.vault.main import build

PERSON = {"name": "金丝雀甲", "phone": "13900000001", "id_number": "110101199001011234", "email": "c@example.org"}


class Vault:
    """The running vault. ``away``: it can't be reached."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self.app = app
        self._settings = settings
        self._inside = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._complaints = Database(settings.dsn("complaints"))
        self._late = timedelta()
        self.away = False
        self.transport = httpx.MockTransport(self._answer)
        app.state.openings.now = lambda: datetime.now(UTC) + self._late

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        answer = await self._inside.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def later(self, minutes: float) -> None:
        """From now on the vault's clock shows so much more."""
        self._late += timedelta(minutes=minutes)

    async def knows(self, complaint_id: UUID, **person: str) -> UUID:
        """Seal a reporter's identity as intake does; its token."""
        token, sealer = uuid4(), Sealer.load(self._settings.keys_dir)
        sealed = sealer.seal_identity(token, complaint_id, person or PERSON)
        async with self._complaints.session() as session:
            await execute(
                session, "INSERT INTO vault.sealed_identities VALUES ($1, $2, $3)", token, complaint_id, sealed
            )
        return token

    def token(
        self, officer: str, claims: Ask | Decide | Read, *, name: str = "referrals", purpose: str | None = None
    ) -> str:
        """What referrals would send, or somebody in its place."""
        purposes: dict[type, str] = {Ask: ASK, Decide: DECIDE, Read: READ}
        wanted = purpose or purposes[type(claims)]
        body = claims.model_dump(mode="json")
        return ServiceTokens(name, self._settings).issue("vault", wanted, subject=officer, claims=body)

    async def send(self, token: str, path: str) -> httpx.Response:
        """With a token of one's own."""
        async with httpx.AsyncClient(transport=self.transport, base_url="http://vault") as http:
            return await http.post(f"/v1/openings{path}", headers={"Authorization": f"Bearer {token}"})

    async def close(self) -> None:
        await self._complaints.close()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Vault]:
    """The vault as its process runs it."""
    app = build(settings)
    async with app.router.lifespan_context(app):
        vault = Vault(app, settings)
        yield vault
        await vault.close()


def decision(opening: dict[str, Any], *, granted: bool = True, **changes: Any) -> Decide:
    """A second person's word on an opening as the API shows it."""
    values = {
        "opening_id": opening["opening_id"],
        "case_id": opening["case_id"],
        "unit_id": opening["decides_unit"],
        "granted": granted,
    }
    return Decide.model_validate({**values, **changes})


def look(opening: dict[str, Any], **changes: Any) -> Read:
    """A look at an opening."""
    return Read.model_validate({"opening_id": opening["opening_id"], "case_id": opening["case_id"], **changes})


async def put_a_yes(settings: Settings, opening: dict[str, Any]) -> None:
    """A row that says yes, by who can write in the database and sign nothing."""
    connection = await asyncpg.connect(settings.dsn("vault"))
    await connection.execute(
        "INSERT INTO vault.decisions (opening_id, asked_by, granted, officer, unit_id, at, open_until, jti)"
        " VALUES ($1, $2, true, 'a-second', 'desk', now(), now() + interval '1 hour', $3)",
        UUID(opening["opening_id"]),
        opening["account_id"],
        str(uuid4()),
    )
    await connection.close()
