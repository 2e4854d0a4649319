"""An officer reads what a reporter wrote: by a grant that is on record, from the service that keeps it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote
from uuid import UUID

import httpx
from pydantic import BaseModel

from services.chassis.outages import EngineAway
from services.chassis.problems import Lang, Problem
from services.referrals import masking
from services.referrals.refusals import Refused
from services.referrals.service.casebook import GRANT_FIELDS, Casebook
from services.referrals.service.identity import Identity
from services.referrals.service.openings import IdentityOpenings


class Supplement(BaseModel):
    """What the reporter added."""

    at: datetime
    text: str


class Evidence(BaseModel):
    """A file that the reporter sent; ``size`` in bytes, and ``sha256``, of the sealed original. ``state`` is what its
    examination found, ``finding`` the virus's signature; officers get its copy without metadata when ``available``."""

    evidence_id: UUID
    at: datetime
    name: str
    media_type: str
    size: int
    sha256: str
    state: str = "RECEIVED"
    finding: str | None = None
    available: bool = False


class ComplaintTexts(BaseModel):
    """The texts of one complaint, as far as the grant goes."""

    case_number: str
    submitted_at: datetime
    narrative: str | None = None
    wants: str | None = None
    respondents: list[str] | None = None
    supplements: list[Supplement] | None = None
    evidence: list[Evidence] | None = None


def _masked(texts: ComplaintTexts) -> ComplaintTexts:
    """The texts, and what files are called, without what the reporter could be known or called by; names of others
    can't be told apart."""

    def hidden(text: str | None) -> str | None:
        return None if text is None else masking.masked(text)

    added = [item.model_copy(update={"text": masking.masked(item.text)}) for item in texts.supplements or ()]
    files = [item.model_copy(update={"name": masking.masked_name(item.name)}) for item in texts.evidence or ()]
    changed = {
        "narrative": hidden(texts.narrative),
        "wants": hidden(texts.wants),
        "respondents": None if texts.respondents is None else [masking.masked(name) for name in texts.respondents],
        "supplements": None if texts.supplements is None else added,
        "evidence": None if texts.evidence is None else files,
    }
    return texts.model_copy(update=changed)


class _Answer(BaseModel):
    complaints: list[ComplaintTexts]


SAVED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
"""Headers of a file that a stranger sent: saved, never shown from our address."""


@dataclass(frozen=True)
class File:
    """An evidence file as it comes, with the headers that make a browser save it. `content` raises
    httpx.TransportError where it breaks off."""

    content: AsyncIterator[bytes]
    headers: dict[str, str]


class Reading:
    """Complaints' texts for officers who have the case in hand."""

    def __init__(self, casebook: Casebook, http: httpx.AsyncClient, complaints_url: str) -> None:
        self._casebook = casebook
        self._http = http
        self._complaints_url = complaints_url.rstrip("/")

    async def texts(
        self,
        who: Identity,
        case_id: UUID,
        purpose: str,
        fields: Sequence[str] = GRANT_FIELDS,
        *,
        masked: bool = False,
    ) -> list[ComplaintTexts]:
        """What was written, a complaint each; of it these fields, ``masked`` without numbers and own names. Raises
        Refused NOT_FOUND or NO_GRANT; EngineAway when it is away."""
        given = await self._casebook.grant(who, case_id, purpose, fields, masked=masked)
        answer = await self._ask("POST", given.url, given.grant)
        found = _Answer.model_validate_json(answer.content).complaints
        return [_masked(texts) for texts in found] if masked else found

    async def file(self, who: Identity, case_id: UUID, evidence_id: UUID, purpose: str, lang: Lang) -> File:
        """One evidence file, by a grant of its own, under a name that says who took it out and when, and not who sent
        it; otherwise as `texts`. Raises Problem, in the words of the service that keeps it, for a file that is not
        examined yet, infected, or of no use."""
        given = await self._casebook.grant(who, case_id, purpose)
        url = f"{self._complaints_url}/v1/evidence/{evidence_id}"
        answer = await self._ask("GET", url, given.grant, lang, stream=True)
        headers = {"Content-Length": answer.headers["Content-Length"], "Content-Disposition": _marked(who, answer)}
        return File(_content(answer), headers)

    async def original(
        self, who: Identity, case_id: UUID, evidence_id: UUID, openings: IdentityOpenings, lang: Lang
    ) -> File:
        """One evidence file as it came, for the officer to whom its reporter's identity is open now for a purpose that
        takes in originals: what a picture or a paper says of who made it is identity, so a second person has agreed,
        and of an anonymous complaint there is none. Saved under a name that says who took it out and when. Raises as
        `file`, and as `IdentityOpenings.original`."""
        aim, words = await openings.original(who, case_id, evidence_id)
        given = await self._casebook.grant(who, case_id, aim, ("original",), words)
        url = f"{self._complaints_url}/v1/evidence/{evidence_id}/original"
        answer = await self._ask("GET", url, given.grant, lang, stream=True)
        headers = {name: answer.headers[name] for name in ("Content-Length", "X-Content-SHA256")}
        return File(_content(answer), {**headers, "Content-Disposition": _marked(who, answer)})

    async def _ask(
        self, method: str, url: str, grant: str, lang: Lang = "zh", *, stream: bool = False
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {grant}", "Accept-Language": lang}
        request = self._http.build_request(method, url, headers=headers)
        try:
            answer = await self._http.send(request, stream=stream)
            if answer.is_error:
                await answer.aread()
        except httpx.TransportError as error:
            raise EngineAway("peer") from error
        if answer.status_code in (403, 409):
            told = answer.json()
            raise Problem(answer.status_code, told["code"], told["detail"], told["detail"])
        if answer.status_code == 404:
            raise Refused("NOT_FOUND")
        if answer.status_code >= 500:
            raise EngineAway("peer")
        answer.raise_for_status()
        return answer


async def _content(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_bytes():
            yield chunk
    finally:
        await answer.aclose()


def _marked(who: Identity, answer: httpx.Response) -> str:
    """How a file is to be saved: a stranger's file bears no mark, so its name does, and says not who sent it."""
    mark = f"{who.account.username}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-"
    how, charset, name = answer.headers["Content-Disposition"].partition("UTF-8''")
    return f"{how}{charset}{quote(mark + masking.masked_name(unquote(name)), safe='')}"
