"""Likely duplicates of a case, for who triages it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.referrals.api.common import Caller, Uses
from services.referrals.service.duplicates import Reason
from services.referrals.views import CaseSummary

router = APIRouter(prefix="/v1", tags=["cases"])


class DuplicateView(BaseModel):
    """A case that may be about the same matter, and why. `joinable`: MERGE into it is possible as both stand now."""

    case: CaseSummary
    reasons: list[Reason]
    joinable: bool


class DuplicatesView(BaseModel):
    """The likeliest first. `complete` is false while reporters and texts can't be compared: ask again later."""

    items: list[DuplicateView]
    complete: bool


@router.get("/cases/{case_id}/duplicates", response_model=DuplicatesView, summary="Cases that this one may double")
async def duplicates(
    uses: Uses,
    who: Caller,
    case_id: UUID,
    days: Annotated[int, Query(ge=1, le=366, description="How far apart cases of the same respondent may be")] = 90,
) -> DuplicatesView:
    """Same respondent unit and class of category, same reporter, or a similar text; only what you may see.

    Nothing happens by itself: act MERGE, or go on.
    """
    found = await uses.searching.find(who, case_id, days)
    items = [DuplicateView(case=item.case, reasons=list(item.reasons), joinable=item.joinable) for item in found.items]
    return DuplicatesView(items=items, complete=found.complete)
