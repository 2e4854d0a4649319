"""Looking at cases: queues, the case page, possible routes, grants to read, counts."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from contracts.lifecycle import Act, HandoverKind, Purpose, Stage, TaskKind, Track
from contracts.model import Code
from contracts.terms import KIND_ZH, STAGE_ZH
from services.referrals.api.common import Caller, Uses, decode_cursor, encode_cursor
from services.referrals.domain import UnitKind
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.foreseeing import Preview
from services.referrals.views import CaseSummary, CaseView

router = APIRouter(prefix="/v1", tags=["cases"])

Limit = Annotated[int, Query(ge=1, le=200, description="Rows of a page")]
After = Annotated[str | None, Query(max_length=300, description="`next` of the page before")]
Kind = Annotated[TaskKind | None, Query(description="Only this kind of task")]
InStage = Annotated[Stage | None, Query(description="Only cases in this stage")]


class CasePage(BaseModel):
    """A page of cases. `next` is null at the end."""

    items: list[CaseSummary]
    next: str | None = None


@router.get(
    "/queues/mine", response_model=CasePage, summary="Tasks that I have claimed, urgent cases first, then by due time"
)
async def my_queue(
    uses: Uses, who: Caller, kind: Kind = None, stage: InStage = None, limit: Limit = 50, after: After = None
) -> CasePage:
    """A case has a row for each of its tasks. Tasks without a deadline come last."""
    items, following = await uses.casebook.queue(who, limit, decode_cursor(after), mine=True, kind=kind, stage=stage)
    return CasePage(items=items, next=encode_cursor(following))


@router.get(
    "/queues/unit", response_model=CasePage, summary="Open tasks of my unit, urgent cases first, then by due time"
)
async def unit_queue(
    uses: Uses, who: Caller, kind: Kind = None, stage: InStage = None, limit: Limit = 50, after: After = None
) -> CasePage:
    """Claimed ones too: `task.assignee` says by whom."""
    items, following = await uses.casebook.queue(who, limit, decode_cursor(after), mine=False, kind=kind, stage=stage)
    return CasePage(items=items, next=encode_cursor(following))


@router.get("/cases", response_model=CasePage, summary="Cases that I may see, by id or of a case number")
async def list_cases(
    uses: Uses,
    who: Caller,
    case_number: Annotated[str | None, Query(max_length=80)] = None,
    stage: InStage = None,
    limit: Limit = 50,
    after: After = None,
) -> CasePage:
    """A number of several cases (split complaints) gives them all, without pages."""
    if case_number is not None:
        return CasePage(items=await uses.casebook.by_number(who, case_number))
    try:
        place = UUID(after) if after is not None else None
    except ValueError as error:
        raise Refused("BAD_CURSOR") from error
    items, following = await uses.casebook.visible(who, limit, place, stage)
    return CasePage(items=items, next=str(following) if following else None)


@router.get("/cases/{case_id}", response_model=CaseView, summary="The case page")
async def show_case(uses: Uses, who: Caller, case_id: UUID) -> CaseView:
    """404 alike for a case that does not exist and one that is not yours to see."""
    return await uses.casebook.view(who, case_id)


class RouteRefusal(BaseModel):
    """Why a unit may not receive the case."""

    code: str
    zh: str
    en: str


class PermittedKind(BaseModel):
    """A kind of hand-over that the transfer matrix permits; with `leader_approval` a leader says yes first."""

    kind: HandoverKind
    name: str
    leader_approval: bool
    condition: str


class Route(BaseModel):
    """A unit as receiver of the case; `refusal` is null when it may, `kinds` are empty where the matrix has no say."""

    unit_id: str
    name: str
    kind: UnitKind
    department: str | None
    region: str
    on_system: bool
    kinds: list[PermittedKind]
    refusal: RouteRefusal | None


class Routes(BaseModel):
    """Best first; refused ones at the end, with why."""

    items: list[Route]


@router.get("/cases/{case_id}/routes", response_model=Routes, summary="Where the case may go")
async def routes(
    uses: Uses,
    who: Caller,
    case_id: UUID,
    to_desk: Annotated[bool, Query(description="Desks of other jurisdictions instead of competent units")] = False,
    act: Annotated[Act | None, Query(description="The act that it is for: names the kinds that are permitted")] = None,
) -> Routes:
    """By category, place, the transfer matrix and whom the case accuses."""
    found = await uses.casebook.routes(who, case_id, to_desk=to_desk, act=act)
    return Routes(
        items=[
            Route(
                unit_id=item.unit.unit_id,
                name=item.unit.name,
                kind=item.unit.kind,
                department=item.unit.department,
                region=item.unit.region,
                on_system=item.unit.on_system,
                kinds=[
                    PermittedKind(
                        kind=permit.kind,
                        name=KIND_ZH[permit.kind],
                        leader_approval=permit.leader_approval,
                        condition=permit.condition,
                    )
                    for permit in item.permits
                ],
                refusal=RouteRefusal(
                    code=item.refusal.value, zh=TEXTS[item.refusal.value].zh, en=TEXTS[item.refusal.value].en
                )
                if item.refusal
                else None,
            )
            for item in found
        ]
    )


class ClockEffectView(BaseModel):
    """A clock before and after; `fate` is CARRY, RESTART, STOP, START for one that begins; of one that
    stands still SUSPENDED, or RESUME where its ground ends with the hand-over."""

    purpose: Purpose
    fate: str
    clock_id: str
    article: str
    due_before: datetime | None
    due_after: datetime | None


class HandoverView(BaseModel):
    """What a hand-over would do."""

    kind: HandoverKind | None
    kind_name: str | None
    clocks: list[ClockEffectView]


@router.get("/cases/{case_id}/handover", response_model=HandoverView, summary="What a hand-over would do to the clocks")
async def handover(
    uses: Uses, who: Caller, case_id: UUID, act: Act, unit_id: Code, kind: HandoverKind | None = None
) -> HandoverView:
    """Before it is sent. Refused as the act itself would be: 409 or 422 with the reason."""
    found = await uses.casebook.preview(who, case_id, Preview(act, unit_id, kind))
    clocks = [
        ClockEffectView(
            purpose=clock.purpose,
            fate=clock.fate,
            clock_id=shown.clock_id,
            article=shown.article,
            due_before=clock.before.due_at if clock.before else None,
            due_after=clock.after.due_at if clock.after else None,
        )
        for clock in found.clocks
        if (shown := clock.after or clock.before) is not None
    ]
    name = KIND_ZH[found.kind] if found.kind else None
    return HandoverView(kind=found.kind, kind_name=name, clocks=clocks)


class GrantRequest(BaseModel):
    """What the text is to be read for: a word of identifier form, e.g. `TRIAGE` or `HANDLE`."""

    purpose: Code


class GrantAnswer(BaseModel):
    """Send `grant` as `Authorization: Bearer` to `url` by POST, once, within `expires_in` seconds."""

    grant: str
    expires_in: int
    url: str


@router.post(
    "/cases/{case_id}/grants", response_model=GrantAnswer, status_code=201, summary="May I read the complaint's text"
)
async def grant(uses: Uses, who: Caller, case_id: UUID, body: GrantRequest) -> GrantAnswer:
    """For the case's desk and its holder. The grant is put on record before it is given."""
    given = await uses.casebook.grant(who, case_id, body.purpose)
    return GrantAnswer(grant=given.grant, expires_in=given.expires_in, url=given.url)


class StageCount(BaseModel):
    """How many cases are in a stage."""

    stage: Stage
    stage_name: str
    track: Track
    cases: int = Field(ge=0)


class Stats(BaseModel):
    """Counts of the cases that the caller may see."""

    by_stage: list[StageCount]


@router.get("/stats", response_model=Stats, summary="Cases by stage and track")
async def stats(uses: Uses, who: Caller) -> Stats:
    """Of the cases that the caller may see."""
    return Stats(
        by_stage=[
            StageCount(stage_name=STAGE_ZH[Stage(str(row["stage"]))], **row) for row in await uses.casebook.counts(who)
        ]
    )
