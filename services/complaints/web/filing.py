"""Filing a complaint on the site: the form, its one submission, and the receipt with its code."""

import hashlib
import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Channel
from services.chassis.problems import Lang
from services.chassis.web.forms import FORM_TOKEN, check_form, form_of
from services.chassis.web.pages import BLANK
from services.complaints.domain import ends_with
from services.complaints.files import Upload
from services.complaints.http_inputs import FORM_BYTES
from services.complaints.runtime import Runtime, runtime
from services.complaints.schemas import Credentials, Receipt, Submission
from services.complaints.service import Origin
from services.complaints.web import filing_form
from services.complaints.web.common import filed_cookie, language, new_key, page, receipt_cookie, see, tracking_cookie
from services.complaints.web.errors import of_failure
from services.complaints.web.uploads import MAX_FILES, add_files, parser, read_files

router = APIRouter(include_in_schema=False)
_KEY = re.compile(r"[A-Za-z0-9_-]{32}")


@router.get("/")
async def first_page(request: Request) -> Response:
    return page(request, "first.html", cache=BLANK)


@router.get("/file")
async def blank_form(request: Request) -> Response:
    return _form(request, {"key": new_key()}, cache=BLANK)


@router.post("/file")
async def file(request: Request) -> Response:
    """Accept what was typed, once however often the same page is sent; else show it again with what to correct."""
    rt, lang = runtime(request), language(request)
    async with form_of(request, limit=FORM_BYTES, max_files=MAX_FILES, parser=parser(rt)) as form:
        values = filing_form.typed(form)
        if not _KEY.fullmatch(values.get("key", "")):
            values["key"] = new_key()
        reading = filing_form.read(values, lang)
        _recognise(request, values, reading)
        try:
            uploads = read_files(form)
            if reading.submission is None:
                return _form(request, values, 422, reading=reading, files_lost=bool(uploads))
            receipt = await _accept(rt, reading.submission, values["key"], lang)
        except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
            status, errors = of_failure(error, lang)
            reading.errors.update(errors)
            return _form(request, {**values, "key": _next_key(error, values["key"])}, status, reading=reading)
        missed = await _add(rt, receipt, uploads, values["key"])
    answer = see("/receipt")
    filed_cookie(request).write(answer, {"digest": _digest(reading.submission), "key": values["key"]})
    content = {"case_number": receipt.case_number, "query_code": receipt.query_code, "missed": "yes" if missed else ""}
    receipt_cookie(request).write(answer, content)
    return answer


@router.get("/receipt")
async def receipt(request: Request) -> Response:
    """Number and code, until the reporter has said that they are kept."""
    session = receipt_cookie(request).read(request)
    if session is None:
        return see("/tracking")
    return page(request, "receipt.html", receipt=session.values, form_token=session.form_token, not_saved=False)


@router.get("/receipt/file")
async def receipt_file(request: Request) -> Response:
    """Number and code as a file to keep, for as long as the page shows them."""
    session = receipt_cookie(request).read(request)
    if session is None:
        return see("/tracking")
    zh = language(request) == "zh"
    number, code = session.values["case_number"], session.values["query_code"]
    lines = (
        ("案件编号：" if zh else "Case number: ") + number,
        ("查询码：" if zh else "Query code: ") + code,
        "两项一起就能看到进展，请不要告诉别人。" if zh else "Whoever has both can follow it: keep them to yourself.",
    )
    headers = {"Content-Disposition": f'attachment; filename="{number}.txt"'}
    return Response("\r\n".join(lines) + "\r\n", headers=headers, media_type="text/plain; charset=utf-8")


@router.post("/receipt")
async def saved(request: Request) -> Response:
    """The reporter shows that the code is kept, by its last symbols: it is shown no more, and the complaint is open.

    What comes of this step is nothing to the complaint, which was accepted before it.
    """
    cookie = receipt_cookie(request)
    session = cookie.read(request)
    if session is None:
        return see("/tracking")
    async with form_of(request, limit=FORM_BYTES) as form:
        check_form(request, session, form.get(FORM_TOKEN))
        if not ends_with(session.values["query_code"], str(form.get("ending", ""))):
            return page(
                request, "receipt.html", 422, receipt=session.values, form_token=session.form_token, not_saved=True
            )
    answer = see("/tracking/case")
    cookie.clear(answer)
    tracking_cookie(request).write(
        answer, {name: session.values[name] for name in ("case_number", "query_code")}, session.form_token
    )
    return answer


async def _accept(rt: Runtime, submission: Submission, key: str, lang: Lang) -> Receipt:
    async def work(session: AsyncSession) -> Receipt:
        return await rt.intake.submit(session, submission, Origin(Channel.WEB, key), lang)

    return await rt.accept(work)


async def _add(rt: Runtime, receipt: Receipt, uploads: list[Upload], key: str) -> bool:
    """Add the files; True when one could not be: the complaint itself is accepted, and the receipt says so."""
    credentials = Credentials(case_number=receipt.case_number, query_code=receipt.query_code)
    try:
        await add_files(rt, credentials, uploads, key)
    except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
        of_failure(error, "zh")
        return True
    return False


def _recognise(request: Request, values: dict[str, str], reading: filing_form.Reading) -> None:
    """Give the same content its first key: browsers that go back may fetch the form anew, and fill it in again."""
    session = filed_cookie(request).read(request)
    if session is not None and reading.submission and session.values["digest"] == _digest(reading.submission):
        values["key"] = session.values["key"]


def _digest(submission: Submission) -> str:
    return hashlib.sha256(submission.model_dump_json().encode()).hexdigest()


def _next_key(error: Exception, key: str) -> str:
    """The page's key stays, so that a repeat is known; but what was changed after it was sent is a new matter."""
    return new_key() if getattr(error, "code", "") == "IDEMPOTENCY_KEY_REUSED" else key


def _form(
    request: Request,
    values: dict[str, str],
    status: int = 200,
    *,
    reading: filing_form.Reading | None = None,
    files_lost: bool = False,
    **how: Any,
) -> Response:
    reading = reading or filing_form.Reading()
    return page(
        request,
        "file.html",
        status,
        values=values,
        errors=reading.errors,
        candidates=[(place.code, place.full) for place in reading.candidates],
        groups=filing_form.groups(language(request)),
        files_lost=files_lost,
        limit=runtime(request).settings.evidence_max_bytes // 2**20,
        **how,
    )
