"""Officers read sealed texts with a grant from referrals; and the reference data that forms need."""

from functools import cache
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from contracts.reference import categories
from contracts.reference.divisions import divisions
from services.chassis.auth import Unauthenticated, bearer
from services.chassis.http import lang
from services.complaints.readings import File
from services.complaints.runtime import runtime
from services.complaints.schemas import CategoryItem, DivisionItem, Narratives

router = APIRouter()
_scheme = HTTPBearer(
    auto_error=False, scheme_name="grant", description="A grant from POST /v1/cases/{case_id}/grants of referrals"
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]
_NO_STORE = {"Cache-Control": "no-store"}


@router.post("/v1/narratives", tags=["officers"], response_model=Narratives, summary="Read a case's texts by grant")
async def narratives(request: Request, _grant: Bearer) -> Response:
    rt = runtime(request)
    grant = rt.readings.verify(_token(request))
    async with rt.db.session() as session:
        sealed = await rt.readings.find(session, grant)
    return Response(rt.readings.open(grant, sealed).model_dump_json(), 200, _NO_STORE, "application/json")


@router.get(
    "/v1/evidence/{evidence_id}",
    tags=["officers"],
    summary="Read an evidence file by grant",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file, to be saved"}},
)
async def evidence(request: Request, evidence_id: UUID, _grant: Bearer) -> Response:
    rt = runtime(request)
    grant = rt.readings.verify(_token(request))
    async with rt.db.session() as session:
        wrapped, row = await rt.readings.find_file(session, grant, evidence_id)
    return _saved(await rt.readings.open_file(wrapped, row))


@router.get(
    "/v1/evidence/{evidence_id}/original",
    tags=["officers"],
    summary="Read an evidence file as it came, by a grant that says so",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file, to be saved"}},
)
async def original(request: Request, evidence_id: UUID, _grant: Bearer) -> Response:
    """With its metadata, once it was examined; the header `X-Content-SHA256` is the hash that it was received with."""
    rt = runtime(request)
    grant = rt.readings.verify(_token(request))
    async with rt.db.session() as session:
        wrapped, row = await rt.readings.find_file(session, grant, evidence_id, "original")
    return _saved(await rt.readings.open_original(wrapped, row))


def _saved(file: File) -> Response:
    # Whatever it is, the browser saves it: nothing that a stranger sent is shown or run on our address.
    headers = {
        **_NO_STORE,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Content-Length": str(file.size),
        "X-Media-Type": file.media_type,
        "X-Content-SHA256": file.sha256,
    }
    return StreamingResponse(file.content, 200, headers, "application/octet-stream")


@router.get(
    "/v1/reference/categories",
    tags=["reference"],
    response_model=list[CategoryItem],
    summary="The categories to choose from",
)
async def list_categories(request: Request) -> list[CategoryItem]:
    return _items(lang(request))


@router.get(
    "/v1/reference/divisions",
    tags=["reference"],
    response_model=list[DivisionItem],
    summary="The divisions below one, to choose the place from",
)
async def list_divisions(
    parent: Annotated[str, Query(pattern=r"^([0-9]{6})?$", description="Left out: the provinces")] = "",
) -> list[DivisionItem]:
    return _below().get(parent, [])


@cache
def _below() -> dict[str, list[DivisionItem]]:
    found: dict[str, list[DivisionItem]] = {}
    for item in sorted(divisions().values(), key=lambda item: item.code):
        shown = DivisionItem(code=item.code, name=item.name_zh, parent=item.parent)
        found.setdefault(item.parent, []).append(shown)
    return found


@cache
def _items(language: str) -> list[CategoryItem]:
    return [
        CategoryItem(
            code=item.code,
            parent=item.parent,
            name=item.name_en if language == "en" else item.name_zh,
            track=item.track,
        )
        for item in categories().values()
    ]


def _token(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise Unauthenticated("more than one Authorization header")
    return bearer(values[0] if values else None)
