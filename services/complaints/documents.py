"""Texts of authorities for the reporter's page: fetched from referrals when read, checked, never kept."""

import hashlib
from uuid import UUID

import httpx
import structlog

from services.chassis.auth import ServiceTokens

_TIMEOUT = httpx.Timeout(2.0)
_log = structlog.get_logger("huiyin.documents")


class Documents:
    """Asks referrals for published texts."""

    def __init__(
        self, referrals_url: str, tokens: ServiceTokens, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._tokens = tokens
        self._client = httpx.AsyncClient(base_url=referrals_url, timeout=_TIMEOUT, trust_env=False, transport=transport)

    async def fetch(self, document_id: UUID, sha256: str) -> str | None:
        """The text with this hash; None when referrals does not give it now, which is no reason to hide the rest."""
        token = self._tokens.issue("referrals", "reply")
        try:
            response = await self._client.get(
                f"/internal/v1/documents/{document_id}", headers={"Authorization": f"Bearer {token}"}
            )
            response.raise_for_status()
            text = response.json().get("text")
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            _log.warning("document_not_available", document_id=document_id, exc_info=error)
            return None
        if not isinstance(text, str) or hashlib.sha256(text.encode()).hexdigest() != sha256:
            _log.error("document_hash_differs", document_id=document_id)
            return None
        return text

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
