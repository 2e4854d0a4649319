"""What officers are shown of a case: models, and how they are made from rows. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.cases import OUTCOME_ZH, Deadline, DocumentRef, Outcome, UnitRef
from contracts.course import Course
from contracts.lifecycle import (
    RECUSALS,
    SILENT_CLOCKS,
    Act,
    HandoverKind,
    Party,
    Purpose,
    Role,
    Stage,
    Supervision,
    TaskKind,
)
from contracts.messages import CaseFacts, RunningClock
from contracts.reference import categories, disposals, grounds, suspensions
from contracts.terms import ACT_ZH, KIND_ZH, STAGE_ZH, SUPERVISION_ZH
from services.referrals.deadlines import wording
from services.referrals.permissions import DECIDING, Officer, legal_acts
from services.referrals.repository.cases import CaseRow, Step, TaskRow

Lamp = Literal["NORMAL", "DUE_SOON", "OVERDUE"]
_ORDER: tuple[Lamp, ...] = ("NORMAL", "DUE_SOON", "OVERDUE")
_UNTOLD = Act.REISSUE_CODE
"""In histories of earlier versions: it said whether somebody's name was the reporter's."""


class ClockView(BaseModel):
    """A running clock. ``due`` says the deadline in words, with a mark when it is provisional; the lamp is derived from
    business time when it is read."""

    purpose: Purpose
    clock_id: str
    article: str
    started_at: datetime
    due_at: datetime
    due_soon_at: datetime
    due: str
    lamp: Lamp
    suspended: bool
    provisional: bool
    calendar_version: str


class TaskView(BaseModel):
    """The open task. ``mine`` when the caller has claimed it."""

    kind: TaskKind
    unit_id: str
    role: Role
    assignee: str | None
    mine: bool
    opened_sequence: int
    opened_at: datetime
    due_at: datetime | None
    due: str | None
    provisional: bool


class TextView(BaseModel):
    """A text that an officer wrote; ``text`` is empty for those who don't have the case in hand."""

    document_id: UUID
    sha256: str
    text: str | None


class StepView(BaseModel):
    """One step of the case: who by unit and role, what, when (business time)."""

    sequence: int
    act: Act
    act_name: str
    at: datetime
    recorded_at: datetime
    party: Party
    unit_id: str | None
    unit_name: str | None
    roles: list[Role]
    from_stage: Stage
    to_stage: Stage
    to_stage_name: str
    desk: UnitRef
    holder: UnitRef | None
    reason_code: str | None
    ground: str | None
    ground_name: str | None
    papers: list[str]
    note: TextView | None
    public_reply: TextView | None
    outcome: Outcome | None
    satisfaction: int | None
    due_at: datetime | None
    due: str | None
    due_before: str | None
    provisional: bool
    hash: str


class GrantView(BaseModel):
    """Who was let read the complaint's text, and what for."""

    grant_id: UUID
    account_id: str
    unit_id: str
    purpose: str
    fields: list[str]
    at: datetime


class LegalAct(BaseModel):
    """An act that the caller may do now, with the fields it needs and those it may take."""

    act: Act
    name: str
    needs: list[str]
    may: list[str]


class CaseSummary(BaseModel):
    """A case as queues list it."""

    case_id: UUID
    case_number: str
    facts: CaseFacts
    category_name: str
    stage: Stage
    stage_name: str
    sequence: int
    desk: UnitRef
    holder: UnitRef | None
    task: TaskView | None
    clocks: list[ClockView]
    lamp: Lamp
    urgent: bool
    major: bool
    restricted: bool
    linked: bool
    redo_count: int
    outcome: Outcome | None
    outcome_name: str | None
    satisfaction: int | None
    updated_at: datetime


class SupportView(BaseModel):
    """A helping unit (协办), and its answer for those who have the case in hand."""

    unit: UnitRef
    answer: TextView | None


class RequestView(BaseModel):
    """What waits for the leader's yes."""

    act: Act
    act_name: str
    purpose: Purpose | None
    amount: float | None
    unit: UnitRef | None
    approved: bool
    unverified: bool


class MajorView(BaseModel):
    """The mark of a major clue, and whether and to whom it was reported upward."""

    ground: str
    ground_name: str | None
    reported: bool
    superior: UnitRef | None


class CourseView(BaseModel):
    """How the case has been handed on. Cases that belong to it are named to those alone who see them."""

    kind: HandoverKind | None
    kind_name: str | None
    basis: str | None
    ground: str | None
    ground_name: str | None
    bounces: int
    designated: bool
    arbiter: UnitRef | None
    receiver: UnitRef | None
    received: bool
    papers: list[str]
    disposal: str | None
    disposal_name: str | None
    supports: list[SupportView]
    request: RequestView | None
    supervision: Supervision
    supervision_name: str
    urgent: bool
    major: MajorView | None
    restricted: bool
    extract: TextView | None
    main_case: UUID | None
    merged_cases: list[UUID]
    split_case: UUID | None
    origin_case: UUID | None
    linked_cases: list[UUID]


class CaseView(CaseSummary):
    """A case with its timeline and what the caller may do now."""

    course: CourseView
    respondent_units: list[str]
    timeline: list[StepView]
    grants: list[GrantView]
    legal_acts: list[LegalAct]
    business_time: datetime


def clock_view(clock: RunningClock, now: datetime) -> ClockView:
    """A clock with its lamp (NORMAL, DUE_SOON, OVERDUE) at business time ``now``."""
    deadline = clock.deadline
    lamp: Lamp = "OVERDUE" if now >= deadline.due_at else "DUE_SOON" if now >= deadline.due_soon_at else "NORMAL"
    if clock.suspended or deadline.purpose in SILENT_CLOCKS:
        lamp = "NORMAL"  # it stands still, or is a window that closes and no duty
    due = "中止计时" if clock.suspended else _due(deadline)
    return ClockView(**deadline.model_dump(), due=due, lamp=lamp, suspended=clock.suspended)


def _due(deadline: Deadline) -> str:
    return wording(deadline.due_at, provisional=deadline.provisional)


def _task_view(task: TaskRow, clocks: Sequence[RunningClock], account_id: str) -> TaskView:
    provisional = any(clock.deadline.provisional for clock in clocks if clock.deadline.due_at == task.due_at)
    return TaskView(
        kind=task.kind,
        unit_id=task.unit_id,
        role=task.role,
        assignee=task.assignee,
        mine=task.assignee == account_id,
        opened_sequence=task.opened_sequence,
        opened_at=task.opened_at,
        due_at=task.due_at,
        due=wording(task.due_at, provisional=provisional) if task.due_at else None,
        provisional=provisional,
    )


def _common(case: CaseRow, account_id: str, now: datetime) -> dict[str, Any]:
    clocks = [clock_view(clock, now) for clock in case.clocks]
    category = categories().get(case.facts.category)
    return {
        "case_id": case.facts.case_id,
        "case_number": case.facts.case_number,
        "facts": case.facts,
        "category_name": category.name_zh if category else case.facts.category,
        "stage": case.stage,
        "stage_name": STAGE_ZH[case.stage],
        "sequence": case.sequence,
        "desk": case.desk,
        "holder": case.holder,
        "task": _task_view(case.task, case.clocks, account_id) if case.task else None,
        "clocks": clocks,
        "lamp": max((clock.lamp for clock in clocks), key=_ORDER.index, default="NORMAL"),
        "urgent": case.course.urgent,
        "major": case.course.major is not None,
        "restricted": case.course.restricted,
        "linked": case.linked,
        "redo_count": case.redo_count,
        "outcome": case.outcome,
        "outcome_name": OUTCOME_ZH[case.outcome] if case.outcome else None,
        "satisfaction": case.satisfaction,
        "updated_at": case.updated_at,
    }


def summary(case: CaseRow, account_id: str, now: datetime) -> CaseSummary:
    """A row of a queue."""
    return CaseSummary(**_common(case, account_id, now))


def _course(course: Course, texts: Mapping[UUID, str], seen: Collection[UUID], *, restricted: bool) -> CourseView:
    request, disposal = course.request, disposals().get(course.disposal or "")

    def shown(case_id: UUID | None) -> UUID | None:
        return case_id if case_id in seen else None

    return CourseView(
        **course.model_dump(
            include={"kind", "basis", "ground", "bounces", "designated", "received", "disposal", "urgent", "restricted"}
        ),
        kind_name=KIND_ZH[course.kind] if course.kind else None,
        ground_name=ground_name(course.ground),
        major=MajorView(**dict(course.major), ground_name=ground_name(course.major.ground)) if course.major else None,
        arbiter=course.arbiter,
        receiver=course.receiver,
        papers=list(course.papers),
        disposal_name=disposal.name_zh if disposal else None,
        supports=[SupportView(unit=found.unit, answer=_text(found.document, texts)) for found in course.supports],
        request=RequestView(**dict(request), act_name=ACT_ZH[request.act], unverified=course.unverified())
        if request
        else None,
        supervision=course.supervision,
        supervision_name=SUPERVISION_ZH[course.supervision],
        extract=_text(course.extract, texts),
        main_case=shown(course.main_case),
        merged_cases=[case_id for case_id in course.merged_cases if case_id in seen],
        split_case=shown(course.split_case),
        origin_case=shown(course.origin_case),
        linked_cases=list(course.linked_cases) if restricted else [],
    )


def ground_name(code: str | None) -> str | None:
    """A legal ground with its article, or a ground of suspension, in Chinese; None for a code of no table."""
    ground, standstill = grounds().get(code or ""), suspensions().get(code or "")
    return ground.text() if ground else standstill.name_zh if standstill else None


def _text(document: DocumentRef | None, texts: Mapping[UUID, str]) -> TextView | None:
    return TextView(**document.model_dump(), text=texts.get(document.document_id)) if document else None


def _step(step: Step, texts: Mapping[UUID, str], officer: Officer) -> StepView:
    done = step.step
    told = done.act not in RECUSALS or bool(officer.roles & DECIDING)
    reply = done.public_document if done.act is Act.REPLY else None
    return StepView(
        sequence=done.sequence,
        act=done.act,
        act_name=ACT_ZH[done.act],
        at=done.at,
        recorded_at=step.recorded_at,
        party=done.actor.party,
        unit_id=done.actor.unit_id,
        unit_name=step.unit_name,
        roles=list(done.actor.roles),
        from_stage=done.from_stage,
        to_stage=done.to_stage,
        to_stage_name=STAGE_ZH[done.to_stage],
        desk=done.desk,
        holder=done.holder,
        reason_code=done.reason_code if told else None,
        ground=done.ground,
        ground_name=ground_name(done.ground),
        papers=list(done.course.papers) if done.act is Act.REFER else [],
        note=_text(done.note, texts) if told else None,
        public_reply=_text(reply, texts),
        outcome=done.outcome if done.act is Act.REPLY else None,
        satisfaction=done.satisfaction if done.act in (Act.RATE, Act.RECORD_VISIT) else None,
        due_at=done.deadline.due_at if done.deadline else None,
        due=_due(done.deadline) if done.deadline else None,
        due_before=_due(done.deadline_before) if done.deadline_before else None,
        provisional=done.deadline.provisional if done.deadline else False,
        hash=step.hash,
    )


def view(
    case: CaseRow,
    *,
    steps: Sequence[Step],
    texts: Mapping[UUID, str],
    grants: Sequence[Mapping[str, Any]],
    respondents: Sequence[str],
    officer: Officer,
    now: datetime,
    seen: Collection[UUID] = (),
    restricted: bool = False,
) -> CaseView:
    """The case page of an officer at business time ``now``; ``texts`` by document id, those the officer may read.

    ``seen``: which of the cases that belong to it the officer sees; ``restricted``: of a restricted desk.
    """
    return CaseView(
        **_common(case, officer.account_id, now),
        course=_course(case.course, texts, seen, restricted=restricted),
        respondent_units=list(respondents),
        timeline=[_step(step, texts, officer) for step in steps if step.step.act is not _UNTOLD],
        grants=[GrantView(**grant) for grant in grants],
        legal_acts=[LegalAct(**act) for act in legal_acts(officer, case)],
        business_time=now,
    )
