"""Systems that sign their requests: their secrets, sealed, and the check of one request."""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Channel
from services.chassis.crypto import Keyring
from services.complaints import repository_cases, signatures
from services.complaints.domain import Refusal

_FRESH_SECONDS = 5.0
"""How long a revoked client may go on."""

NONCES_KEPT = timedelta(seconds=3 * signatures.WINDOW_SECONDS)


@dataclass(frozen=True)
class Client:
    """A client as its requests are checked."""

    client_id: str
    channel: Channel
    secret: str


@dataclass(frozen=True)
class ListedClient:
    """A client as operators see it."""

    client_id: str
    name: str
    channel: Channel
    created_at: datetime
    revoked_at: datetime | None


class Clients:
    """The clients of this service. Secrets are kept sealed under the service's keyring."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._known: dict[str, tuple[float, Client]] = {}

    async def authenticate(
        self, session: AsyncSession, signature: signatures.Signature, method: str, path: str, body: bytes
    ) -> Client:
        """The client that signed; its nonce is used up with the caller's transaction. Raises Refusal (401)."""
        client = await self._find(session, signature.client_id)
        signatures.check(signature, client.secret if client else None, method, path, body)
        if client is None:
            raise signatures.invalid()
        if not await repository_cases.use_nonce(session, client.client_id, signature.nonce):
            raise signatures.replayed()
        return client

    async def add(self, session: AsyncSession, name: str, channel: Channel) -> tuple[str, str]:
        """A new client's key and secret; the secret can't be shown again. Raises Refusal when the name is in use."""
        client_id, secret = f"hy_{secrets.token_hex(8)}", secrets.token_urlsafe(32)
        sealed = self._keyring.encrypt(secret.encode(), secret_aad(client_id))
        if not await repository_cases.add_client(session, client_id, name, channel.value, sealed):
            raise Refusal(
                409,
                "CLIENT_EXISTS",
                "已有同名的接入方:请换一个名称,或先用 huiyin clients revoke 停用它。",
                "A client of this name is in use: choose another name, or revoke it first with huiyin clients revoke.",
            )
        return client_id, secret

    async def listed(self, session: AsyncSession) -> list[ListedClient]:
        """All clients, the revoked ones included."""
        return [
            ListedClient(row.client_id, row.name, Channel(row.channel), row.created_at, row.revoked_at)
            for row in await repository_cases.list_clients(session)
        ]

    async def revoke(self, session: AsyncSession, name: str) -> bool:
        """Revoke the client of this name; False when there is none in use."""
        return await repository_cases.revoke_client(session, name)

    async def _find(self, session: AsyncSession, client_id: str) -> Client | None:
        known = self._known.get(client_id)
        if known is not None and time.monotonic() - known[0] < _FRESH_SECONDS:
            return known[1]
        row = await repository_cases.find_client(session, client_id)
        if row is None:
            self._known.pop(client_id, None)
            return None
        secret = self._keyring.decrypt(row.secret_sealed, secret_aad(client_id)).decode()
        client = Client(client_id, Channel(row.channel), secret)
        self._known[client_id] = (time.monotonic(), client)
        return client


async def forget_nonces(session: AsyncSession) -> None:
    """Forget nonces that no acceptable signature can carry any more."""
    await repository_cases.forget_nonces(session, NONCES_KEPT)


def secret_aad(client_id: str) -> bytes:
    """What a client's secret is bound to."""
    return f"huiyin/api-client/{client_id}".encode()
