"""Officers who read by grants of referrals."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx

from services.chassis.auth import ServiceTokens

ALL = ("narrative", "wants", "respondents", "supplements", "evidence")


class Office:
    """Referrals handing out grants, and an officer using them."""

    def __init__(self, http: httpx.AsyncClient, tokens: ServiceTokens, admin: "asyncpg.Connection[Any]") -> None:
        self.http = http
        self.tokens = tokens
        self.admin = admin

    def grant(self, case_id: UUID | str, fields: Any = ALL, **changes: Any) -> str:
        given: dict[str, Any] = {"audience": "complaints", "purpose": "narrative", "subject": "officer-1", **changes}
        claims = {"case_id": str(case_id), "fields": fields}
        return self.tokens.issue(given.pop("audience"), given.pop("purpose"), claims=claims, **given)

    async def read(self, grant: str) -> httpx.Response:
        return await self.http.post("/v1/narratives", headers={"Authorization": f"Bearer {grant}"})

    async def file(self, evidence_id: str, grant: str) -> httpx.Response:
        return await self.http.get(f"/v1/evidence/{evidence_id}", headers={"Authorization": f"Bearer {grant}"})

    async def original(self, evidence_id: str, case_id: UUID, *words: str) -> httpx.Response:
        """A file as it came, by a grant that carries these words of the vault."""
        claims = {"case_id": str(case_id), "fields": ["original"], "words": words}
        grant = self.tokens.issue("complaints", "narrative", subject="officer-1", claims=claims)
        shown = {"Authorization": f"Bearer {grant}"}
        return await self.http.get(f"/v1/evidence/{evidence_id}/original", headers=shown)

    async def case_id(self, receipt: dict[str, str]) -> UUID:
        found: UUID = await self.admin.fetchval(
            "SELECT case_id FROM complaint_cases JOIN complaints USING (complaint_id) WHERE case_number = $1",
            receipt["case_number"],
        )
        return found

    async def readings(self, case_id: UUID) -> list[tuple[Any, ...]]:
        rows = await self.admin.fetch(
            "SELECT resource, officer, fields FROM narrative_access WHERE case_id = $1 ORDER BY at", case_id
        )
        return [tuple(row) for row in rows]


def word_of(
    vault: ServiceTokens,
    evidence_id: str,
    case_id: UUID | str,
    complaint_id: str,
    *,
    subject: str = "officer-1",
    purpose: str = "identity.original",
) -> str:
    """What the vault signs about a file as it came."""
    claims = {"case_id": str(case_id), "complaint_id": complaint_id, "evidence_id": evidence_id}
    return vault.issue("complaints", purpose, subject=subject, claims=claims)
