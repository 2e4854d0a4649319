"""Reporters' requests about their own data on the workbench: listed by date, answered with ground and reason."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from contracts.rights import ARTICLE, Ground
from services.chassis.problems import Problem
from services.chassis.web.forms import form_of
from services.referrals.deadlines import wording
from services.referrals.web.session import HOME, Officer

router = APIRouter(include_in_schema=False)
_LIMIT = 16_384


@router.get(f"{HOME}/rights")
async def waiting(visit: Officer, after: UUID | None = None) -> Response:
    """A page of what waits for this officer."""
    items, following = await visit.uses.rights.waiting(visit.who, after)
    by = {
        item.request.request_id: wording(item.request.due_at, language=visit.words.lang)
        for item in items
        if item.request.due_at is not None
    }
    return await visit.page(
        "rights.html", items=items, by=by, following=following, grounds=list(Ground), articles=ARTICLE
    )


@router.post(f"{HOME}/rights/{{request_id}}")
async def answer(visit: Officer, request_id: UUID) -> Response:
    """Answered: back to the list."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        verdict, ground, text = (str(form.get(name, "")).strip() for name in ("verdict", "ground", "text"))
    if verdict not in ("yes", "no") or (verdict == "no" and ground not in set(Ground)) or not 0 < len(text) <= 2000:
        raise Problem(
            422,
            "answer",
            "请写明答复；不同意时还须选择依据。",
            "Write the answer, and choose the ground of a no.",
        )
    why = Ground(ground) if verdict == "no" else None
    await visit.uses.rights.answer(visit.who, request_id, granted=why is None, ground=why, text=text)
    return visit.go(f"{HOME}/rights")
