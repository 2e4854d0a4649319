"""The reporter's identity on a case's page: masked, asked for, decided by a second person, shown on a press."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from contracts.openings import OWN_DENIALS, Denial
from services.chassis.problems import Problem
from services.chassis.web.forms import form_of
from services.referrals.web.case_page import case_page
from services.referrals.web.session import HOME, Officer

router = APIRouter(include_in_schema=False)

_LIMIT = 4096
_OPENINGS = HOME + "/cases/{case_id}/openings"


@router.post(_OPENINGS)
async def ask(visit: Officer, case_id: UUID) -> Response:
    """Asked: back to the case, which shows what became of it."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        aim, key, complaint = (str(form.get(name, "")) for name in ("purpose", "key", "complaint"))
    try:
        ids = UUID(key), UUID(complaint)
    except ValueError as error:
        raise _broken() from error
    await visit.uses.openings.ask(visit.who, case_id, ids[0], aim, ids[1])
    return visit.go(f"{HOME}/cases/{case_id}#identity")


@router.post(_OPENINGS + "/{opening_id}/decision")
async def decide(visit: Officer, case_id: UUID, opening_id: UUID) -> Response:
    """Decided: back to the case."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        verdict, denial = str(form.get("verdict", "")), str(form.get("denial", ""))
    if verdict not in ("yes", "no") or (verdict == "no" and denial not in set(Denial) - OWN_DENIALS):
        raise Problem(422, "denial", "不同意时请选择理由。", "Choose the reason of a no.")
    why = Denial(denial) if verdict == "no" else None
    await visit.uses.openings.decide(visit.who, case_id, opening_id, granted=why is None, denial=why)
    return visit.go(f"{HOME}/cases/{case_id}#identity")


@router.post(_OPENINGS + "/{opening_id}/reading")
async def read(visit: Officer, case_id: UUID, opening_id: UUID) -> Response:
    """Shown once, and on record first."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
    revealed = await visit.uses.openings.read(visit.who, case_id, opening_id)
    if visit.fragment:
        return visit.part("_revealed.html", revealed=revealed)
    view = await visit.uses.casebook.view(visit.who, case_id)
    return await case_page(visit, view, revealed=revealed)


def _broken() -> Problem:
    return Problem(400, "not_a_form", "表单不完整，请刷新页面重试。", "The form is not whole: reload it.")
