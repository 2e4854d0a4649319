"""Retaliation, reported where a complaint is followed: an urgent report of its own, with a code of its own."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.problems import Lang
from services.chassis.web.forms import FORM_TOKEN, Session, form_of
from services.complaints.http_inputs import FORM_BYTES
from services.complaints.protection import retaliation
from services.complaints.runtime import PUBLIC, Runtime, runtime
from services.complaints.schemas import Receipt, RetaliationReport
from services.complaints.web import filing_form
from services.complaints.web.common import language, new_key, page, receipt_cookie, see, tracking_cookie
from services.complaints.web.errors import Errors, of_failure, of_validation, word

router = APIRouter(include_in_schema=False)

ABOUT = "retaliation"
"""What a text was written about whose visit had ended: it must not end in the case that it complains of."""
_PATH = "/tracking/case/retaliation"


@router.get(_PATH)
async def blank(request: Request) -> Response:
    """What the report does, and its form."""
    session = tracking_cookie(request).read(request)
    return see("/tracking?ended=1") if session is None else form(request, session)


@router.post(_PATH)
async def send(request: Request) -> Response:
    """Accept the report, once however often the same page is sent; its number and code are shown as at filing."""
    rt, lang, session = runtime(request), language(request), tracking_cookie(request).read(request)
    async with form_of(request, limit=FORM_BYTES) as sent:
        values = filing_form.typed(sent)
    if session is None or not session.gave(values.get(FORM_TOKEN)):
        kept = {"about": ABOUT, **{name: values.get(name, "") for name in ("text", "respondents")}}
        return page(request, "tracking.html", 403, values=kept, errors={}, ended=True)
    report, errors = _read(session, values, lang)
    if report is None:
        return form(request, session, 422, values=values, errors=errors)
    try:
        receipt = await _accept(rt, report, values.get("key") or new_key(), lang)
    except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
        status, errors = of_failure(error, lang)
        if getattr(error, "code", "") == "IDEMPOTENCY_KEY_REUSED":
            values["key"] = new_key()
        return form(request, session, status, values=values, errors=errors)
    answer = see("/receipt")
    content = {"case_number": receipt.case_number, "query_code": receipt.query_code, "missed": ""}
    receipt_cookie(request).write(answer, content)
    return answer


def form(
    request: Request,
    session: Session,
    status: int = 200,
    *,
    values: dict[str, str] | None = None,
    errors: Errors | None = None,
) -> Response:
    """The page with what was typed so far; each look prolongs the visit."""
    context = {"values": {"key": new_key(), **(values or {})}, "errors": errors or {}}
    answer = page(request, "retaliation.html", status, **context, form_token=session.form_token)
    tracking_cookie(request).write(answer, session.values, session.form_token)
    return answer


def _read(session: Session, values: dict[str, str], lang: Lang) -> tuple[RetaliationReport | None, Errors]:
    errors: Errors = {}
    raw = {
        **session.values,
        "text": values.get("text", ""),
        "respondents": filing_form.lines(values.get("respondents", "")),
        **filing_form.reporter(values, lang, errors),
    }
    try:
        report = RetaliationReport.model_validate(raw)
    except ValidationError as error:
        errors.update(of_validation(error.errors(include_url=False, include_input=False), lang))
        if not values.get("text", "").strip():
            errors["text"] = word("narrative", lang, missing=True)
        return None, errors
    return (None if errors else report), errors


async def _accept(rt: Runtime, report: RetaliationReport, key: str, lang: Lang) -> Receipt:
    async with rt.db.read(PUBLIC) as session:
        view = await rt.reporters.open(session, report)

    async def work(session: AsyncSession) -> Receipt:
        return await rt.intake.submit(session, *retaliation(view, report, key), lang)

    return await rt.accept(work)
