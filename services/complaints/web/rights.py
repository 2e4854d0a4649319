"""The reporter's own data on the site: what was asked and answered, a new request, and the copy as a file."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from contracts.rights import Right
from services.chassis.web.forms import FORM_TOKEN, Session, form_of
from services.complaints.api_rights import file_of
from services.complaints.http_inputs import FORM_BYTES
from services.complaints.runtime import runtime
from services.complaints.schemas import Credentials, Verification
from services.complaints.schemas_rights import RightAsk
from services.complaints.web import filing_form
from services.complaints.web.common import language, page, see, tracking_cookie
from services.complaints.web.errors import Errors, of_failure, of_validation
from services.complaints.web.filing_form import typed
from services.complaints.wording import right_name, right_standing

router = APIRouter(include_in_schema=False)
_PAGE = "/tracking/case/rights"
_WHO = tuple(Verification.model_fields)


@router.get(_PAGE)
async def show(request: Request) -> Response:
    session = tracking_cookie(request).read(request)
    return see("/tracking?ended=1") if session is None else await _page(request, session)


@router.post(_PAGE)
async def ask(request: Request) -> Response:
    """A new request; the corrected data are read for a correction alone."""
    lang = language(request)
    session, values = await _sent(request)
    if session is None:
        return see("/tracking?ended=1")
    errors: Errors = {}
    raw: dict[str, Any] = {
        **session.values,
        "kind": values.get("kind", ""),
        **{name: values.get(f"own_{name}", "") for name in _WHO},
    }
    if raw["kind"] == Right.CORRECTION:
        corrected = filing_form.reporter(values, lang, errors)
        given = {name: values.get(name, "") for name in ("id_number", "address")}
        raw |= {"corrected": {**corrected.get("reporter", {}), **given}, "ways": corrected.get("ways")}
    try:
        body = RightAsk.model_validate(raw)
        if not errors:
            rt = runtime(request)
            with rt.attempts.of(request, body.case_number):
                await rt.rights.ask(Credentials(**session.values), body)
            return see(_PAGE)
        status = 422
    except ValidationError as error:
        status, errors = 422, {**of_validation(error.errors(include_url=False, include_input=False), lang), **errors}
    except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
        status, errors = of_failure(error, lang)
    return await _page(request, session, status, values=values, errors=errors)


@router.post(_PAGE + "/copy")
async def copy(request: Request) -> Response:
    """The copy, as a file; name and number are asked once more."""
    lang = language(request)
    session, values = await _sent(request)
    if session is None:
        return see("/tracking?ended=1")
    try:
        who = Verification.model_validate({name: values.get(f"copy_{name}", "") for name in _WHO})
        rt = runtime(request)
        with rt.attempts.of(request, session.values["case_number"]):
            return file_of(await rt.rights.copy(Credentials(**session.values), who))
    except ValidationError as error:
        status, errors = 422, of_validation(error.errors(include_url=False, include_input=False), lang)
    except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
        status, errors = of_failure(error, lang)
    return await _page(request, session, status, values=values, errors=errors)


async def _sent(request: Request) -> tuple[Session | None, dict[str, str]]:
    """The visit and what its form holds; no visit when the form is none of its own."""
    session = tracking_cookie(request).read(request)
    async with form_of(request, limit=FORM_BYTES) as form:
        values = typed(form)
    return (session if session is not None and session.gave(values.get(FORM_TOKEN)) else None), values


async def _page(
    request: Request,
    session: Session,
    status: int = 200,
    *,
    values: dict[str, str] | None = None,
    errors: Errors | None = None,
) -> Response:
    lang = language(request)
    own = await runtime(request).rights.own(Credentials(**session.values))
    answer = page(
        request,
        "rights.html",
        status,
        items=[(right_name(item.request.kind, lang), item, right_standing(item.request, lang)) for item in own],
        copy_waits=any((item.request.kind, item.request.state) == (Right.ACCESS, "GRANTED") for item in own),
        kinds=[(kind.value, right_name(kind, lang)) for kind in Right],
        values={"identity": "named", **(values or {})},
        errors=errors or {},
        form_token=session.form_token,
    )
    tracking_cookie(request).write(answer, session.values, session.form_token)
    return answer
