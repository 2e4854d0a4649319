"""The reporter's address, opened by the vault for one notice at the moment of sending. Kept nowhere."""

from dataclasses import dataclass, field
from uuid import UUID

import httpx

from services.chassis.auth import ServiceTokens

PURPOSE = "contacts.open"


class VaultAway(Exception):
    """The vault can't be reached or does not let us in: try again later."""


class ContactGone(Exception):
    """The vault knows no such contact."""


@dataclass(frozen=True)
class Contact:
    """An opened address. Not shown by repr, so that no log line can hold it."""

    email: str | None = field(repr=False)
    code: str | None = field(default=None, repr=False)
    """A new query code, for a notice that brings one."""


class Vault:
    """The vault's HTTP interface."""

    def __init__(self, client: httpx.AsyncClient, url: str, tokens: ServiceTokens) -> None:
        self._client = client
        self._url = url.rstrip("/") + "/v1/contacts/open"
        self._tokens = tokens

    async def open(self, contact_token: UUID, notice_id: UUID, reissue_id: str | None = None) -> Contact:
        """The address behind a token; the vault records that it was opened, and for which notice.

        Raises VaultAway, ContactGone. Error texts hold nothing of the answer.
        """
        asked = {"contact_token": str(contact_token), "purpose": "NOTICE", "notice_id": str(notice_id)}
        if reissue_id is not None:
            asked |= {"purpose": "REISSUE", "reissue_id": reissue_id}
        claims = {"aim" if name == "purpose" else name: value for name, value in asked.items()}
        token = self._tokens.issue("vault", PURPOSE, claims=claims)
        try:
            response = await self._client.post(self._url, json=asked, headers={"Authorization": f"Bearer {token}"})
        except httpx.TransportError as error:
            raise VaultAway(type(error).__name__) from None
        if response.status_code in (404, 410):
            raise ContactGone("the vault knows no such contact")
        if response.status_code != httpx.codes.OK:
            raise VaultAway(f"status {response.status_code}")
        try:
            found = response.json()
            email, code = found.get("email"), found.get("code")
        except (ValueError, AttributeError):
            raise VaultAway("the answer is no JSON object") from None
        if email is not None and not isinstance(email, str):
            raise VaultAway("the answer has another form")
        if code is not None and not isinstance(code, str):
            raise VaultAway("the answer has another form")
        return Contact(email=email, code=code)
