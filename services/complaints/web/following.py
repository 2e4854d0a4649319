"""Following a complaint on the site: the code is entered once, then read, added to, rated, and left."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from contracts.reference import satisfaction_levels
from services.chassis.web.forms import FORM_TOKEN, Session, check_form, form_of
from services.chassis.web.pages import BLANK
from services.complaints.domain import Refusal, normalise_code
from services.complaints.http_inputs import FORM_BYTES
from services.complaints.reporters import present
from services.complaints.runtime import PUBLIC, runtime
from services.complaints.schemas import Credentials, Rating, Supplement
from services.complaints.web import retaliating
from services.complaints.web.common import filed_cookie, language, new_key, page, receipt_cookie, see, tracking_cookie
from services.complaints.web.errors import Errors, of_failure, of_validation, word
from services.complaints.web.filing_form import typed
from services.complaints.web.uploads import MAX_FILES, add_files, parser, read_files
from services.complaints.web.words import asked, course, explained, headline, mood, standing

router = APIRouter(include_in_schema=False)
_DONE = frozenset({"addition", "rating"})


@router.get("/tracking")
async def enter(request: Request) -> Response:
    ended = request.query_params.get("ended") == "1"
    return page(request, "tracking.html", cache=BLANK, values={}, errors={}, ended=ended)


@router.post("/tracking")
async def open_case(request: Request) -> Response:
    """Open a complaint. What the check symbol shows to be a slip is said at once, from the code as it was typed alone:
    everybody can tell it without us. Whatever else is wrong with number or code, the answer has one shape."""
    rt, lang = runtime(request), language(request)
    async with form_of(request, limit=FORM_BYTES) as form:
        values = typed(form)
    if values.get("query_code", "").strip() and normalise_code(values["query_code"]) is None:
        slip = {"query_code": word("query_code", lang, missing=False)}
        return page(request, "tracking.html", 422, values=values, errors=slip, ended=False)
    try:
        credentials = Credentials.model_validate({name: values.get(name, "") for name in Credentials.model_fields})
        with rt.attempts.of(request, credentials.case_number):
            await rt.enter(credentials)
    except ValidationError as error:
        status, errors = 422, of_validation(error.errors(include_url=False, include_input=False), lang)
    except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
        status, errors = of_failure(error, lang)
    else:
        opened = Session(credentials.model_dump(), new_key())
        if values.get("about") == retaliating.ABOUT:
            kept = {name: values.get(name, "") for name in ("text", "respondents")}
            return retaliating.form(request, opened, values=kept)
        if values.get("text"):  # written on a page whose visit had ended: it is there to be sent now
            return await _case(request, opened, values={"text": values["text"]})
        answer = see("/tracking/case")
        tracking_cookie(request).write(answer, credentials.model_dump())
        return answer
    return page(request, "tracking.html", status, values=values, errors=errors, ended=False)


@router.get("/tracking/case")
async def case(request: Request) -> Response:
    session = tracking_cookie(request).read(request)
    if session is None:
        return see("/tracking?ended=1")
    done = request.query_params.get("done", "")
    return await _case(request, session, done=done if done in _DONE else "")


@router.post("/tracking/case/additions")
async def add(request: Request) -> Response:
    """Add a text, files, or both; each once however often the same page is sent."""
    rt, lang, session = runtime(request), language(request), tracking_cookie(request).read(request)
    async with form_of(request, limit=FORM_BYTES, max_files=MAX_FILES, parser=parser(rt)) as form:
        values = typed(form)
        if session is None or not session.gave(values.get(FORM_TOKEN)):
            kept = {"text": values.get("text", "")}
            return page(request, "tracking.html", 403, values=kept, errors={}, ended=True)
        credentials = Credentials(**session.values)
        key = values.get("key") or new_key()
        try:
            uploads = read_files(form)
            if values.get("text", "").strip() or not uploads:
                body = Supplement(**session.values, text=values.get("text", ""))
                async with rt.db.session(PUBLIC) as transaction:
                    await rt.reporters.add_text(transaction, credentials, body.text, f"{key}-text")
            await add_files(rt, credentials, uploads, key)
        except ValidationError as error:
            errors = of_validation(error.errors(include_url=False, include_input=False), lang)
            return await _case(request, session, 422, values=values, errors=errors)
        except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
            status, errors = of_failure(error, lang)
            if isinstance(error, Refusal) and error.code == "IDEMPOTENCY_KEY_REUSED":
                values["key"] = new_key()
            return await _case(request, session, status, values=values, errors=errors)
    return see("/tracking/case?done=addition")


@router.post("/tracking/case/rating")
async def rate(request: Request) -> Response:
    session = tracking_cookie(request).read(request)
    if session is None:
        return see("/tracking?ended=1")
    rt, lang = runtime(request), language(request)
    async with form_of(request, limit=FORM_BYTES) as form:
        check_form(request, session, form.get(FORM_TOKEN))
        values = typed(form)
    chosen = values.get("satisfaction", "")
    try:
        given = {"satisfaction": int(chosen) if chosen.isdecimal() else 0, "part": values.get("part") or None}
        rating = Rating.model_validate({**session.values, **given})
        key = f"{values.get('key') or new_key()}-{rating.part}"  # a page may hold a form for each of several answers
        async with rt.db.session(PUBLIC) as transaction:
            await rt.reporters.rate(transaction, Credentials(**session.values), rating.satisfaction, key, rating.part)
    except ValidationError as error:
        errors = of_validation(error.errors(include_url=False, include_input=False), lang)
        return await _case(request, session, 422, values=values, errors=errors)
    except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
        status, errors = of_failure(error, lang)
        return await _case(request, session, status, values=values, errors=errors)
    return see("/tracking/case?done=rating")


@router.post("/tracking/leave")
async def leave(request: Request) -> Response:
    answer = see("/")
    for cookie in (tracking_cookie, receipt_cookie, filed_cookie):
        cookie(request).clear(answer)
    answer.headers["Clear-Site-Data"] = '"cache"'  # the browser's back button shows nothing of the case any more
    return answer


async def _case(
    request: Request,
    session: Session,
    status: int = 200,
    *,
    values: dict[str, str] | None = None,
    errors: Errors | None = None,
    done: str = "",
) -> Response:
    """The complaint as its reporter sees it; each look prolongs the visit."""
    rt, lang = runtime(request), language(request)
    async with rt.db.read(PUBLIC) as transaction:
        view = await rt.reporters.open(transaction, Credentials(**session.values))
        texts = await rt.reporters.additions(transaction, view)
        files = await rt.reporters.files(transaction, view)
    seen = await present(view, rt.documents, lang)
    now = standing(seen.parts[0])
    context: dict[str, Any] = {
        "case": seen,
        "course": course(seen.entries, texts, files, lang),
        "part_words": [headline(standing(part), lang) for part in seen.parts[1:]],
        "headline": headline(now, lang),
        "asked": asked(seen),
        "explained": explained(now, lang),
        "mood": mood(now),
        "limit": rt.settings.evidence_max_bytes // 2**20,
        "levels": [
            (level, known.name_zh if lang == "zh" else known.name_en)
            for level, known in sorted(satisfaction_levels().items(), reverse=True)
        ],
        "values": {"key": new_key(), **(values or {})},
        "errors": errors or {},
        "done": done,
        "form_token": session.form_token,
    }
    answer = page(request, "case.html", status, **context)
    tracking_cookie(request).write(answer, session.values, session.form_token)
    return answer
