"""The reporter's API. Number and code come in the body, never in an address, where logs would keep them."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.http import lang
from services.complaints.http_inputs import KEY_PARAMETER, idempotency_key, read_upload
from services.complaints.protection import retaliation
from services.complaints.reporters import Added, present
from services.complaints.runtime import PUBLIC, runtime
from services.complaints.schemas import (
    Accepted,
    AcceptedFile,
    Credentials,
    Rating,
    Receipt,
    RetaliationReport,
    Supplement,
    Tracking,
)

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
        async with rt.db.read(PUBLIC) as session:
            view = await rt.reporters.open(session, credentials)
    return _answer(await present(view, rt.documents, lang(request)), 200)


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
    summary="Add a file to a complaint (20 MB at most)",
)
async def evidence(request: Request) -> Response:
    rt, key = runtime(request), idempotency_key(request)
    credentials, upload = await read_upload(request)
    with rt.attempts.of(request, credentials.case_number):
        async with rt.db.session(PUBLIC) as session:
            added = await rt.reporters.add_file(session, credentials, upload, key)
    accepted = _accepted(added, "file", lang(request))
    return _answer(AcceptedFile(**dict(accepted), sha256=upload.sha256, size=len(upload.data)), 201)


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
