"""A small office for workflow tests: the ports in memory, with a record of every step, and commands to send."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.exceptions import ApplicationError

from contracts import judge
from contracts.cases import Deadline, DocumentRef, Outcome, UnitRef
from contracts.clock import BusinessClock, wall_clock
from contracts.course import ClockEventType, Course, Major, Request, Support
from contracts.lifecycle import ROLES_AT, RULE, Act, Channel, Party, Purpose, Role, Seat, Stage, Supervision, Track
from contracts.messages import (
    CONFLICTING_CONTENT,
    Actor,
    ArbiterRequest,
    BypassRequest,
    CaseFacts,
    CaseState,
    ClockChange,
    ClockEffect,
    ClockFate,
    ClockRequest,
    ClockVerdict,
    Command,
    GroundCheck,
    GroundVerdict,
    Ladder,
    LinkCheck,
    LinkVerdict,
    MergeCheck,
    Recorded,
    RouteCheck,
    RouteRequest,
    RouteVerdict,
    Rung,
    RunningClock,
    Transition,
)
from contracts.model import canonical_json
from contracts.reference import grounds
from services.referrals import handovers, verdicts
from services.referrals.service import clocks as counted
from workflows import ports

DESK = UnitRef(unit_id="desk-a", name="甲市受理台", region="990100")
OTHER_DESK = UnitRef(unit_id="desk-b", name="乙市受理台", region="990200")
HEALTH = UnitRef(unit_id="wj-a", name="甲市卫生健康委", region="990100")
INSURANCE = UnitRef(unit_id="yb-a", name="甲市医疗保障局", region="990100")
ACCUSED = UnitRef(unit_id="hosp-a", name="甲市第一医院", region="990100")
DISCIPLINE = UnitRef(unit_id="jj-a", name="甲市纪检监察组", region="990100")
POLICE = UnitRef(unit_id="ga-a", name="甲市公安局", region="990100")
SUPERIOR = UnitRef(unit_id="wj-p", name="省卫生健康委", region="990000")
UNITS = {unit.unit_id: unit for unit in (DESK, OTHER_DESK, HEALTH, INSURANCE, ACCUSED, DISCIPLINE, POLICE, SUPERIOR)}

DAYS = {
    Purpose.ACKNOWLEDGE: 15,
    Purpose.SUPPLEMENT: 10,
    Purpose.SIGN: 1,
    Purpose.RETURN: 2,
    Purpose.DESIGNATE: 5,
    Purpose.SUPPORT: 3,
    Purpose.DECIDE_REFERRAL: 3,
    Purpose.SEND_REFERRAL: 1,
    Purpose.RECEIPT: 5,
    Purpose.DISPOSAL: 60,
    Purpose.ANSWER: 15,
    Purpose.REPORT_UP: 1,
    Purpose.HANDLE: 7,
    Purpose.VISIT: 1,
    Purpose.SILENCE: 10,
    Purpose.REDO: 7,
    Purpose.REVIEW_REQUEST: 30,
}


CLIMB = {
    Act.URGE_NOTICE: (0, Supervision.NONE),
    Act.YELLOW_CARD: (1, Supervision.NONE),
    Act.RED_CARD: (6, Supervision.NONE),
    Act.LIST_CASE: (10, Supervision.LISTED),
    Act.CALL_IN: (15, Supervision.INTERVIEW),
    Act.ORDER_RECTIFICATION: (20, Supervision.RECTIFY),
}
"""Days after the deadline, and the supervision that comes with the step."""


def _ladder(clock: RunningClock) -> Ladder:
    due = clock.deadline.due_at
    rungs = (Rung(act=act, at=due + timedelta(days=days), level=level) for act, (days, level) in CLIMB.items())
    return Ladder(purpose=clock.deadline.purpose, rungs=tuple(rungs))


@dataclass
class Office:
    """The activities of the referrals service, in memory. ``steps`` is what record_transition was given, in order."""

    steps: list[Transition] = field(default_factory=list)
    fail_next: list[str] = field(default_factory=list)
    clock: BusinessClock | None = None
    fates: dict[tuple[Act | None, Purpose], ClockFate] = field(
        default_factory=lambda: {
            (Act.HAND_TO_DESK, Purpose.ACKNOWLEDGE): ClockFate.RESTART,
            (Act.HAND_TO_DESK, Purpose.HANDLE): ClockFate.STOP,
            (Act.REFER, Purpose.HANDLE): ClockFate.STOP,
        }
    )
    moves: dict[Purpose, timedelta] = field(default_factory=dict)
    """What the present calendar adds to each deadline."""
    recounts: int = 0
    climbs: bool = False
    """Is there a ladder for overdue clocks?"""

    @property
    def acts(self) -> list[Act]:
        return [step.act for step in self.steps]

    def activities(self) -> list[object]:
        return [
            self.route_intake,
            self.check_route,
            self.check_ground,
            self.check_respondents,
            self.check_merge,
            self.find_arbiter,
            self.find_bypass,
            self.change_clock,
            self.set_clocks,
            self.recount,
            self.read_clock,
            self.record_transition,
        ]

    @activity.defn(name=ports.ROUTE_INTAKE)
    async def route_intake(self, request: RouteRequest) -> RouteVerdict:
        return RouteVerdict(unit=DESK)

    @activity.defn(name=ports.CHECK_ROUTE)
    async def check_route(self, check: RouteCheck) -> RouteVerdict:
        if check.track is Track.INTEGRITY and check.unit_id in check.respondent_units:
            return RouteVerdict(refusal="ACCUSED")
        unit = UNITS.get(check.unit_id)
        if unit is None:
            return RouteVerdict(refusal="UNKNOWN_UNIT")
        use = handovers.ground_use(check.act, check.kind) if check.act is not None else None
        unfit = handovers.refuse_ground(check.ground, use, None, grounds())
        if unfit is not None:
            return RouteVerdict(refusal=unfit.value)
        fates = [
            ClockEffect(purpose=purpose, fate=fate)
            for purpose in check.purposes
            if (fate := self.fates.get((check.act, purpose))) is not None
        ]
        crime = unit is POLICE
        if check.act is Act.REFER and crime and not check.papers:
            return RouteVerdict(refusal="MISSING_PAPERS")
        verify = crime and check.act is Act.PROPOSE_REFERRAL
        return RouteVerdict(unit=unit, kind=check.kind, effects=tuple(fates), verify=verify)

    @activity.defn(name=ports.CHECK_GROUND)
    async def check_ground(self, check: GroundCheck) -> GroundVerdict:
        return verdicts.ground(check)

    @activity.defn(name=ports.CHECK_RESPONDENTS)
    async def check_respondents(self, check: LinkCheck) -> LinkVerdict:
        unknown = [unit_id for unit_id in check.unit_ids if unit_id not in UNITS]
        if unknown:
            return LinkVerdict(refusal="UNKNOWN_UNIT")
        return LinkVerdict(holder_accused=check.holder_id in check.unit_ids)

    @activity.defn(name=ports.SET_CLOCKS)
    async def set_clocks(self, requests: list[ClockRequest]) -> list[Deadline]:
        return [_deadline(request.purpose, request.started_at) for request in requests]

    @activity.defn(name=ports.FIND_ARBITER)
    async def find_arbiter(self, request: ArbiterRequest) -> RouteVerdict:
        return RouteVerdict(unit=SUPERIOR)

    @activity.defn(name=ports.FIND_BYPASS)
    async def find_bypass(self, request: BypassRequest) -> RouteVerdict:
        return RouteVerdict(unit=OTHER_DESK)

    @activity.defn(name=ports.CHECK_MERGE)
    async def check_merge(self, check: MergeCheck) -> RouteVerdict:
        known = any(step.facts.case_id == check.main_case_id for step in self.steps)
        return RouteVerdict(unit=DESK) if known else RouteVerdict(refusal="NO_MAIN_CASE")

    @activity.defn(name=ports.CHANGE_CLOCK)
    async def change_clock(self, change: ClockChange) -> ClockVerdict:
        record, event = change.clock.deadline, change.event
        if event.type is ClockEventType.SUSPEND:
            return ClockVerdict(ground=change.ground)
        if event.handover and not counted.ends_with_its_unit(change.ground, event.at):
            return ClockVerdict()
        if event.type is ClockEventType.EXTEND:
            longer = timedelta(days=event.amount)
        else:
            since = next(old.at for old in reversed(change.clock.events) if old.type is ClockEventType.SUSPEND)
            longer = event.at - since
        moved = {"due_at": record.due_at + longer, "due_soon_at": record.due_soon_at + longer}
        return ClockVerdict(deadline=record.model_copy(update=moved))

    @activity.defn(name=ports.RECOUNT)
    async def recount(self, running: list[RunningClock]) -> list[Deadline]:
        self.recounts += 1
        return [self._moved(clock.deadline) for clock in running]

    def _moved(self, deadline: Deadline) -> Deadline:
        length = timedelta(days=DAYS[deadline.purpose]) + self.moves.get(deadline.purpose, timedelta())
        return deadline.model_copy(
            update={
                "due_at": deadline.started_at + length,
                "due_soon_at": deadline.started_at + length * 0.75,
                "calendar_version": "test.2",
            }
        )

    def _climbs(self, clock: RunningClock) -> bool:
        return self.climbs and clock.overdue and not clock.suspended and clock.rungs is None

    @activity.defn(name=ports.READ_CLOCK)
    async def read_clock(self) -> BusinessClock:
        return self.clock or wall_clock(datetime(2026, 1, 1, tzinfo=UTC))

    @activity.defn(name=ports.RECORD_TRANSITION)
    async def record_transition(self, transition: Transition) -> Recorded:
        if self.fail_next:
            raise ApplicationError(self.fail_next.pop(0))
        mine = [step for step in self.steps if step.facts.case_id == transition.facts.case_id]
        if transition.sequence <= len(mine):
            if canonical_json(mine[transition.sequence - 1]) != canonical_json(transition):
                raise ApplicationError("other content", type=CONFLICTING_CONTENT, non_retryable=True)
        else:
            assert transition.sequence == len(mine) + 1, "a gap in the history"
            self.steps.append(transition)
        ladders = tuple(_ladder(clock) for clock in transition.clocks if self._climbs(clock))
        return Recorded(sequence=transition.sequence, business_clock=await self.read_clock(), ladders=ladders)


def new_case(track: Track = Track.GENERAL, respondents: int = 1) -> CaseState:
    """A case as the bridge starts it."""
    return CaseState(
        facts=CaseFacts(
            case_id=uuid4(),
            case_number="HY20260101-000001",
            complaint_ids=(uuid4(),),
            channel=Channel.WEB,
            track=track,
            category="0801" if track is Track.INTEGRITY else "0802",
            region="990100",
            named=False,
            respondent_count=respondents,
            submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        own_worker=True,
    )


def document() -> DocumentRef:
    """A reference to a sealed text."""
    return DocumentRef(document_id=uuid4(), sha256="0" * 64)


def officer(unit: UnitRef, *roles: Role, account: str = "officer-1") -> Actor:
    """An officer of a unit."""
    return Actor(party=Party.OFFICER, account_id=account, unit_id=unit.unit_id, roles=roles)


_TO = {
    Act.HAND_TO_DESK: OTHER_DESK,
    Act.ADD_SUPPORT: INSURANCE,
    Act.RELEASE_SUPPORT: INSURANCE,
    Act.REFER: DISCIPLINE,
    Act.PROPOSE_REFERRAL: DISCIPLINE,
    Act.REPORT_MAJOR: SUPERIOR,
}


def _who(state: CaseState, act: Act) -> tuple[UnitRef, Role]:
    """Unit and role of an officer who may give the command."""
    rule = RULE[act]
    if act in (Act.CLAIM, Act.REASSIGN):
        assert state.task is not None
        return UNITS[state.task.unit_id], state.task.role if act is Act.CLAIM else Role.SUPERVISOR
    if not rule.seats:
        return DESK, rule.roles[0]
    seat = next((seat for seat in rule.seats if judge.units_at(state, seat)), Seat.DESK)
    unit = UNITS[next(iter(judge.units_at(state, seat)), DESK.unit_id)]
    at = Seat.HOLDER if seat is Seat.SENDER and state.holder else Seat.DESK if seat is Seat.SENDER else seat
    return unit, next((role for role in rule.roles if role in ROLES_AT[at]), rule.roles[0])


def furnished(state: CaseState, act: Act) -> CaseState:
    """The state with what the act wants beside its stage: a running clock, an open request, a helper, a referral."""
    clocks = tuple(running(purpose) for purpose in (Purpose.HANDLE, Purpose.RETURN))
    helper = Support(unit=INSURANCE, asked_sequence=3)
    course = state.course
    match act:
        case Act.GRANT_EXTENSION | Act.DENY_EXTENSION:
            course = Course(
                request=Request(
                    act=Act.REQUEST_EXTENSION, purpose=Purpose.HANDLE, amount=3, asked_sequence=5, asked_by="officer-9"
                )
            )
        case Act.APPROVE_REFERRAL | Act.DENY_REFERRAL:
            asked = Request(act=Act.PROPOSE_REFERRAL, unit=DISCIPLINE, asked_sequence=5, asked_by="officer-9")
            course = Course(request=asked)
        case Act.VERIFY_REFERRAL:
            asked = Request(act=Act.PROPOSE_REFERRAL, unit=POLICE, asked_sequence=5, verify=True, asked_by="officer-9")
            course = Course(request=asked)
        case Act.SUPPORT_ANSWER | Act.RELEASE_SUPPORT:
            course = Course(supports=(helper,))
        case Act.RESUME_CLOCK:
            clocks = (running(Purpose.HANDLE, suspended=True),)
        case Act.REPORT_MAJOR | Act.LIFT_MAJOR:
            course = Course(major=Major(ground="XF-25"))
        case Act.LIFT_RECUSAL:
            course = Course(recused=("colleague-1",))
        case Act.LIFT_SUPERVISION:
            course = Course(supervision=Supervision.LISTED)
        case Act.REPLY if state.stage is Stage.REFERRED:
            course = Course(receiver=DISCIPLINE, received=True, disposal="TALK")
    if state.stage is Stage.ARBITRATION:
        course = course.model_copy(update={"arbiter": SUPERIOR})
    if state.stage is Stage.REFERRED and course.receiver is None:
        course = course.model_copy(update={"receiver": DISCIPLINE})
    if state.stage is Stage.MERGED:
        course = course.model_copy(update={"main_case": uuid4()})
    return state.model_copy(update={"course": course, "clocks": clocks})


def running(purpose: Purpose, *, suspended: bool = False) -> RunningClock:
    """A clock that runs from New Year on."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return RunningClock(deadline=_deadline(purpose, start), suspended=suspended)


def _deadline(purpose: Purpose, start: datetime) -> Deadline:
    days = timedelta(days=DAYS[purpose])
    return Deadline(
        purpose=purpose,
        clock_id=f"T-{purpose}",
        article="test",
        started_at=start,
        due_at=start + days,
        due_soon_at=start + days * 0.75,
        provisional=False,
        calendar_version="test",
    )


def command(
    state: CaseState, act: Act, *, account: str | None = None, command_id: UUID | None = None, **fields: object
) -> Command:
    """A complete command by an officer who may give it, on the state as it is; ``fields`` override."""
    rule = RULE[act]
    unit, role = _who(state, act)
    actor = officer(unit, role, account=account or ("leader-1" if role is Role.LEADER else "officer-1"))
    complete: dict[str, object] = {
        "respondent_units": (ACCUSED.unit_id,),
        "reason_code": "R08",
        "respondent_accounts": ("accused-1",),
        "unit_id": _TO.get(act, HEALTH).unit_id,
        "extract": document(),
        "purpose": Purpose.HANDLE,
        "amount": 3.0,
        "ground": {Act.SUSPEND_CLOCK: "EXPERTISE", Act.MARK_MAJOR: "XF-25"}.get(act, "COMPETENCE"),
        "category": "0802",
        "level": Supervision.ORDINARY,
        "disposal": "TALK",
        "main_case_id": uuid4(),
        "note": document(),
        "public_reply": document(),
        "outcome": Outcome.SUBSTANTIATED,
        "satisfaction": 5,
        "assignee": "colleague-1",
    }
    wanted = {need.value: complete[need.value] for need in rule.needs}
    return Command.model_validate(
        {
            "command_id": command_id or uuid4(),
            "act": act,
            "actor": actor,
            "expected_sequence": state.sequence,
            **wanted,
            **fields,
        }
    )
