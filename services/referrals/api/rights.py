"""Reporters' requests about their own data, for the desk's supervisor or leader; and the date of an answer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from contracts.rights import DEADLINE, Counted, Ground, Right, RightRequest
from services.chassis.auth import Unauthenticated
from services.referrals.api.common import Caller, ServiceToken, Uses

router = APIRouter(tags=["rights"])


class RightView(BaseModel):
    """A request that waits for your answer."""

    request_id: UUID
    case_id: UUID
    case_number: str
    kind: Right
    asked_at: datetime
    due_at: datetime | None


class RightList(BaseModel):
    """The oldest first. Ask again with ``after=next`` for more, while there is a ``next``."""

    items: list[RightView]
    next: UUID | None


class RightAnswer(BaseModel):
    """Yes, or no with its ground; `text` is what the reporter reads."""

    granted: bool
    ground: Ground | None = None
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


@router.get("/v1/rights", response_model=RightList, summary="Requests about personal data that wait for my answer")
async def waiting(uses: Uses, who: Caller, after: UUID | None = None) -> RightList:
    """Of cases at your desk that you may see."""
    items, following = await uses.rights.waiting(who, after)
    return RightList(
        next=following,
        items=[
            RightView(
                request_id=item.request.request_id,
                case_id=item.case.case_id,
                case_number=item.case.case_number,
                kind=item.request.kind,
                asked_at=item.request.asked_at,
                due_at=item.request.due_at,
            )
            for item in items
        ],
    )


@router.post("/v1/rights/{request_id}/answer", response_model=RightRequest, summary="Answer one")
async def answer(uses: Uses, who: Caller, request_id: UUID, body: RightAnswer) -> RightRequest:
    """Final. A yes takes effect at once: a copy can be collected, a correction or deletion is done in the vault."""
    return await uses.rights.answer(who, request_id, granted=body.granted, ground=body.ground, text=body.text)


@router.post("/internal/v1/deadlines", response_model=Counted, summary="When a clock that starts then ends")
async def deadline(uses: Uses, token: ServiceToken) -> Counted:
    """Claims: `clock`, `started_at`; from complaints."""
    if token is None:
        raise Unauthenticated("send an `Authorization: Bearer …` header")
    claims = uses.tokens.verify(token.credentials, issuer="complaints", purpose=DEADLINE)
    try:
        started_at = datetime.fromisoformat(str(claims.extra["started_at"]))
        return await uses.rights.date(str(claims.extra["clock"]), started_at)
    except (KeyError, ValueError) as error:
        raise Unauthenticated("the token names no clock, or no start") from error
