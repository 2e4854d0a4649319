"""An officer reads a sealed text: a grant of referrals is verified, used up and put on record before anything opens."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.openings import ORIGINAL, OriginalOpen
from services.chassis.auth import ServiceTokens, Unauthenticated
from services.complaints import repository_cases
from services.complaints.domain import EvidenceState, Refusal, may_be_read
from services.complaints.evidence import EvidenceStore, copy_name, streamed
from services.complaints.kinds import plain_name, saved_name
from services.complaints.repository_cases import SealedComplaint, SealedEvidence, SealedSupplement
from services.complaints.schemas import AddedText, ComplaintTexts, EvidenceItem, Narratives
from services.complaints.sealing import ComplaintCipher, Sealer

PURPOSE = "narrative"
ISSUER = "referrals"
FIELDS = frozenset({"narrative", "wants", "respondents", "supplements", "evidence", "original"})
"""``original``: a file as it came, with all that it says of who made it; on the vault's own word in the grant."""


@dataclass(frozen=True)
class Grant:
    """A verified grant: who may read which fields of which case, once each."""

    jti: str
    case_id: UUID
    officer: str
    fields: frozenset[str]
    words: tuple[str, ...] = ()
    """What the vault has signed: the files that may go as they came."""


@dataclass(frozen=True)
class Sealed:
    """A case's texts as they are stored."""

    complaints: Sequence[SealedComplaint]
    supplements: Sequence[SealedSupplement]
    evidence: Sequence[SealedEvidence]


@dataclass(frozen=True)
class File:
    """An evidence file, opened: its copy without metadata, or as it came. `content` raises SealBroken and OSError where
    it breaks off."""

    name: str
    media_type: str
    size: int
    content: AsyncIterator[bytes]
    sha256: str


class Readings:
    """Officers' readings. `find*` run in their caller's transaction; `open*` come after its commit."""

    def __init__(self, sealer: Sealer, tokens: ServiceTokens, store: EvidenceStore, *, unscanned: bool) -> None:
        """`unscanned`: officers get files that no virus scanner has seen."""
        self._sealer = sealer
        self._tokens = tokens
        self._store = store
        self._unscanned = unscanned

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
        words = claims.extra.get("words")
        kept = tuple(map(str, words)) if isinstance(words, list | tuple) else ()
        return Grant(claims.jti, case_id, claims.subject, FIELDS.intersection(map(str, fields)), kept)

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

    async def find_file(
        self, session: AsyncSession, grant: Grant, evidence_id: UUID, field: str = "evidence"
    ) -> tuple[bytes, SealedEvidence]:
        """Record the reading and fetch a file's row, with its complaint's wrapped key. ``field``: `evidence` for the
        copy, `original` for the file as it came. Raises Refusal."""
        if field not in grant.fields:
            raise _not_granted()
        if field != "original":
            await _record(session, grant, f"{field}:{evidence_id}", [field])
        keys = {
            complaint.complaint_id: complaint.case_key_wrapped
            for complaint in await repository_cases.complaints_of(session, grant.case_id)
        }
        for row in await repository_cases.evidence_of(session, grant.case_id):
            if row.evidence_id == evidence_id:
                if field == "original":
                    await self._use_word(session, grant, row)
                _check_examined(row, unscanned=self._unscanned)
                return keys[row.complaint_id], row
        raise Refusal(
            404,
            "EVIDENCE_NOT_FOUND",
            "该案件没有这份材料:请核对材料编号。",
            "The case has no such file: check its id.",
        )

    async def _use_word(self, session: AsyncSession, grant: Grant, row: SealedEvidence) -> None:
        """Record the reading under the vault's word that this file may go to this officer as it came, which is so used
        up. Raises Refusal where the grant carries none, Unauthenticated for one that is not the vault's or too old."""
        for word in grant.words:
            said = self._tokens.verify(word, issuer="vault", purpose=ORIGINAL)
            if said.subject != grant.officer:
                continue
            may = OriginalOpen.model_validate(dict(said.extra))
            if (may.case_id, may.complaint_id, may.evidence_id) == (grant.case_id, row.complaint_id, row.evidence_id):
                return await _record(session, replace(grant, jti=said.jti), f"original:{row.evidence_id}", ["original"])
        raise _not_granted()

    async def open_file(self, wrapped: bytes, row: SealedEvidence) -> File:
        """The copy without metadata, in the clear. Raises SealBroken or OSError."""
        cipher = self._sealer.cipher(wrapped, row.complaint_id)
        assert row.copy_sealed is not None, "a column check: what is examined has a copy"
        copy = json.loads(cipher.open(row.copy_sealed, f"evidence/{row.evidence_id}/copy"))
        chunks = self._store.chunks(row.complaint_id, copy_name(row.evidence_id), cipher, row.evidence_id, "copy")
        # The first frame at once: what does not open at all is an error, and no answer that breaks off.
        first = await asyncio.to_thread(next, chunks, b"")
        name = saved_name(_description(cipher, row)["name"], copy["extension"])
        return File(name, copy["media_type"], copy["size"], streamed(chain((first,), chunks)), copy["sha256"])

    async def open_original(self, wrapped: bytes, row: SealedEvidence) -> File:
        """The file as it came, in the clear. Raises SealBroken or OSError."""
        cipher = self._sealer.cipher(wrapped, row.complaint_id)
        said = _description(cipher, row)
        chunks = self._store.chunks(row.complaint_id, row.file_name, cipher, row.evidence_id, "original")
        first = await asyncio.to_thread(next, chunks, b"")
        content = streamed(chain((first,), chunks))
        return File(plain_name(said["name"]), said["media_type"], row.size, content, said["sha256"])

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
            evidence=[
                _item(cipher, row, unscanned=self._unscanned) for row in sealed.evidence if row.complaint_id == own
            ]
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


def _not_granted() -> Refusal:
    return Refusal(
        403,
        "NOT_GRANTED",
        "该授权不含证据材料:请重新申请包含证据材料的授权。",
        "This grant does not cover evidence: ask for one that does.",
    )


def _unknown_case() -> Refusal:
    return Refusal(404, "CASE_NOT_FOUND", "没有这个案件的投诉材料。", "There is no complaint of this case here.")


def _supplement(cipher: ComplaintCipher, row: SealedSupplement) -> AddedText:
    text = cipher.open(row.text_sealed, f"supplement/{row.supplement_id}")
    return AddedText(supplement_id=row.supplement_id, at=row.at, text=text)


def _description(cipher: ComplaintCipher, row: SealedEvidence) -> dict[str, str]:
    opened = json.loads(cipher.open(row.description_sealed, f"evidence/{row.evidence_id}/description"))
    return {str(name): str(value) for name, value in opened.items()}


def _item(cipher: ComplaintCipher, row: SealedEvidence, *, unscanned: bool) -> EvidenceItem:
    return EvidenceItem(
        evidence_id=row.evidence_id,
        at=row.at,
        size=row.size,
        state=EvidenceState(row.state),
        finding=row.finding,
        available=may_be_read(EvidenceState(row.state), unscanned=unscanned),
        **_description(cipher, row),
    )


def _check_examined(row: SealedEvidence, *, unscanned: bool) -> None:
    state = EvidenceState(row.state)
    if may_be_read(state, unscanned=unscanned):
        return
    if state is EvidenceState.RECEIVED:
        raise Refusal(
            409,
            "EVIDENCE_NOT_EXAMINED",
            "文件还在检查中(病毒扫描、清除元数据):请稍后再下载。",
            "The file is still being examined (virus scan, removal of metadata): try again shortly.",
        )
    if state is EvidenceState.INFECTED:
        raise Refusal(
            403,
            "EVIDENCE_INFECTED",
            f"文件含有恶意程序({row.finding}),不能下载。原件已封存。",
            f"The file holds malicious code ({row.finding}) and can't be downloaded. The original stays sealed.",
        )
    if state is EvidenceState.NOT_SCANNED:
        raise Refusal(
            409,
            "EVIDENCE_NOT_SCANNED",
            "没有可用的病毒扫描,不能下载:请联系系统管理员。",
            "No virus scanner is set up, so the file can't be downloaded: tell the system administrator.",
        )
    raise Refusal(
        403,
        "EVIDENCE_UNREADABLE",
        "文件已损坏、加密或无法识别,不能下载。原件已封存。",
        "The file is damaged, locked, or not what it says it is, and can't be downloaded. The original stays sealed.",
    )
