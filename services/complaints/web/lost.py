"""A lost query code on the site: who filed with a name asks for a new one; the answer is one page for everybody."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.chassis.web.forms import form_of
from services.chassis.web.pages import BLANK
from services.complaints.http_inputs import FORM_BYTES
from services.complaints.runtime import runtime
from services.complaints.schemas import ReissueAsk
from services.complaints.web.common import language, page
from services.complaints.web.errors import of_failure, of_validation
from services.complaints.web.filing_form import typed
from services.complaints.wording import reissue_text

router = APIRouter(include_in_schema=False)


@router.get("/tracking/lost")
async def form(request: Request) -> Response:
    return page(request, "lost.html", cache=BLANK, values={}, errors={}, told="")


@router.post("/tracking/lost")
async def ask(request: Request) -> Response:
    """Take a request for a new code; what does not fit the form is said, whether it matches is not."""
    lang = language(request)
    async with form_of(request, limit=FORM_BYTES) as sent:
        values = typed(sent)
    try:
        asked = ReissueAsk.model_validate({name: values.get(name, "") for name in ReissueAsk.model_fields})
        await runtime(request).reissues.ask(asked)
    except ValidationError as error:
        status, errors = 422, of_validation(error.errors(include_url=False, include_input=False), lang)
    except Exception as error:  # noqa: BLE001 raised again by of_failure unless it can be told
        status, errors = of_failure(error, lang)
    else:
        return page(request, "lost.html", 202, values={}, errors={}, told=reissue_text(lang))
    return page(request, "lost.html", status, values=values, errors=errors, told="")
