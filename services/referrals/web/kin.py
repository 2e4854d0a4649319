"""Cases beside a case: those that belong to it, and those that may be about the same matter."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from contracts.lifecycle import RULE, Act
from services.referrals.views import CaseSummary, CaseView, LegalAct
from services.referrals.web.session import HOME, Officer, Visit
from services.referrals.web.words import RELATION

router = APIRouter(include_in_schema=False)

_DAYS = 90
"""How far apart cases of the same respondent are compared, as the API does unless told otherwise."""


def belonging(view: CaseView) -> dict[UUID, str]:
    """The cases that belong to this one, each with what it is to it (a key of words.RELATION)."""
    course = view.course
    named = {"MAIN": [course.main_case], "SPLIT": [course.split_case], "ORIGIN": [course.origin_case]}
    several = {"MERGED": course.merged_cases, "RETALIATION": course.linked_cases}
    return {
        case_id: relation for relation in RELATION for case_id in (named | several)[relation] if case_id is not None
    }


async def related(visit: Visit, view: CaseView) -> list[tuple[str, CaseSummary]]:
    """Those of them that this officer may see: of the others the page does not tell that there are any."""
    found = belonging(view)
    if not found:
        return []
    return [(found[item.case_id], item) for item in await visit.uses.casebook.related(visit.who, list(found))]


def may_double(view: CaseView) -> bool:
    """Whether it is still asked if the case doubles another: while it may be joined."""
    return view.stage in RULE[Act.MERGE].stages


def joining(view: CaseView) -> LegalAct | None:
    """The act that joins the case to another, where the officer may do it now."""
    return next((legal for legal in view.legal_acts if legal.act is Act.MERGE), None)


@router.get(HOME + "/cases/{case_id}/duplicates")
async def duplicates(visit: Officer, case_id: UUID) -> Response:
    """What may be about the same matter, and why; part of the case page, or a page of its own.

    Raises Refused NOT_FOUND, or NO_GRANT when the officer's unit does not have the case in hand.
    """
    view = await visit.uses.casebook.view(visit.who, case_id)
    found = await visit.uses.searching.find(visit.who, case_id, _DAYS)
    if visit.fragment:
        return visit.part("_duplicates.html", case=view, found=found, joining=joining(view), within=True)
    return await visit.page("duplicates.html", case=view, found=found, joining=joining(view), within=False)
