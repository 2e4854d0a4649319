"""What leaves the system on paper: made for who may, with what the receiver may have, and on record before it goes."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from contracts import judge
from contracts.lifecycle import Act, Seat, Stage
from services.chassis import signing
from services.chassis.db import SYSTEM, Database
from services.chassis.printing import Imprint, Paper, printed
from services.chassis.settings import Settings
from services.referrals.clues import Description
from services.referrals.counting import CHINA
from services.referrals.passages import Passage, passages
from services.referrals.refusals import Refused
from services.referrals.repository import cases, papers, units
from services.referrals.repository.cases import CaseRow, Record
from services.referrals.repository.papers import Export
from services.referrals.service import letter
from services.referrals.service.casebook import GRANT_FIELDS, business_now
from services.referrals.service.identity import Identity
from services.referrals.service.letter import Matter
from services.referrals.service.reading import ComplaintTexts, Reading
from services.referrals.service.texts import Texts

ISSUER = "referrals"
PURPOSE = "PACKAGE"
"""What the complaint's text is read for when a letter is made of it."""

_NOT_VERBATIM = ("evidence",)
"""Whom a report accuses is told by the units that the desk linked and by the officer's description: what the reporter
wrote there is free text, which can tell who wrote it."""
_HOW_TO = """如何核对：
1. {name}.pdf 是文件本身，{name}.pdf.jws 是它的签名（JWS，RFC 7515，EdDSA/Ed25519）。
2. 公钥见 {issuer}.verify.pem。请先另行（电话或当面）与发函单位核对公钥指纹，一致后方可用它核对：
   {fingerprint}
3. 有“回音”系统的单位：解压后运行 huiyin package verify 本压缩包 --key {issuer}.verify.pem
4. 其他单位：签名以“.”分为三段，第一、二段连同中间的点是被签名的内容，第三段（base64url）是签名值；
   用 Ed25519 公钥验证后，第二段（base64url）中的 sha256 应与 {name}.pdf 的 SHA-256 相同。
"""


@dataclass(frozen=True)
class Issued:
    """A paper as it is handed out; ``number`` is its passage's."""

    name: str
    media_type: str
    data: bytes
    sha256: str


@dataclass(frozen=True)
class Slip:
    """What is needed to key in a slip that came back."""

    number: str
    check: str
    receiver: str


class Papers:
    """Letters to units that are not on the system."""

    def __init__(self, db: Database, texts: Texts, reading: Reading, settings: Settings) -> None:
        self._db = db
        self._texts = texts
        self._reading = reading
        self._settings = settings

    async def package(self, who: Identity, case_id: UUID, *, signed: bool) -> Issued:
        """The letter of the case's present referral as PDF, or with its detached signature in an archive.

        Raises Refused NOT_FOUND, NOT_REFERRED, RECEIVER_ON_SYSTEM, ALREADY_DISPOSED, or as for RECORD_RECEIPT;
        EngineAway when the complaint's text can't be read now.
        """
        async with self._db.read(who.principal) as session:
            record = await cases.record(session, case_id)
            now = await business_now(session)
        if record is None:
            raise Refused("NOT_FOUND")
        passage = _may_send(who, record)
        async with self._db.read(SYSTEM) as session:
            wanted = {passage.sender_id, passage.receiver.unit_id, *record.case.respondent_units}
            known = await units.known(session, wanted)
        if known[passage.receiver.unit_id].on_system:
            raise Refused("RECEIVER_ON_SYSTEM")
        matter = await self._matter(who, record.case, passage, known)
        imprint = imprint_of(who, now)
        return await self.issue(
            who, passage, lambda: letter.compose(matter, imprint), now, imprint, kind="PACKAGE", signed=signed
        )

    async def slip(self, who: Identity, case_id: UUID) -> Slip | None:
        """The present referral to a unit that is not on the system, for who may key in its receipt; None else."""
        async with self._db.read(who.principal) as session:
            record = await cases.record(session, case_id)
        try:
            passage = _may_send(who, record) if record is not None else None
        except Refused:
            return None
        if passage is None:
            return None
        async with self._db.read(SYSTEM) as session:
            receiver = await units.known(session, [passage.receiver.unit_id])
        if receiver[passage.receiver.unit_id].on_system:
            return None
        return Slip(passage.number, passage.check, passage.receiver.name)

    async def exports(self, who: Identity, case_id: UUID) -> Sequence[Mapping[str, Any]]:
        """What papers were given out about the case, latest first; raises Refused NOT_FOUND."""
        async with self._db.read(who.principal) as session:
            if await cases.get(session, case_id) is None:
                raise Refused("NOT_FOUND")
            return await papers.of_case(session, case_id)

    async def _matter(self, who: Identity, case: CaseRow, passage: Passage, known: Mapping[str, Any]) -> Matter:
        extract, case_id = case.course.extract, case.facts.case_id
        verbatim = extract is None and not judge.guarded(case)
        written = await self._texts.read_all(case_id)
        async with self._db.read(SYSTEM) as session:
            described = (await papers.descriptions(session, case_id)).get(passage.given.sequence)
        description = written.get(described.document_id) if described is not None else None
        told: list[ComplaintTexts] = []
        if extract is None:
            fields = GRANT_FIELDS if verbatim else _NOT_VERBATIM
            told = await self._reading.texts(who, case_id, PURPOSE, fields)
        note = passage.given.note
        return Matter(
            case=case,
            passage=passage,
            sender=known[passage.sender_id],
            receiver=known[passage.receiver.unit_id],
            respondents=_names(case.respondent_units, known),
            texts=told,
            note=written.get(note.document_id) if note is not None else None,
            extract=written.get(extract.document_id) if extract is not None else None,
            verbatim=verbatim,
            description=Description.model_validate_json(description) if description is not None else Description(),
        )

    async def issue(
        self,
        who: Identity,
        passage: Passage,
        compose: Callable[[], Paper],
        now: datetime,
        imprint: Imprint,
        *,
        kind: str,
        signed: bool,
    ) -> Issued:
        """The finished paper about a passage, once it is on record. The caller has checked who asks."""
        pdf = await printed(compose)
        digest = hashlib.sha256(pdf).hexdigest()
        export = Export(
            export_id=UUID(imprint.number),
            case_id=passage.given.facts.case_id,
            sequence=passage.given.sequence,
            kind=kind,
            signed=signed,
            account_id=who.account.account_id,
            unit_id=who.officer.unit_id,
            receiver_id=passage.receiver.unit_id,
            sha256=digest,
            at=now,
        )
        async with self._db.session(SYSTEM) as session:
            await papers.add(session, export)
        if not signed:
            return Issued(f"{passage.number}.pdf", "application/pdf", pdf, digest)
        return Issued(f"{passage.number}.zip", "application/zip", self._signed(passage, pdf, now), digest)

    def _signed(self, passage: Passage, pdf: bytes, now: datetime) -> bytes:
        claims = {
            "case_number": passage.given.facts.case_number,
            "number": passage.number,
            "to": passage.receiver.unit_id,
            "receiver": passage.receiver.name,
            "at": now.isoformat(),
        }
        public = signing.public_key(self._settings.keys_dir, ISSUER)
        name = passage.number
        told = _HOW_TO.format(name=name, issuer=ISSUER, fingerprint=signing.fingerprint(public))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.pdf", pdf)
            archive.writestr(f"{name}.pdf.jws", signing.sign(self._settings, ISSUER, pdf, claims))
            archive.writestr(f"{ISSUER}.verify.pem", public)
            archive.writestr("README.txt", told)
        return out.getvalue()


def imprint_of(who: Identity, now: datetime) -> Imprint:
    """What stands on every page of a paper that the officer prints."""
    at = now.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return Imprint(who.account.name, who.account.unit_name or "", at, str(uuid4()))


def _may_send(who: Identity, record: Record) -> Passage:
    """The present referral, to whoever is its receiver now; raises Refused unless the officer may key in its receipt in
    the sender's place."""
    case = record.case
    if case.stage is not Stage.REFERRED:
        raise Refused("NOT_REFERRED")
    if who.officer.unit_id not in judge.units_at(case, Seat.SENDER):
        raise Refused(judge.NOT_YOUR_UNIT)
    refusal = judge.refusal(Act.RECORD_RECEIPT, who.officer, case)
    # What was received is still chased by letter until the answer is there.
    if refusal not in (None, judge.ALREADY_RECEIVED):
        raise Refused(refusal)
    if case.course.disposal is not None:
        raise Refused(judge.ALREADY_DISPOSED)
    passage = passages(step.step for step in record.steps)[-1]
    # The step names whom the case went to; a successor may have come into its place.
    return replace(passage, receiver=case.course.receiver or passage.receiver)


def _names(unit_ids: Collection[str], known: Mapping[str, Any]) -> list[str]:
    return [known[unit_id].name if unit_id in known else unit_id for unit_id in unit_ids]
