"""The two-way record on a case's page: written by form, printed for the file."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from services.chassis.problems import Problem, validation_problem
from services.chassis.web.forms import form_of
from services.referrals.api.papers import as_file
from services.referrals.clues import Description
from services.referrals.web.case_page import case_page
from services.referrals.web.papers import Retyped, papers_of
from services.referrals.web.record_form import of_form
from services.referrals.web.session import HOME, Officer

router = APIRouter(include_in_schema=False)

_LIMIT = 262_144
_RECORD = HOME + "/cases/{case_id}/transfer-records/{sequence}"


@router.post(_RECORD)
async def describe(visit: Officer, case_id: UUID, sequence: int) -> Response:
    """Written: back to the case. Not written: the same form, what was typed in it, and why."""
    async with form_of(visit.request, limit=_LIMIT, max_fields=300) as form:
        visit.check(form)
        key = str(form.get("key", ""))
        typed = of_form({name: [str(value) for value in form.getlist(name)] for name in form})
    try:
        command_id = UUID(key)
    except ValueError as error:
        raise Problem(400, "not_a_form", "表单不完整，请刷新页面重试。", "The form is not whole: reload it.") from error
    try:
        description = Description.model_validate(typed.body())
    except ValidationError as error:
        told = validation_problem(error.errors()).ext["errors"]
        why = [visit.words.pick(item["zh"], item["en"]) for item in told]
        view = await visit.uses.casebook.view(visit.who, case_id)
        shown = await papers_of(visit, view, Retyped(sequence, typed, tuple(why)))
        return await case_page(visit, view, 422, papers=shown)
    await visit.uses.records.describe(visit.who, case_id, sequence, command_id, description)
    return visit.go(f"{HOME}/cases/{case_id}#record-{sequence}")


@router.post(f"{_RECORD}/sheet")
async def sheet(visit: Officer, case_id: UUID, sequence: int) -> Response:
    """The record as PDF, to be saved; on record before it is given."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
    return as_file(await visit.uses.records.sheet(visit.who, case_id, sequence))
