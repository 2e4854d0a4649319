"""The reporter's API. Number and code come in the body, never in an address, where logs would keep them."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.http import lang
from services.complaints.http_inputs import KEY_PARAMETER, idempotency_key, uploaded
from services.complaints.protection import retaliation
from services.complaints.receiving import receive
from services.complaints.reporters import Added, present
from services.complaints.runtime import PUBLIC, runtime
from services.complaints.schemas import (
    Accepted,
    AcceptedFile,
    Asked,
    Credentials,
    OwnFile,
    Rating,
    Receipt,
    ReissueAsk,
    RetaliationReport,
    Supplement,
    Tracking,
)
from services.complaints.wording import file_text, reissue_text

router = APIRouter(tags=["reporter"])
_KEYED: dict[str, Any] = {"parameters": [KEY_PARAMETER]}
_FORM = {
    **_KEYED,
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["case_number", "query_code", "file"],
                    "properties": {
                        "case_number": {"type": "string", "maxLength": 60},
                        "query_code": {"type": "string", "maxLength": 60},
                        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                }
            }
        },
    },
}
_THANKS = {
    "zh": {"text": "已收到补充内容。", "file": "已收到材料。", "rating": "已收到评价,谢谢。"},
    "en": {
        "text": "Your addition was received.",
        "file": "Your file was received.",
        "rating": "Thank you for the rating.",
    },
}


@router.post("/v1/tracking", response_model=Tracking, summary="What has come of a complaint")
async def track(request: Request, credentials: Credentials) -> Response:
    rt = runtime(request)
    with rt.attempts.of(request, credentials.case_number):
        view = await rt.enter(credentials)
        async with rt.db.read(PUBLIC) as session:
            await rt.reporters.open(session, credentials)
            files = await rt.reporters.files(session, view)
    seen = await present(view, rt.documents, lang(request))
    told = [OwnFile(received_at=at, state=state, text=file_text(state, lang(request))) for at, state in files]
    return _answer(seen.model_copy(update={"files": told}), 200)


@router.post(
    "/v1/tracking/supplements",
    status_code=201,
    response_model=Accepted,
    openapi_extra=_KEYED,
    summary="Add a text to a complaint",
)
async def supplement(request: Request, body: Supplement) -> Response:
    rt, key = runtime(request), idempotency_key(request)
    with rt.attempts.of(request, body.case_number):
        async with rt.db.session(PUBLIC) as session:
            added = await rt.reporters.add_text(session, body, body.text, key)
    return _answer(_accepted(added, "text", lang(request)), 201)


@router.post(
    "/v1/tracking/evidence",
    status_code=201,
    response_model=AcceptedFile,
    openapi_extra=_FORM,
    summary="Add a file to a complaint (100 MB at most, unless set otherwise)",
)
async def evidence(request: Request) -> Response:
    rt, key = runtime(request), idempotency_key(request)
    async with uploaded(request, rt.store, rt.settings.evidence_max_bytes) as (credentials, upload):
        with rt.attempts.of(request, credentials.case_number):
            added = await receive(rt, credentials, upload, key)
        accepted = _accepted(added, "file", lang(request))
        staged = upload.staged
        return _answer(AcceptedFile(**dict(accepted), sha256=staged.sha256, size=staged.size), 201)


@router.post(
    "/v1/tracking/ratings",
    status_code=201,
    response_model=Accepted,
    openapi_extra=_KEYED,
    summary="Rate the answer",
)
async def rate(request: Request, body: Rating) -> Response:
    rt, key = runtime(request), idempotency_key(request)
    with rt.attempts.of(request, body.case_number):
        async with rt.db.session(PUBLIC) as session:
            added = await rt.reporters.rate(session, body, body.satisfaction, key, body.part)
    return _answer(_accepted(added, "rating", lang(request)), 201)


@router.post(
    "/v1/tracking/reissues", status_code=202, response_model=Asked, summary="Ask for a new query code (named reporters)"
)
async def reissue(request: Request, body: ReissueAsk) -> Response:
    """One answer, whether or not there is such a complaint: a new code goes to the address that was left with it."""
    await runtime(request).reissues.ask(body)
    return _answer(Asked(message=reissue_text(lang(request))), 202)


@router.post(
    "/v1/tracking/retaliation-reports",
    status_code=201,
    response_model=Receipt,
    openapi_extra=_KEYED,
    summary="Report retaliation for a complaint: an urgent report of its own",
)
async def report_retaliation(request: Request, body: RetaliationReport) -> Response:
    rt, key = runtime(request), idempotency_key(request)
    with rt.attempts.of(request, body.case_number):
        async with rt.db.read(PUBLIC) as session:
            view = await rt.reporters.open(session, body)

    async def work(session: AsyncSession) -> Receipt:
        return await rt.intake.submit(session, *retaliation(view, body, key), lang(request))

    return _answer(await rt.accept(work), 201)


def _accepted(added: Added, kind: str, language: str) -> Accepted:
    return Accepted(id=added.id, received_at=added.at, message=_THANKS[language][kind])


def _answer(model: BaseModel, status: int) -> Response:
    return Response(model.model_dump_json(), status, {"Cache-Control": "no-store"}, "application/json")
