"""Opening a reporter's identity: asked for, decided by a second person, read for a limited time, all on record."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from contracts.model import Code
from contracts.openings import Attempt, Decision, Denial, Opening, OpeningState, Reading
from contracts.reference import opening_purposes
from services.referrals.api.common import Caller, CommandId, Uses
from services.referrals.service.reading import SAVED

router = APIRouter(prefix="/v1", tags=["identity"])


class OpeningView(BaseModel):
    """A request to see who a reporter is, and what came of it; never what was seen. `attempts`: what was refused."""

    opening_id: UUID
    case_id: UUID
    complaint_id: UUID
    state: OpeningState
    purpose: str
    purpose_name: str
    account_id: str
    unit_id: str
    decides_unit: str | None
    asked_at: datetime
    lapses_at: datetime
    decision: Decision | None
    readings: list[Reading]
    attempts: list[Attempt]
    decidable: bool
    readable: bool


class OpeningList(BaseModel):
    """Latest first. `may_ask`: you may ask now; `names` of the accounts named in it; `unproved`: the code with which an
    ask, a decision or a reading is refused until you prove yourself (second factor), else null."""

    items: list[OpeningView]
    may_ask: bool
    names: dict[str, str]
    unproved: str | None = None


class OpeningRequest(BaseModel):
    """What for (see `opening_purposes.csv`); which complaint, where the case has several."""

    purpose: Code
    complaint_id: UUID | None = None


class DecisionRequest(BaseModel):
    """Yes, or no with its reason."""

    granted: bool
    denial: Denial | None = None


class IdentityView(BaseModel):
    """What the purpose shows of the identity: `name`, `phone`, `email`, `id_number`, `address`, as far as given."""

    fields: dict[str, str]
    open_until: datetime


class WaitingList(BaseModel):
    """Requests that wait for your word, oldest first. `complete` is false while the vault can't be reached."""

    items: list[OpeningView]
    complete: bool


def view(
    opening: Opening, now: datetime, decidable: frozenset[UUID] = frozenset(), readable: frozenset[UUID] = frozenset()
) -> OpeningView:
    """As it is shown."""
    purpose = opening_purposes().get(opening.aim)
    return OpeningView(
        opening_id=opening.opening_id,
        case_id=opening.case_id,
        complaint_id=opening.complaint_id,
        state=opening.state(now),
        purpose=opening.aim,
        purpose_name=purpose.name_zh if purpose else opening.aim,
        account_id=opening.officer,
        unit_id=opening.unit_id,
        decides_unit=opening.decides_unit,
        asked_at=opening.asked_at,
        lapses_at=opening.lapses_at,
        decision=opening.decision,
        readings=list(opening.readings),
        attempts=list(opening.attempts),
        decidable=opening.opening_id in decidable,
        readable=opening.opening_id in readable,
    )


@router.get("/cases/{case_id}/identity-openings", response_model=OpeningList, summary="Who asked to see the reporter")
async def of_case(uses: Uses, who: Caller, case_id: UUID) -> OpeningList:
    """For everybody who may see the case; 503 while the vault is away."""
    shown = await uses.openings.of_case(who, case_id)
    items = [view(item, shown.record.now, shown.decidable, shown.readable) for item in shown.record.items]
    return OpeningList(items=items, may_ask=shown.may_ask, names=dict(shown.names), unproved=shown.unproved)


@router.post(
    "/cases/{case_id}/identity-openings",
    response_model=OpeningView,
    status_code=201,
    summary="Ask to see who the reporter is",
)
async def ask(uses: Uses, who: Caller, command_id: CommandId, case_id: UUID, body: OpeningRequest) -> OpeningView:
    """For who has the case in hand. Refused at once, on record, where there is no second person to ask."""
    opening = await uses.openings.ask(who, case_id, command_id, body.purpose, body.complaint_id)
    return view(opening, datetime.now(UTC))


@router.post(
    "/cases/{case_id}/identity-openings/{opening_id}/decision", response_model=OpeningView, summary="Say yes or no"
)
async def decide(uses: Uses, who: Caller, case_id: UUID, opening_id: UUID, body: DecisionRequest) -> OpeningView:
    """For the second person: the holder's leader, or the desk's supervisor or leader; never who asked. Final."""
    opening = await uses.openings.decide(who, case_id, opening_id, granted=body.granted, denial=body.denial)
    return view(opening, datetime.now(UTC))


@router.post(
    "/cases/{case_id}/identity-openings/{opening_id}/readings",
    response_model=IdentityView,
    summary="See who the reporter is",
)
async def read(uses: Uses, who: Caller, case_id: UUID, opening_id: UUID, response: Response) -> IdentityView:
    """For the officer who asked, within the time after the yes; each look is on record before it is answered."""
    found = await uses.openings.read(who, case_id, opening_id)
    response.headers["Cache-Control"] = "no-store"
    return IdentityView(fields=found.fields, open_until=found.open_until)


@router.post(
    "/cases/{case_id}/evidence/{evidence_id}/original",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file, to be saved"}},
    summary="An evidence file as it came",
)
async def original(uses: Uses, who: Caller, case_id: UUID, evidence_id: UUID) -> Response:
    """For the officer to whom its reporter's identity is open now; on record. `X-Content-SHA256`: its hash."""
    file = await uses.reading.original(who, case_id, evidence_id, uses.openings, "zh")
    return StreamingResponse(file.content, 200, {**file.headers, **SAVED}, "application/octet-stream")


@router.get("/identity-openings/waiting", response_model=WaitingList, summary="Requests that wait for my word")
async def waiting(uses: Uses, who: Caller) -> WaitingList:
    """Of cases that you may see and may decide in."""
    found = await uses.openings.waiting(who)
    items = [view(item.opening, datetime.now(UTC), frozenset({item.opening.opening_id})) for item in found or ()]
    return WaitingList(items=items, complete=found is not None)
