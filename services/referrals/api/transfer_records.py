"""The two-way record of transfers to and from discipline inspection (双向移送记录)."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from contracts.cases import UnitRef
from contracts.lifecycle import HandoverKind
from services.referrals.api.common import Caller, CommandId, Uses
from services.referrals.api.papers import as_file
from services.referrals.clues import DIRECTION_ZH, Description, Direction
from services.referrals.service.record_sheet import basis, feedback, feedback_step
from services.referrals.service.transfer_records import TransferRecord

router = APIRouter(prefix="/v1", tags=["papers"])


class TransferRecordView(BaseModel):
    """One transfer. What officers wrote (`description`, `receipt`) is null for who does not have the case in hand;
    `feedback` is the class alone; `writable`: you may write the description."""

    number: str
    check: str
    sequence: int
    source: str
    direction: Direction
    direction_name: str
    kind: HandoverKind | None
    basis: str
    sender_id: str
    sender: str
    sender_officer: str | None
    approver: str | None
    approved_at: datetime | None
    sent_at: datetime
    receiver: UnitRef
    received_at: datetime | None
    received_by: str | None
    receipt: str | None
    disposal: str | None
    disposal_name: str | None
    feedback_at: datetime | None
    feedback: str | None
    returned_at: datetime | None
    described: bool
    described_at: datetime | None
    description: Description | None
    writable: bool


class TransferRecordsView(BaseModel):
    """The first one first."""

    items: list[TransferRecordView]


def view(record: TransferRecord) -> TransferRecordView:
    """A record as it is shown."""
    passage, said = record.passage, feedback_step(record)
    approved, received, disposed = passage.approved, passage.received, passage.disposed
    return TransferRecordView(
        number=passage.number,
        check=passage.check,
        sequence=passage.given.sequence,
        source=record.source,
        direction=record.direction,
        direction_name=DIRECTION_ZH[record.direction],
        kind=passage.given.course.kind,
        basis=basis(record),
        sender_id=passage.sender_id,
        sender=record.unit(passage.sender_id) or passage.sender_id,
        sender_officer=record.officer(passage.given),
        approver=record.officer(approved),
        approved_at=approved.at if approved else None,
        sent_at=passage.given.at,
        receiver=passage.receiver,
        received_at=received.at if received else None,
        received_by=record.officer(received),
        receipt=record.receipt,
        disposal=disposed.course.disposal if disposed else None,
        disposal_name=feedback(record) if disposed else None,
        feedback_at=said.at if said else None,
        feedback=feedback(record),
        returned_at=passage.returned.at if passage.returned else None,
        described=record.written is not None,
        described_at=record.written.at if record.written else None,
        description=record.description,
        writable=record.open,
    )


@router.get("/cases/{case_id}/transfer-records", response_model=TransferRecordsView, summary="The two-way record")
async def transfer_records(uses: Uses, who: Caller, case_id: UUID) -> TransferRecordsView:
    """Every transfer of the case to or from discipline inspection, for who may see the case."""
    found = await uses.records.of_case(who, case_id)
    return TransferRecordsView(items=[view(record) for record in found])


@router.put(
    "/cases/{case_id}/transfer-records/{sequence}",
    response_model=TransferRecordView,
    summary="Write the description of a transfer",
)
async def describe(
    uses: Uses, who: Caller, command_id: CommandId, case_id: UUID, sequence: int, body: Description
) -> TransferRecordView:
    """By the unit that sent or received it and has the case in hand. It takes the place of the whole description
    before, which is kept; everything in it is sealed under the case's key."""
    return view(await uses.records.describe(who, case_id, sequence, command_id, body))


@router.get(
    "/cases/{case_id}/transfer-records/{sequence}/sheet",
    summary="The record of a transfer as PDF",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}, "description": "To be saved"}},
)
async def sheet(uses: Uses, who: Caller, case_id: UUID, sequence: int) -> Response:
    """For who has the case in hand; on record like the package."""
    return as_file(await uses.records.sheet(who, case_id, sequence))
