"""Records of transfers to and from discipline inspection: read from the case, completed by its officers, printed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from contracts import judge
from contracts.lifecycle import Role, Seat
from contracts.messages import Transition
from contracts.reference import departments
from services.chassis.db import SYSTEM, Database
from services.referrals import permissions
from services.referrals.clues import Description, Direction, parties, transfers
from services.referrals.domain import Unit
from services.referrals.passages import Passage
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, cases, papers, units
from services.referrals.repository.cases import Record
from services.referrals.repository.papers import Written
from services.referrals.service import record_sheet
from services.referrals.service.casebook import business_now
from services.referrals.service.identity import Identity
from services.referrals.service.papers import Issued, Papers, imprint_of
from services.referrals.service.texts import Author, Texts, reference

_FIELD = "transfer_record"
_WRITERS = frozenset({Role.HANDLER, Role.DISPATCHER})


@dataclass(frozen=True)
class TransferRecord:
    """One transfer. ``description`` and ``receipt`` are None for who may not read them; ``open``: whether the officer
    may write the description."""

    passage: Passage
    direction: Direction
    source: str
    units: Mapping[str, Unit]
    officers: Mapping[str, str]
    written: Written | None
    description: Description | None
    receipt: str | None
    readable: bool
    open: bool

    def officer(self, step: Transition | None) -> str | None:
        """The name of who took a step."""
        account_id = step.actor.account_id if step is not None else None
        return self.officers.get(account_id, account_id) if account_id else None

    def unit(self, unit_id: str | None) -> str | None:
        """The name of a unit."""
        found = self.units.get(unit_id or "")
        return found.name if found is not None else unit_id


class TransferRecords:
    """What the two-way record needs beyond the history: sealed descriptions, and the sheet for the file."""

    def __init__(self, db: Database, texts: Texts, sheets: Papers) -> None:
        self._db = db
        self._texts = texts
        self._sheets = sheets

    async def of_case(self, who: Identity, case_id: UUID) -> list[TransferRecord]:
        """The transfers of a case, the first one first; raises Refused NOT_FOUND.

        What officers wrote is open to units that have the case in hand, and to the unit that wrote it.
        """
        async with self._db.read(who.principal) as session:
            record = await cases.record(session, case_id)
            written = await papers.descriptions(session, case_id)
        if record is None:
            raise Refused("NOT_FOUND")
        return await self._made(who, record, written)

    async def describe(
        self, who: Identity, case_id: UUID, sequence: int, command_id: UUID, description: Description
    ) -> TransferRecord:
        """Write the description of a transfer, in place of an earlier one, which is kept.

        Raises Refused NOT_FOUND, NOT_YOUR_ROLE, NOT_YOUR_UNIT, or IDEMPOTENCY_KEY_REUSED.
        """
        found = self._find(await self.of_case(who, case_id), sequence)
        if not found.open:
            raise Refused(_refusal(who))
        text = description.model_dump_json()
        document = reference(command_id, _FIELD, text)
        author = Author(who.account.account_id, who.officer.unit_id)
        async with self._db.session(SYSTEM) as session:
            known = await papers.document_of(session, document.document_id)
            if known is not None and known != (case_id, hashlib.sha256(text.encode()).hexdigest()):
                raise Refused("IDEMPOTENCY_KEY_REUSED")
            await self._texts.seal(session, case_id, command_id, {_FIELD: text}, author)
            now = await business_now(session)
            note = Written(document.document_id, case_id, sequence, author.account_id, author.unit_id, now)
            await papers.describe(session, note)
        return self._find(await self.of_case(who, case_id), sequence)

    async def sheet(self, who: Identity, case_id: UUID, sequence: int) -> Issued:
        """The record of a transfer as PDF, on record before it is given; raises Refused NOT_FOUND or NO_GRANT."""
        found = self._find(await self.of_case(who, case_id), sequence)
        if not found.readable:
            raise Refused("NO_GRANT")
        async with self._db.read(SYSTEM) as session:
            now = await business_now(session)
        imprint = imprint_of(who, now)
        return await self._sheets.issue(
            who,
            found.passage,
            lambda: record_sheet.compose(found, imprint),
            now,
            imprint,
            kind="TRANSFER_RECORD",
            signed=False,
        )

    async def _made(self, who: Identity, record: Record, written: Mapping[int, Written]) -> list[TransferRecord]:
        steps = [step.step for step in record.steps]
        async with self._db.read(SYSTEM) as session:
            known = await units.known(session, parties(steps))
            found = transfers(steps, known)
            if not found:
                return []
            approvers = {p.approved.actor.unit_id for p, _ in found if p.approved and p.approved.actor.unit_id}
            known = {**known, **await units.known(session, approvers - known.keys())}
            people = {step.actor.account_id for step in steps if step.actor.account_id}
            officers = await accounts.names(session, people)
        case, own = record.case, who.officer.unit_id
        in_hand = permissions.may_read_texts(who.officer, case)
        may_write = in_hand and bool(_WRITERS & who.officer.roles) and who.officer.account_id not in case.course.barred
        senders = judge.units_at(case, Seat.SENDER)
        texts = await self._texts.read_all(case.facts.case_id)
        made = []
        for passage, way in found:
            note = written.get(passage.given.sequence)
            mine = note is not None and note.unit_id == own
            text = texts.get(note.document_id) if note is not None and (in_hand or mine) else None
            receipt = passage.received.note if passage.received is not None else None
            made.append(
                TransferRecord(
                    passage=passage,
                    direction=way,
                    source=_source(passage, known),
                    units=known,
                    officers=officers,
                    written=note,
                    description=Description.model_validate_json(text) if text is not None else None,
                    receipt=texts.get(receipt.document_id) if receipt is not None and in_hand else None,
                    readable=in_hand,
                    open=may_write and own in (*senders, passage.sender_id, passage.receiver.unit_id),
                )
            )
        return made

    @staticmethod
    def _find(records: list[TransferRecord], sequence: int) -> TransferRecord:
        found = next((record for record in records if record.passage.given.sequence == sequence), None)
        if found is None:
            raise Refused("NOT_FOUND")
        return found


def _source(passage: Passage, known: Mapping[str, Unit]) -> str:
    """来源系统: the sector of the sender, or the desks that take complaints in."""
    sender = known.get(passage.sender_id)
    department = departments().get(sender.department or "") if sender is not None else None
    return f"{department.name_zh}系统" if department is not None else "投诉举报受理系统"


def _refusal(who: Identity) -> str:
    return "NOT_YOUR_UNIT" if _WRITERS & who.officer.roles else "NOT_YOUR_ROLE"
