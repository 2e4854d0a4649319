"""An officer reads a sealed text: a grant of referrals is verified, used up and put on record before anything opens."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.auth import ServiceTokens, Unauthenticated
from services.complaints import repository_cases
from services.complaints.domain import Refusal
from services.complaints.evidence import EvidenceStore
from services.complaints.repository_cases import SealedComplaint, SealedEvidence, SealedSupplement
from services.complaints.schemas import AddedText, ComplaintTexts, EvidenceItem, Narratives
from services.complaints.sealing import ComplaintCipher, Sealer

PURPOSE = "narrative"
ISSUER = "referrals"
FIELDS = frozenset({"narrative", "wants", "respondents", "supplements", "evidence"})


@dataclass(frozen=True)
class Grant:
    """A verified grant: who may read which fields of which case, once each."""

    jti: str
    case_id: UUID
    officer: str
    fields: frozenset[str]


@dataclass(frozen=True)
class Sealed:
    """A case's texts as they are stored."""

    complaints: Sequence[SealedComplaint]
    supplements: Sequence[SealedSupplement]
    evidence: Sequence[SealedEvidence]


@dataclass(frozen=True)
class File:
    """An opened evidence file."""

    name: str
    media_type: str
    data: bytes


class Readings:
    """Officers' readings. `find*` run in their caller's transaction; `open*` come after its commit."""

    def __init__(self, sealer: Sealer, tokens: ServiceTokens, store: EvidenceStore) -> None:
        self._sealer = sealer
        self._tokens = tokens
        self._store = store

    def verify(self, token: str) -> Grant:
        """The grant in a token. Raises Unauthenticated: not from referrals, not for us, expired, or malformed."""
        claims = self._tokens.verify(token, issuer=ISSUER, purpose=PURPOSE)
        fields = claims.extra.get("fields")
        try:
            case_id = UUID(str(claims.extra.get("case_id")))
        except ValueError as error:
            raise Unauthenticated("the grant names no case") from error
        if not claims.subject or not isinstance(fields, list | tuple) or not FIELDS.intersection(map(str, fields)):
            raise Unauthenticated("the grant names no officer or no field")
        return Grant(claims.jti, case_id, claims.subject, FIELDS.intersection(map(str, fields)))

    async def find(self, session: AsyncSession, grant: Grant) -> Sealed:
        """Record the reading and fetch the sealed texts. Raises Refusal for a used grant and for an unknown case."""
        await _record(session, grant, "texts", sorted(grant.fields))
        complaints = await repository_cases.complaints_of(session, grant.case_id)
        if not complaints:
            raise _unknown_case()
        with_supplements, with_evidence = "supplements" in grant.fields, "evidence" in grant.fields
        return Sealed(
            complaints,
            await repository_cases.supplements_of(session, grant.case_id) if with_supplements else (),
            await repository_cases.evidence_of(session, grant.case_id) if with_evidence else (),
        )

    def open(self, grant: Grant, sealed: Sealed) -> Narratives:
        """The texts in the clear. Raises SealBroken."""
        opened = [self._open_one(grant, complaint, sealed) for complaint in sealed.complaints]
        return Narratives(case_id=grant.case_id, complaints=opened, **dict(opened[0]))

    async def find_file(self, session: AsyncSession, grant: Grant, evidence_id: UUID) -> tuple[bytes, SealedEvidence]:
        """Record the reading and fetch a file's row, with its complaint's wrapped key. Raises Refusal."""
        if "evidence" not in grant.fields:
            raise Refusal(
                403,
                "NOT_GRANTED",
                "该授权不含证据材料:请重新申请包含证据材料的授权。",
                "This grant does not cover evidence: ask for one that does.",
            )
        await _record(session, grant, f"evidence:{evidence_id}", ["evidence"])
        keys = {
            complaint.complaint_id: complaint.case_key_wrapped
            for complaint in await repository_cases.complaints_of(session, grant.case_id)
        }
        for row in await repository_cases.evidence_of(session, grant.case_id):
            if row.evidence_id == evidence_id:
                return keys[row.complaint_id], row
        raise Refusal(
            404,
            "EVIDENCE_NOT_FOUND",
            "该案件没有这份材料:请核对材料编号。",
            "The case has no such file: check its id.",
        )

    async def open_file(self, wrapped: bytes, row: SealedEvidence) -> File:
        """The file in the clear. Raises SealBroken or OSError."""
        cipher = self._sealer.cipher(wrapped, row.complaint_id)
        description = _description(cipher, row)
        sealed = await self._store.get(row.complaint_id, row.file_name)
        data = await asyncio.to_thread(cipher.open_file, sealed, row.evidence_id)
        return File(description["name"], description["media_type"], data)

    def _open_one(self, grant: Grant, complaint: SealedComplaint, sealed: Sealed) -> ComplaintTexts:
        own = complaint.complaint_id
        cipher = self._sealer.cipher(complaint.case_key_wrapped, own)
        fields = grant.fields
        wants, respondents = complaint.wants_sealed, complaint.respondents_sealed
        return ComplaintTexts(
            case_number=complaint.case_number,
            submitted_at=complaint.submitted_at,
            narrative=cipher.open(complaint.narrative_sealed, "narrative") if "narrative" in fields else None,
            wants=cipher.open(wants, "wants") if wants and "wants" in fields else None,
            respondents=cipher.open_list(respondents, "respondents")
            if respondents and "respondents" in fields
            else None,
            supplements=[_supplement(cipher, row) for row in sealed.supplements if row.complaint_id == own]
            if "supplements" in fields
            else None,
            evidence=[_item(cipher, row) for row in sealed.evidence if row.complaint_id == own]
            if "evidence" in fields
            else None,
        )


async def _record(session: AsyncSession, grant: Grant, resource: str, fields: list[str]) -> None:
    if not await repository_cases.log_reading(
        session, grant.jti, resource, grant.case_id, grant.officer, PURPOSE, fields
    ):
        raise Refusal(
            401,
            "GRANT_USED",
            "该授权已使用过:每次阅读都需要重新申请授权。",
            "This grant was used: ask for a new one for each reading.",
        )


def _unknown_case() -> Refusal:
    return Refusal(404, "CASE_NOT_FOUND", "没有这个案件的投诉材料。", "There is no complaint of this case here.")


def _supplement(cipher: ComplaintCipher, row: SealedSupplement) -> AddedText:
    text = cipher.open(row.text_sealed, f"supplement/{row.supplement_id}")
    return AddedText(supplement_id=row.supplement_id, at=row.at, text=text)


def _description(cipher: ComplaintCipher, row: SealedEvidence) -> dict[str, str]:
    opened = json.loads(cipher.open(row.description_sealed, f"evidence/{row.evidence_id}/description"))
    return {str(name): str(value) for name, value in opened.items()}


def _item(cipher: ComplaintCipher, row: SealedEvidence) -> EvidenceItem:
    return EvidenceItem(evidence_id=row.evidence_id, at=row.at, size=row.size, **_description(cipher, row))
