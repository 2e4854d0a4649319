"""What other services may ask: which cases look like one that an officer has in hand."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.chassis.auth import bearer
from services.complaints import duplicates
from services.complaints.runtime import runtime
from services.complaints.schemas import AlikeCases

router = APIRouter(prefix="/internal/v1", tags=["internal"])
_scheme = HTTPBearer(auto_error=False, scheme_name="service", description="A service token of referrals")


@router.post("/likeness", response_model=AlikeCases, summary="Cases of the same reporters, or with similar texts")
async def alike(request: Request, _token: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> Response:
    """Ids alone: whoever asks shows an officer those that the officer may see."""
    rt = runtime(request)
    question = duplicates.verify(rt.tokens, bearer(request.headers.get("authorization")))
    async with rt.db.session() as session:
        found = AlikeCases(items=await duplicates.find(session, question))
    return Response(found.model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")
