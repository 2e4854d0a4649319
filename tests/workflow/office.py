"""A small office for workflow tests: the ports in memory, with a record of every step, and commands to send."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.exceptions import ApplicationError

from contracts.cases import Deadline, DocumentRef, Outcome, UnitRef
from contracts.clock import BusinessClock, wall_clock
from contracts.lifecycle import RULE, Act, Channel, Party, Purpose, Role, Seat, Track
from contracts.messages import (
    CONFLICTING_CONTENT,
    Actor,
    CaseFacts,
    CaseState,
    ClockRequest,
    Command,
    LinkCheck,
    LinkVerdict,
    Recorded,
    RouteCheck,
    RouteRequest,
    RouteVerdict,
    RunningClock,
    Transition,
)
from contracts.model import content_hash
from workflows import ports

DESK = UnitRef(unit_id="desk-a", name="甲市受理台", region="990100")
OTHER_DESK = UnitRef(unit_id="desk-b", name="乙市受理台", region="990200")
HEALTH = UnitRef(unit_id="wj-a", name="甲市卫生健康委", region="990100")
INSURANCE = UnitRef(unit_id="yb-a", name="甲市医疗保障局", region="990100")
ACCUSED = UnitRef(unit_id="hosp-a", name="甲市第一医院", region="990100")
UNITS = {unit.unit_id: unit for unit in (DESK, OTHER_DESK, HEALTH, INSURANCE, ACCUSED)}

DAYS = {
    Purpose.ACKNOWLEDGE: 15,
    Purpose.SUPPLEMENT: 10,
    Purpose.SIGN: 1,
    Purpose.HANDLE: 7,
    Purpose.VISIT: 1,
    Purpose.SILENCE: 10,
    Purpose.REDO: 7,
    Purpose.REVIEW_REQUEST: 30,
}


@dataclass
class Office:
    """The activities of the referrals service, in memory. ``steps`` is what record_transition was given, in order."""

    steps: list[Transition] = field(default_factory=list)
    fail_next: list[str] = field(default_factory=list)
    clock: BusinessClock | None = None
    moves: dict[Purpose, timedelta] = field(default_factory=dict)
    """What the present calendar adds to each deadline."""
    recounts: int = 0

    @property
    def acts(self) -> list[Act]:
        return [step.act for step in self.steps]

    def activities(self) -> list[object]:
        return [
            self.route_intake,
            self.check_route,
            self.check_respondents,
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
        return RouteVerdict(unit=unit) if unit else RouteVerdict(refusal="UNKNOWN_UNIT")

    @activity.defn(name=ports.CHECK_RESPONDENTS)
    async def check_respondents(self, check: LinkCheck) -> LinkVerdict:
        unknown = [unit_id for unit_id in check.unit_ids if unit_id not in UNITS]
        if unknown:
            return LinkVerdict(refusal="UNKNOWN_UNIT")
        return LinkVerdict(holder_accused=check.holder_id in check.unit_ids)

    @activity.defn(name=ports.SET_CLOCKS)
    async def set_clocks(self, requests: list[ClockRequest]) -> list[Deadline]:
        return [
            Deadline(
                purpose=request.purpose,
                clock_id=f"T-{request.purpose}",
                article="test",
                started_at=request.started_at,
                due_at=request.started_at + timedelta(days=DAYS[request.purpose]),
                due_soon_at=request.started_at + timedelta(days=DAYS[request.purpose]) * 0.75,
                provisional=False,
                calendar_version="test",
            )
            for request in requests
        ]

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

    @activity.defn(name=ports.READ_CLOCK)
    async def read_clock(self) -> BusinessClock:
        return self.clock or wall_clock(datetime(2026, 1, 1, tzinfo=UTC))

    @activity.defn(name=ports.RECORD_TRANSITION)
    async def record_transition(self, transition: Transition) -> Recorded:
        if self.fail_next:
            raise ApplicationError(self.fail_next.pop(0))
        mine = [step for step in self.steps if step.facts.case_id == transition.facts.case_id]
        if transition.sequence <= len(mine):
            if content_hash(mine[transition.sequence - 1]) != content_hash(transition):
                raise ApplicationError("other content", type=CONFLICTING_CONTENT, non_retryable=True)
        else:
            assert transition.sequence == len(mine) + 1, "a gap in the history"
            self.steps.append(transition)
        return Recorded(sequence=transition.sequence, business_clock=await self.read_clock())


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
        )
    )


def document() -> DocumentRef:
    """A reference to a sealed text."""
    return DocumentRef(document_id=uuid4(), sha256="0" * 64)


def officer(unit: UnitRef, *roles: Role, account: str = "officer-1") -> Actor:
    """An officer of a unit."""
    return Actor(party=Party.OFFICER, account_id=account, unit_id=unit.unit_id, roles=roles)


def command(
    state: CaseState, act: Act, *, account: str = "officer-1", command_id: UUID | None = None, **fields: object
) -> Command:
    """A complete command by an officer who may give it, on the state as it is; ``fields`` override."""
    rule = RULE[act]
    if act is Act.CLAIM:
        assert state.task is not None
        actor = officer(UNITS[state.task.unit_id], state.task.role, account=account)
    else:
        seat = state.holder if rule.seat is Seat.HOLDER else state.desk
        actor = officer(seat or DESK, *rule.roles, account=account)
    complete: dict[str, object] = {
        "respondent_units": (ACCUSED.unit_id,),
        "reason_code": "R08",
        "unit_id": OTHER_DESK.unit_id if act is Act.HAND_TO_DESK else HEALTH.unit_id,
        "note": document(),
        "public_reply": document(),
        "outcome": Outcome.SUBSTANTIATED,
        "satisfaction": 5,
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
