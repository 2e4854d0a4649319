"""What the case workflow asks for: where a case may go, its deadlines, and the record of each step with its event."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from contracts import judge
from contracts.cases import CaseTransitioned, Deadline, DocumentRef, UnitRef, WorkingMoment
from contracts.clock import BusinessClock
from contracts.lifecycle import ENDED, LADDER, RECUSALS, REPORTERS_CLOCKS, TOLD_TO_REPORTER, Act, Stage, Track
from contracts.messages import (
    ArbiterRequest,
    BypassRequest,
    ClockChange,
    ClockRequest,
    ClockVerdict,
    LinkCheck,
    LinkVerdict,
    MergeCheck,
    Recorded,
    RouteCheck,
    RouteRequest,
    RouteVerdict,
    RunningClock,
    Transition,
)
from contracts.topics import CASES
from services.chassis import metrics
from services.chassis.clock import read_clock
from services.chassis.db import SYSTEM, Database
from services.chassis.outbox import outgoing
from services.referrals import domain, verdicts
from services.referrals.counting import Calendar
from services.referrals.repository import cases, history, recounts, units
from services.referrals.repository.calendars import CalendarSight
from services.referrals.service import clocks, escalating
from services.referrals.service.reminding import REMINDERS, remind_at
from services.referrals.service.texts import Texts


class NoDesk(Exception):
    """Nobody serves the region yet. The case waits until an administrator sets a desk up."""


class Conflict(Exception):
    """The step's place is taken by another content, or steps before it are missing."""


@dataclass(frozen=True)
class Steps:
    """The service's side of the case workflow."""

    db: Database
    calendar: Calendar
    texts: Texts
    sight: CalendarSight = field(init=False)

    def __post_init__(self) -> None:
        """Imported days lie above the given calendar."""
        object.__setattr__(self, "sight", CalendarSight(self.calendar))

    async def route_intake(self, request: RouteRequest) -> RouteVerdict:
        """The desk that registers the case, for a report none that it accuses; raises NoDesk."""
        async with self.db.read(SYSTEM) as session:
            found = await units.desks(session, request.track, request.region)
        barred = request.respondent_units if request.track is Track.INTEGRITY else ()
        innocent = [unit for unit in found if not domain.accused(unit, barred)]
        desk = domain.desk_for(request.track, request.region, innocent)
        if desk is None:
            raise NoDesk
        return RouteVerdict(unit=desk.ref())

    async def check_route(self, check: RouteCheck) -> RouteVerdict:
        """Whether the unit may receive the case, by which kind of hand-over, and what that does to its clocks."""
        async with self.db.read(SYSTEM) as session:
            found = await units.known(session, [check.unit_id, check.from_unit])
        return verdicts.route(check, found)

    async def check_respondents(self, check: LinkCheck) -> LinkVerdict:
        """Whether these units can be linked to the case, and who with a part in it is accused then."""
        async with self.db.read(SYSTEM) as session:
            case = await cases.get(session, check.case_id)
            seats = [unit_id for unit_id in (case.desk.unit_id if case else None, check.holder_id) if unit_id]
            found = await units.known(session, [*check.unit_ids, *seats, *check.other_ids])
        if case is None:
            return LinkVerdict(refusal=domain.Refusal.UNKNOWN_UNIT.value)
        return verdicts.link(check, case.desk.unit_id, judge.guarded(case), found)

    async def find_arbiter(self, request: ArbiterRequest) -> RouteVerdict:
        """Who designates when these units have returned the case."""
        async with self.db.read(SYSTEM) as session:
            every = await units.everything(session)
        return verdicts.arbiter(request, every)

    async def find_bypass(self, request: BypassRequest) -> RouteVerdict:
        """The restricted desk above, which takes what concerns the desk's own house or its superior."""
        async with self.db.read(SYSTEM) as session:
            every = await units.everything(session)
        return verdicts.bypass(request, every)

    async def check_merge(self, check: MergeCheck) -> RouteVerdict:
        """Whether the case may be joined to the main one, or taken back to the rest that it was split off from."""
        async with self.db.read(SYSTEM) as session:
            main, own = await cases.get(session, check.main_case_id), await cases.get(session, check.case_id)
            split_here = await history.was_split(session, check.main_case_id, check.desk_id)
        triaged = own is not None and own.stage is Stage.TRIAGE
        return verdicts.merge(check, main, split_here=split_here, triaged=triaged)

    async def change_clock(self, change: ClockChange) -> ClockVerdict:
        """A clock after a suspension, resumption or extension, or why its rule does not allow it."""
        async with self.db.read(SYSTEM) as session:
            calendar = await self.sight.now(session)
        return clocks.changed(change, calendar)

    async def set_clocks(self, requests: list[ClockRequest]) -> list[Deadline]:
        """The deadline of record of each clock, in the order asked."""
        wanted = [request.unit_id for request in requests if request.unit_id]
        async with self.db.read(SYSTEM) as session:
            found = await units.known(session, wanted)
            calendar = await self.sight.now(session)
        return [clocks.deadline(request, found.get(request.unit_id or ""), calendar) for request in requests]

    async def recount(self, running: list[RunningClock]) -> list[Deadline]:
        """The deadlines of running clocks by the present calendar, in the order asked."""
        async with self.db.read(SYSTEM) as session:
            calendar = await self.sight.now(session)
        return [clocks.recounted(clock, calendar) for clock in running]

    async def read_clock(self) -> BusinessClock:
        """The business clock as it runs now."""
        async with self.db.read(SYSTEM) as session:
            return await read_clock(session)

    async def record(self, step: Transition) -> Recorded:
        """Write the step with its event, in one commit. The same step again is done already.

        Raises Conflict when the sequence holds another content or is not the next one.
        """
        content, case_id = history.Content.of(step), step.facts.case_id
        async with self.db.session(SYSTEM) as session:
            head = await history.head(session, case_id)
            clock, calendar = await read_clock(session), await self.sight.now(session)
            recorded = Recorded(
                sequence=step.sequence, business_clock=clock, ladders=escalating.ladders(step.clocks, calendar)
            )
            if step.sequence <= head.sequence:
                if await history.recorded(session, case_id, step.sequence) != step:
                    raise Conflict("the sequence is taken by another content")
                return recorded
            if step.sequence != head.sequence + 1:
                raise Conflict("steps before this one are missing")
            concerned = await self._told(session, step) if step.act in LADDER else None
            moments = remind_at(step, calendar, concerned or ()) if step.act in REMINDERS else ()
            before = await cases.get(session, case_id) if step.act in (Act.SUCCEED, Act.LIFT_MAJOR) else None
            had = (before.holder or before.desk) if before is not None else None
            major = before.course.major if before is not None else None
            if step.act is Act.LIFT_MAJOR and major is not None and major.superior is not None:
                concerned = (*_concerned(step), major.superior)
            recorded_at = datetime.now(UTC)
            digest = history.chained(head.hash, content.hash, recorded_at)
            news = transitioned(step, digest, moments, concerned, had)
            await history.write(
                session,
                step,
                content=content,
                previous=head.hash,
                recorded_at=recorded_at,
                publishes=history.published_document(step),
                event=outgoing(CASES, str(case_id), news, subject=str(case_id)),
            )
            await self._take_extract(session, step)
            if await self._behind(session, step):
                await recounts.ask(session, case_id)
        if step.act is Act.OVERDUE and step.deadline is not None:
            metrics.deadlines_missed_total.labels(step.deadline.clock_id).inc()
        return recorded

    async def _take_extract(self, session: AsyncSession, step: Transition) -> None:
        """A part that was split off (拆单) has the extract from its first step on: its officers read nothing else."""
        course = step.course
        if step.act is Act.REGISTER and course.extract is not None and course.origin_case is not None:
            await self.texts.copy_extract(session, course.origin_case, step.facts.case_id, course.extract)

    async def _told(self, session: AsyncSession, step: Transition) -> tuple[UnitRef, ...]:
        """Who is told of a step of the escalation ladder."""
        seats = (*escalating.responsible(step), step.desk, step.holder or step.desk)
        found = await units.known(session, [unit.unit_id for unit in seats])
        above = {unit_id for unit in found.values() for unit_id in unit.path} - found.keys()
        return escalating.told(step, {**found, **await units.known(session, above)})

    async def _behind(self, session: AsyncSession, step: Transition) -> bool:
        """Was a clock of this step counted by a calendar that an import has replaced before the step was recorded?"""
        versions = {clock.deadline.calendar_version for clock in step.clocks if clock.deadline.started_at == step.at}
        return bool(versions) and versions != {(await self.sight.now(session)).version}


def told(step: Transition, had: UnitRef | None = None) -> bool:
    """May the reporter know of the step? Of a recount when it moves a date that the reporter has to keep; of a
    succession when the unit that ``had`` the open case goes on under another name."""
    if step.act is Act.SUCCEED:
        goes_on = step.to_stage is step.from_stage and step.to_stage not in ENDED | {Stage.MERGED}
        return goes_on and had is not None and had != (step.holder or step.desk)
    if step.act is Act.REPLY:
        return step.to_stage is Stage.PENDING_VISIT  # 转送: no review stands between
    if step.act is not Act.RECOUNT or step.deadline is None or step.deadline_before is None:
        return step.act in TOLD_TO_REPORTER
    return step.deadline.purpose in REPORTERS_CLOCKS and step.deadline.due_at != step.deadline_before.due_at


def public_document(step: Transition) -> DocumentRef | None:
    """The text that a told step may name: its own, or the reply that was reviewed before."""
    if step.act in history.TELLS_NOTE:
        return step.note
    passed = step.act is Act.REVIEW_PASS or (step.act is Act.REPLY and step.to_stage is Stage.PENDING_VISIT)
    reviewed = passed or step.from_stage in (Stage.PENDING_VISIT, Stage.CLOSED)
    return step.public_document if reviewed else None


def transitioned(
    step: Transition,
    history_hash: str,
    remind_at: tuple[WorkingMoment, ...] = (),
    concerned: tuple[UnitRef, ...] | None = None,
    had: UnitRef | None = None,
) -> CaseTransitioned:
    """The event of a recorded step; ``had``: who had the case before a succession. A reply that is not reviewed yet is
    not named in it."""
    facts = step.facts
    return CaseTransitioned(
        case_id=facts.case_id,
        case_number=facts.case_number,
        complaint_ids=facts.complaint_ids,
        sequence=step.sequence,
        act=step.act,
        from_stage=step.from_stage,
        to_stage=step.to_stage,
        at=step.at,
        track=facts.track,
        channel=facts.channel,
        category=facts.category,
        region=facts.region,
        told=told(step, had),
        desk=step.desk,
        holder=step.holder,
        task=step.task.kind if step.task else None,
        task_unit=_task_unit(step),
        concerned=_concerned(step) if concerned is None else concerned,
        reason_code=None if step.act in RECUSALS else step.reason_code,
        public_document=public_document(step),
        outcome=step.outcome if public_document(step) else None,
        satisfaction=step.satisfaction,
        redo_count=step.redo_count,
        restricted=step.course.restricted,
        deadline=step.deadline,
        deadline_before=step.deadline_before,
        remind_at=remind_at,
        history_hash=history_hash,
    )


def _task_unit(step: Transition) -> UnitRef | None:
    if step.task is None or step.task.unit_id in (step.desk.unit_id, step.holder.unit_id if step.holder else None):
        return None
    others = (step.course.arbiter, step.course.receiver)
    return next((unit for unit in others if unit is not None and unit.unit_id == step.task.unit_id), None)


def _concerned(step: Transition) -> tuple[UnitRef, ...]:
    course, sender = step.course, step.holder or step.desk
    match step.act:
        case Act.ADD_SUPPORT:
            return (course.supports[-1].unit,)
        case Act.REFER if course.receiver is not None:
            return (course.receiver,)
        case Act.REPORT_MAJOR if course.major is not None and course.major.superior is not None:
            return (course.major.superior,)
        case Act.MARK_MAJOR | Act.LIFT_MAJOR:
            return (step.desk, sender)
        case (
            Act.REQUEST_EXTENSION
            | Act.GRANT_EXTENSION
            | Act.DENY_EXTENSION
            | Act.PROPOSE_REFERRAL
            | Act.VERIFY_REFERRAL
            | Act.APPROVE_REFERRAL
            | Act.DENY_REFERRAL
            | Act.SUPPORT_ANSWER
            | Act.SUPERVISE
            | Act.RECORD_RECEIPT
            | Act.RECORD_DISPOSAL
            | Act.SUCCEED
        ):
            return (sender,)
    return ()
