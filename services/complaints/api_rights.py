"""A reporter's rights in the own data over HTTP: asked for, looked after and collected with the query code; answered by
officers through referrals, whose tokens say who and what."""

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import ValidationError

from contracts.model import Contract
from contracts.rights import ANSWER, LIST, Answered, RightRequest, RightRequests, WaitingOf
from services.chassis.auth import Unauthenticated, bearer
from services.chassis.http import Problem, lang
from services.complaints.rights import OwnRight
from services.complaints.runtime import runtime
from services.complaints.schemas import Credentials
from services.complaints.schemas_rights import AnswerText, RightAsk, RightCopyAsk, RightItem, RightItems
from services.complaints.wording import right_standing

router = APIRouter(tags=["rights"])
_scheme = HTTPBearer(auto_error=False, scheme_name="service", description="A service token of referrals")
Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]
Claimed = TypeVar("Claimed", bound=Contract)


@router.post("/v1/tracking/rights", status_code=201, response_model=RightItems, summary="Ask about one's own data")
async def ask(request: Request, body: RightAsk) -> Response:
    """Access, correction, deletion, restriction or explanation; answered within the time of the clock HY-PIPL."""
    rt = runtime(request)
    with rt.attempts.of(request, body.case_number):
        await rt.rights.ask(_credentials(body), body)
        return _items(await rt.rights.own(_credentials(body)), 201, lang(request))


@router.post("/v1/tracking/rights/standing", response_model=RightItems, summary="What has come of these requests")
async def standing(request: Request, body: Credentials) -> Response:
    rt = runtime(request)
    with rt.attempts.of(request, body.case_number):
        return _items(await rt.rights.own(body), 200, lang(request))


@router.post("/v1/tracking/rights/copy", summary="All that is held about me, once access was granted")
async def copy(request: Request, body: RightCopyAsk) -> JSONResponse:
    rt = runtime(request)
    with rt.attempts.of(request, body.case_number):
        return file_of(await rt.rights.copy(_credentials(body), body))


def _credentials(body: Credentials) -> Credentials:
    return Credentials(case_number=body.case_number, query_code=body.query_code)


def file_of(content: dict[str, object]) -> JSONResponse:
    """A copy as a file to be saved."""
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="huiyin-copy.json"'}
    return JSONResponse(jsonable_encoder(content), headers=headers)


@router.post("/internal/v1/rights/waiting", response_model=RightRequests, summary="Requests that wait for an answer")
async def waiting(request: Request, _token: Shown, body: WaitingOf) -> RightRequests:
    """Ids, kinds and dates alone, of the cases that whoever asks says the officer may see."""
    rt = runtime(request)
    rt.tokens.verify(bearer(request.headers.get("authorization")), issuer="referrals", purpose=LIST)
    async with rt.db.read() as session:
        return await rt.rights.listed(session, body)


@router.post("/internal/v1/rights/requests/{request_id}", response_model=RightRequest, summary="One request")
async def one_request(request: Request, _token: Shown, request_id: UUID) -> RightRequest:
    """Ids, kind and dates alone, whether it waits or not; 404 for none."""
    rt = runtime(request)
    rt.tokens.verify(bearer(request.headers.get("authorization")), issuer="referrals", purpose=LIST)
    async with rt.db.read() as session:
        return await rt.rights.request(session, request_id)


@router.post("/internal/v1/rights/answers", response_model=RightRequest, summary="An officer's answer")
async def answer(request: Request, _token: Shown, body: AnswerText) -> RightRequest:
    """Claims: Answered, on behalf of the officer whom the token names."""
    rt = runtime(request)
    claims = rt.tokens.verify(bearer(request.headers.get("authorization")), issuer="referrals", purpose=ANSWER)
    try:
        answered = Answered.model_validate(dict(claims.extra))
    except ValidationError as error:
        raise Unauthenticated("the token lacks a claim") from error
    if not claims.subject:
        raise Unauthenticated("the token names no officer")
    if not answered.granted and answered.ground is None:
        raise Problem(422, "GROUND_MISSING", "不同意须说明依据。", "A no needs its ground.")
    async with rt.db.session() as session:
        return await rt.rights.answer(session, claims.subject, answered, body.text)


def _items(own: list[OwnRight], status: int, language: str) -> Response:
    items = [
        RightItem(
            request_id=item.request.request_id,
            kind=item.request.kind,
            state=item.request.state,
            asked_at=item.request.asked_at,
            due_at=item.request.due_at,
            answered_at=item.request.answered_at,
            ground=item.request.ground,
            text=right_standing(item.request, language),
            answer=item.answer,
        )
        for item in own
    ]
    content = RightItems(items=items).model_dump_json()
    return Response(content, status, {"Cache-Control": "no-store"}, "application/json")
