"""Opening a reporter's address for one notice: on record first, then opened, and no more of it than is needed."""

import json
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.vault_keys import VaultPrivate
from services.complaints.vault import repository


@dataclass(frozen=True)
class Contact:
    """An opened address; repr shows nothing of it."""

    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    openid: str | None = field(repr=False)
    language: str


class Contacts:
    """Holds the private key. ``record`` runs in its caller's transaction; ``open`` comes after its commit."""

    def __init__(self, key: VaultPrivate) -> None:
        self._key = key

    async def record(
        self, session: AsyncSession, contact_token: UUID, caller: str, purpose: str, notice_id: UUID, jti: str
    ) -> repository.SealedIdentity | None:
        """Put the opening on record, found or not, and fetch the sealed identity; None when there is none."""
        sealed = await repository.sealed_identity(session, contact_token)
        await repository.log_access(session, contact_token, caller, purpose, notice_id, jti, found=sealed is not None)
        return sealed

    def open_code(self, reissue_id: UUID, sealed: bytes) -> str:
        """A new query code, to be sent with a notice. Raises SealBroken."""
        return self._key.open(sealed, f"code/{reissue_id}".encode()).decode()

    def open(self, found: repository.SealedIdentity) -> Contact:
        """The address, for the ways the reporter wants only. Raises SealBroken."""
        identity = json.loads(self._key.open_identity(found.sealed, found.contact_token, found.complaint_id))
        ways = identity.get("ways", ())
        return Contact(
            email=identity.get("email") if "EMAIL" in ways else None,
            phone=identity.get("phone") if "SMS" in ways else None,
            openid=identity.get("openid") if "WECHAT" in ways else None,
            language=identity.get("language", "zh"),
        )
