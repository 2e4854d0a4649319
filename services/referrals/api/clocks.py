"""The clocks that run on a case, each with its article and counted step by step."""

from uuid import UUID

from fastapi import APIRouter, Request

from services.chassis.http import lang
from services.referrals.api.common import Caller, Uses
from services.referrals.clock_views import CaseClocks

router = APIRouter(prefix="/v1", tags=["cases"])


@router.get("/cases/{case_id}/clocks", response_model=CaseClocks, summary="The case's clocks, explained")
async def case_clocks(uses: Uses, who: Caller, case_id: UUID, request: Request) -> CaseClocks:
    """Due first at the head; dates of several regimes for one purpose side by side. In the caller's language."""
    return await uses.casebook.clocks(who, case_id, lang(request))
