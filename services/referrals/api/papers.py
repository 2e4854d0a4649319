"""Papers about a case: the package for a unit that is not on the system, and what was given out."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from services.referrals.api.common import Caller, Uses
from services.referrals.service.papers import Issued

router = APIRouter(prefix="/v1", tags=["papers"])


class Form(StrEnum):
    """How a package is taken along."""

    PDF = "pdf"
    SIGNED = "signed"


class ExportView(BaseModel):
    """A paper that was given out: `sequence` is the step it is about, `sha256` that of the PDF."""

    export_id: UUID
    sequence: int
    kind: str
    signed: bool
    account_id: str
    unit_id: str
    receiver_id: str
    sha256: str
    at: datetime


class Exports(BaseModel):
    """Latest first."""

    items: list[ExportView]


def as_file(issued: Issued) -> Response:
    """To be saved, and kept by nobody on the way."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(issued.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "X-Document-SHA256": issued.sha256,
    }
    return Response(issued.data, headers=headers, media_type=issued.media_type)


@router.get(
    "/cases/{case_id}/package",
    summary="The letter to a unit that is not on the system",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}, "application/zip": {}}, "description": "To be saved"}},
)
async def package(
    uses: Uses,
    who: Caller,
    case_id: UUID,
    form: Annotated[Form, Query(description="`signed`: an archive with the PDF and its detached signature")] = Form.PDF,
) -> Response:
    """Cover letter, matter, list of evidence and the slip to send back, for who may key in the receipt.

    Never the identity that the reporter gave; of a report nothing in the reporter's words. In the words of any other
    complaint numbers, addresses and the usual ways to name oneself are hidden; names in a free text can't all be found,
    so the officer reads the letter before it is sent. Each one is put on record, with the SHA-256 of the PDF, before it
    is given (`X-Document-SHA256` says it again).
    """
    return as_file(await uses.papers.package(who, case_id, signed=form is Form.SIGNED))


@router.get("/cases/{case_id}/exports", response_model=Exports, summary="What papers were given out about a case")
async def exports(uses: Uses, who: Caller, case_id: UUID) -> Exports:
    """For everybody who may see the case."""
    return Exports(items=[ExportView(**row) for row in await uses.papers.exports(who, case_id)])
