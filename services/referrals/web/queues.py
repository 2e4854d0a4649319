"""The officer's lists: mine, my unit's, cases by number or stage."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.lifecycle import DUTY, Role, Stage, TaskKind
from services.referrals.api.common import decode_cursor, encode_cursor
from services.referrals.refusals import Refused
from services.referrals.service.administering import KEEPERS
from services.referrals.service.watching import Queues
from services.referrals.views import CaseSummary
from services.referrals.web.session import ACCOUNTS, AUDIT, HOME, Officer, Visit

router = APIRouter(include_in_schema=False)

ROWS = 30
After = Annotated[str | None, Query(max_length=300)]


@dataclass(frozen=True)
class Filter:
    """What of a queue is shown. ``since``: business time at which the page was opened."""

    mine: bool
    kind: TaskKind | None = None
    stage: Stage | None = None
    since: datetime | None = None

    def url(self, **changes: object) -> str:
        """The address of this list, changed."""
        asked = {"kind": self.kind, "stage": self.stage, **changes}
        query = urlencode({name: value for name, value in asked.items() if value})
        path = f"{HOME}/mine" if asked.pop("mine", self.mine) else f"{HOME}/unit"
        return f"{path}?{query}" if query else path


@router.get(HOME)
async def home(visit: Officer) -> Response:
    """The first page: what is mine, and when there is nothing, my unit's; what administrators work on."""
    if visit.who.account.roles & KEEPERS:
        return visit.go(ACCOUNTS)
    if Role.AUDIT_ADMIN in visit.who.account.roles:
        return visit.go(AUDIT)
    queues = await visit.uses.watching.queues(visit.who)
    return visit.go(f"{HOME}/mine" if any(count.mine for count in queues.kinds) else f"{HOME}/unit")


@router.get(f"{HOME}/mine")
async def mine(
    visit: Officer,
    kind: TaskKind | None = None,
    stage: Stage | None = None,
    after: After = None,
    since: datetime | None = None,
) -> Response:
    """Tasks that I have claimed."""
    return await _queue(visit, Filter(True, kind, stage, since), after)


@router.get(f"{HOME}/unit")
async def unit(
    visit: Officer,
    kind: TaskKind | None = None,
    stage: Stage | None = None,
    after: After = None,
    since: datetime | None = None,
) -> Response:
    """Open tasks of my unit."""
    return await _queue(visit, Filter(False, kind, stage, since), after)


async def _queue(visit: Visit, wanted: Filter, after: str | None) -> Response:
    queues = await visit.uses.watching.queues(visit.who, wanted.since)
    items, following = await visit.uses.casebook.queue(
        visit.who, ROWS, decode_cursor(after), mine=wanted.mine, kind=wanted.kind, stage=wanted.stage
    )
    return await visit.page(
        "queue.html",
        wanted=wanted,
        queues=queues,
        kinds=_kinds(queues, mine=wanted.mine),
        stages=[stage for stage in DUTY if wanted.kind is None or DUTY[stage].kind is wanted.kind],
        items=items,
        waits=await visit.uses.openings.waiting(visit.who),
        since=wanted.since or queues.business_time,
        fresh=sum(count.fresh for count in queues.kinds),
        total=sum(count.mine if wanted.mine else count.unit for count in queues.kinds),
        here=wanted.url(after=after),
        next=wanted.url(after=encode_cursor(following)) if following else None,
        first=after is None,
        claimable={item.case_id: uuid4() for item in items if _may_claim(visit, item)},
    )


def _kinds(queues: Queues, *, mine: bool) -> list[tuple[TaskKind, int]]:
    """Kinds of task with their numbers, in the order of a case's life."""
    counts = {count.kind: count.mine if mine else count.unit for count in queues.kinds}
    return [(kind, counts[kind]) for kind in TaskKind if counts.get(kind)]


def _may_claim(visit: Visit, item: CaseSummary) -> bool:
    task, officer = item.task, visit.who.officer
    return task is not None and task.assignee is None and task.unit_id == officer.unit_id and task.role in officer.roles


@router.get(f"{HOME}/search")
async def search(
    visit: Officer, number: Annotated[str, Query(max_length=80)] = "", stage: str = "", after: UUID | None = None
) -> Response:
    """Cases that I may see: of a number, or all of them by stage. A number with one case leads straight to it."""
    number = number.strip()
    chosen = _stage(stage)
    following: UUID | None = None
    if number:
        items = await visit.uses.casebook.by_number(visit.who, number)
        if len(items) == 1:
            return visit.go(f"{HOME}/cases/{items[0].case_id}")
    else:
        items, following = await visit.uses.casebook.visible(visit.who, ROWS, after, chosen)
    asked = urlencode({"stage": chosen or "", "after": following or ""})
    return await visit.page(
        "search.html",
        number=number,
        stage=chosen,
        stages=list(Stage),
        items=items,
        first=after is None,
        next=f"{HOME}/search?{asked}" if following else None,
    )


def _stage(code: str) -> Stage | None:
    if not code:
        return None
    try:
        return Stage(code)
    except ValueError as error:
        raise Refused("NOT_FOUND") from error
