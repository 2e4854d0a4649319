"""An officer reads what a reporter wrote: by a grant that is on record, from the service that keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import httpx
from pydantic import BaseModel

from services.chassis.outages import EngineAway
from services.referrals.refusals import Refused
from services.referrals.service.casebook import GRANT_FIELDS, Casebook
from services.referrals.service.identity import Identity


class Supplement(BaseModel):
    """What the reporter added."""

    at: datetime
    text: str


class Evidence(BaseModel):
    """A file that the reporter sent; ``size`` in bytes."""

    evidence_id: UUID
    at: datetime
    name: str
    media_type: str
    size: int
    sha256: str


class ComplaintTexts(BaseModel):
    """The texts of one complaint, as far as the grant goes."""

    case_number: str
    submitted_at: datetime
    narrative: str | None = None
    wants: str | None = None
    respondents: list[str] | None = None
    supplements: list[Supplement] | None = None
    evidence: list[Evidence] | None = None


class _Answer(BaseModel):
    complaints: list[ComplaintTexts]


@dataclass(frozen=True)
class File:
    """An evidence file, with the headers that make a browser save it."""

    data: bytes
    headers: dict[str, str]


class Reading:
    """Complaints' texts for officers who have the case in hand."""

    def __init__(self, casebook: Casebook, http: httpx.AsyncClient, complaints_url: str) -> None:
        self._casebook = casebook
        self._http = http
        self._complaints_url = complaints_url.rstrip("/")

    async def texts(
        self, who: Identity, case_id: UUID, purpose: str, fields: Sequence[str] = GRANT_FIELDS
    ) -> list[ComplaintTexts]:
        """What was written, a complaint each; of it these fields. Raises Refused NOT_FOUND or NO_GRANT; EngineAway when
        it is away."""
        given = await self._casebook.grant(who, case_id, purpose, fields)
        answer = await self._ask("POST", given.url, given.grant)
        return _Answer.model_validate_json(answer.content).complaints

    async def file(self, who: Identity, case_id: UUID, evidence_id: UUID, purpose: str) -> File:
        """One evidence file, by a grant of its own; otherwise as `texts`."""
        given = await self._casebook.grant(who, case_id, purpose)
        answer = await self._ask("GET", f"{self._complaints_url}/v1/evidence/{evidence_id}", given.grant)
        return File(answer.content, {"Content-Disposition": answer.headers["Content-Disposition"]})

    async def _ask(self, method: str, url: str, grant: str) -> httpx.Response:
        try:
            answer = await self._http.request(method, url, headers={"Authorization": f"Bearer {grant}"})
        except httpx.TransportError as error:
            raise EngineAway("peer") from error
        if answer.status_code == 404:
            raise Refused("NOT_FOUND")
        if answer.status_code >= 500:
            raise EngineAway("peer")
        answer.raise_for_status()
        return answer
