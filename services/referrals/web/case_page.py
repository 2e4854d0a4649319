"""One case: where it stands, its clocks and timeline, its texts by grant, and the acts that are legal now."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from contracts.lifecycle import Act, TaskKind
from services.chassis.problems import Problem
from services.chassis.web.forms import form_of
from services.referrals.refusals import Refused
from services.referrals.service.identity import Identity
from services.referrals.service.reading import SAVED
from services.referrals.views import CaseView
from services.referrals.web.identity_view import identity_of
from services.referrals.web.kin import may_double, related
from services.referrals.web.papers import papers_of
from services.referrals.web.session import HOME, Officer, Visit
from services.referrals.web.timeline import timeline
from services.referrals.web.words import READING, USUAL

router = APIRouter(include_in_schema=False)

_LIMIT = 4096
_CASE = HOME + "/cases/{case_id}"


def place(who: Identity, view: CaseView) -> str:
    """What the officer's unit is to the case: HAS a part in it now, HAD one, was TOLD of it, or WATCHES from above."""
    unit, course = who.account.unit_id, view.course
    now = (view.desk, view.holder, course.arbiter, course.receiver, *(support.unit for support in course.supports))
    if unit in {ref.unit_id for ref in now if ref is not None}:
        return "HAS"
    if course.major is not None and course.major.superior is not None and course.major.superior.unit_id == unit:
        return "TOLD"
    had = any(
        unit in (step.desk.unit_id, step.holder.unit_id if step.holder else None)
        or (step.act is Act.DESIGNATE and step.unit_id == unit)
        for step in view.timeline
    )
    return "HAD" if had else "WATCHES"


async def case_page(visit: Visit, view: CaseView, status: int = 200, **context: object) -> Response:
    """The page of a case that the officer may see."""
    standing = place(visit.who, view)
    return await visit.page(
        "case.html",
        status,
        **{
            "case": view,
            "place": standing,
            "items": timeline(view.timeline, visit.words),
            "units": await visit.uses.casebook.units_of(
                {*view.respondent_units, *(grant.unit_id for grant in view.grants)}
            ),
            "related": await related(visit, view),
            "may_double": may_double(view),
            "acts": sorted(
                (legal for legal in view.legal_acts if legal.act is not Act.RECUSE),
                key=lambda legal: legal.act not in USUAL,
            ),
            "may_recuse": any(legal.act is Act.RECUSE for legal in view.legal_acts),
            "usual": USUAL,
            "purposes": list(READING),
            "purpose": _purpose(view),
            "claim_key": uuid4(),
            "texts": None,
            "masked": True,
            "done": None,
            "panel": None,
            "papers": await papers_of(visit, view),
            "identity": await identity_of(visit, view),
            "revealed": None,
            **context,
        },
    )


def _purpose(view: CaseView) -> str:
    kind = view.task.kind if view.task else None
    return kind.value if kind is not None and kind.value in READING else TaskKind.HANDLE.value


@router.get(_CASE)
async def show(visit: Officer, case_id: UUID) -> Response:
    """404 alike for a case that does not exist and one that is not the officer's to see."""
    view = await visit.uses.casebook.view(visit.who, case_id)
    done = visit.just_done()
    return visit.said(await case_page(visit, view, done=done if done in set(Act) else None))


@router.get(f"{_CASE}/news")
async def news(visit: Officer, case_id: UUID, seen: Annotated[int, Query(ge=0)]) -> Response:
    """What happened to the case since the step that the open page shows."""
    queues = await visit.uses.watching.queues(visit.who)
    try:
        view = await visit.uses.casebook.view(visit.who, case_id)
    except Refused:
        return visit.part("_case_news.html", queues=queues, gone=True, items=[], case_id=case_id)
    items = [item for item in timeline(view.timeline, visit.words) if item.sequence > seen]
    return visit.part("_case_news.html", queues=queues, gone=False, items=items, case_id=case_id)


@router.get(f"{_CASE}/clocks")
async def clocks(visit: Officer, case_id: UUID) -> Response:
    """Every running clock, counted step by step."""
    view = await visit.uses.casebook.view(visit.who, case_id)
    found = await visit.uses.casebook.clocks(visit.who, case_id, visit.words.lang)
    return await visit.page("clocks.html", case=view, clocks=found.items)


@router.post(f"{_CASE}/texts")
async def texts(visit: Officer, case_id: UUID) -> Response:
    """What the reporter wrote: shown once, and who read it is on record first. Without numbers and own names, unless
    those are asked for, which is on record by itself."""
    purpose, whole = await _asked(visit)
    found = await visit.uses.reading.texts(visit.who, case_id, purpose, masked=not whole)
    shown: dict[str, Any] = {"texts": found, "purpose": purpose, "masked": not whole}
    if visit.fragment:
        return visit.part("_texts.html", **shown, case_id=case_id)
    return await case_page(visit, await visit.uses.casebook.view(visit.who, case_id), **shown)


@router.post(f"{_CASE}/evidence/{{evidence_id}}")
async def evidence(visit: Officer, case_id: UUID, evidence_id: UUID) -> Response:
    """A file that the reporter sent, to be saved; on record like the text."""
    purpose, _ = await _asked(visit)
    file = await visit.uses.reading.file(visit.who, case_id, evidence_id, purpose, visit.words.lang)
    return StreamingResponse(file.content, 200, {**file.headers, **SAVED}, "application/octet-stream")


@router.post(f"{_CASE}/evidence/{{evidence_id}}/original")
async def original(visit: Officer, case_id: UUID, evidence_id: UUID) -> Response:
    """The file as it came, while the reporter's identity is open to this officer."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
    uses = visit.uses
    file = await uses.reading.original(visit.who, case_id, evidence_id, uses.openings, visit.words.lang)
    return StreamingResponse(file.content, 200, {**file.headers, **SAVED}, "application/octet-stream")


async def _asked(visit: Visit) -> tuple[str, bool]:
    """What a text is read for, and whether numbers and own names are to be shown."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        purpose, whole = str(form.get("purpose", "")), form.get("whole") == "yes"
    if purpose not in READING:
        raise Problem(422, "purpose", "请选择查阅目的。", "Choose what you read the text for.")
    return purpose, whole
