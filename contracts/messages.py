"""What is said to and by the case workflow: its carried state, commands, signals, activity inputs and results."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contracts.cases import Deadline, DocumentRef, Outcome, UnitRef
from contracts.clock import BusinessClock
from contracts.course import ClockEvent, Course
from contracts.lifecycle import (
    Act,
    Channel,
    HandoverKind,
    Party,
    Purpose,
    Role,
    Stage,
    Supervision,
    TaskKind,
    Track,
)
from contracts.model import CategoryCode, Code, Contract, Instant, RegionCode

QUEUE_CASES = "cases"
QUEUE_REFERRALS = "referrals"
WORKFLOW_TYPE = "ComplaintCase"
UPDATE_ACT = "act"
SIGNAL_REPORTER = "reporter"
SIGNAL_CLOCK_CHANGED = "clock_changed"
SIGNAL_CALENDAR_CHANGED = "calendar_changed"
SIGNAL_JOINED = "joined"
SIGNAL_SUCCESSION = "succession"
SIGNAL_DEPARTURE = "departure"
QUERY_STATE = "state"


def workflow_id(case_id: UUID) -> str:
    """The id of a case's one workflow."""
    return f"case/{case_id}"


class CaseFacts(Contract):
    """What intake knows of a case: classes and ids."""

    case_id: UUID
    case_number: Code
    complaint_ids: tuple[UUID, ...]
    channel: Channel
    track: Track
    category: CategoryCode
    region: RegionCode
    named: bool
    respondent_count: int
    submitted_at: Instant


class Actor(Contract):
    """Who acts. Officers by account id, unit and roles; the reporter and the system by party alone."""

    party: Party
    account_id: Code | None = None
    unit_id: Code | None = None
    roles: tuple[Role, ...] = ()


class Command(Contract):
    """One human act on a case.

    ``expected_sequence`` is the step that the officer saw: a later one that changes the view means that somebody was
    faster."""

    command_id: UUID
    act: Act
    actor: Actor
    expected_sequence: int = Field(ge=0)
    unit_id: Code | None = None
    respondent_units: tuple[Code, ...] = ()
    respondent_accounts: tuple[Code, ...] = ()
    reason_code: Code | None = None
    ground: Code | None = None
    note: DocumentRef | None = None
    public_reply: DocumentRef | None = None
    outcome: Outcome | None = None
    satisfaction: int | None = Field(default=None, ge=1, le=5)
    kind: HandoverKind | None = None
    purpose: Purpose | None = None
    amount: float | None = Field(default=None, gt=0, le=1_000)
    category: CategoryCode | None = None
    track: Track | None = None
    level: Supervision | None = None
    disposal: Code | None = None
    papers: tuple[Code, ...] = ()
    assignee: Code | None = None
    main_case_id: UUID | None = None
    extract: DocumentRef | None = None


class ReporterMessage(Contract):
    """A later fact from the reporter, signalled to every linked case. ``message_id`` makes a repeat harmless."""

    message_id: UUID
    act: Act
    satisfaction: int | None = Field(default=None, ge=1, le=5)


class ActResult(Contract):
    """What an accepted command led to."""

    command_id: UUID
    sequence: int
    stage: Stage


class Task(Contract):
    """The one open task of a stage."""

    kind: TaskKind
    unit_id: Code
    role: Role
    assignee: Code | None = None
    opened_sequence: int


class Rung(Contract):
    """A step of the escalation ladder that an overdue clock comes to at ``at``; ``level`` of supervision it brings."""

    act: Act
    at: Instant
    level: Supervision = Field(default=Supervision.NONE)


class Ladder(Contract):
    """The steps of the overdue clock of a purpose, in the order of their instants."""

    purpose: Purpose
    rungs: tuple[Rung, ...]


class RunningClock(Contract):
    """A clock on the case with its deadline of record, what has been said of it and what happened to it.

    While it is suspended its ``deadline`` is the one before, and binds nobody. ``rungs``: the steps of the ladder that
    are still to come; None until they are known. ``reached``: those taken, as far as they hold.
    """

    deadline: Deadline
    warned: bool = False
    overdue: bool = False
    suspended: bool = False
    events: tuple[ClockEvent, ...] = ()
    rungs: tuple[Rung, ...] | None = None
    reached: tuple[Act, ...] = ()


class CaseState(Contract):
    """Everything a case carries: input of a run, of its continuation, and of a restore."""

    facts: CaseFacts
    sequence: int = 0
    changed_sequence: int = 0
    """The latest step that makes an officer's view out of date: reminders and lamps don't."""
    stage: Stage = Stage.SUBMITTED
    desk: UnitRef | None = None
    holder: UnitRef | None = None
    task: Task | None = None
    clocks: tuple[RunningClock, ...] = ()
    respondent_units: tuple[Code, ...] = ()
    linked: bool = False
    redo_count: int = 0
    course: Course = Course()
    public_document: DocumentRef | None = None
    outcome: Outcome | None = None
    satisfaction: int | None = None
    business_clock: BusinessClock | None = None
    results: tuple[ActResult, ...] = ()
    """Outcomes of the latest commands, oldest first: a repeated one gets its first answer again."""
    seen_messages: tuple[UUID, ...] = ()
    own_worker: bool = False
    """The workflow's own worker does what is asked of it. A run that began without it is replayed without it."""


class RouteRequest(Contract):
    """Which desk registers this case? A report goes to none of the ``respondent_units``, and none below."""

    case_id: UUID
    track: Track
    category: CategoryCode
    region: RegionCode
    respondent_units: tuple[Code, ...] = ()


class RouteCheck(Contract):
    """May this unit receive the case? ``to_desk`` when it is handed to another jurisdiction's desk."""

    case_id: UUID
    track: Track
    category: CategoryCode
    region: RegionCode
    unit_id: Code
    from_unit: Code
    to_desk: bool = False
    linked: bool
    respondent_units: tuple[Code, ...]
    act: Act | None = None
    kind: HandoverKind | None = None
    ground: Code | None = None
    approved: bool = False
    """A leader has said yes to this very receiver."""
    restricted: bool = False
    papers: tuple[Code, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    """The clocks that run: the verdict says what becomes of each."""


class ClockFate(StrEnum):
    """What a hand-over does to a clock of the case (handovers.csv)."""

    CARRY = "CARRY"
    RESTART = "RESTART"
    STOP = "STOP"


class ClockEffect(Contract):
    """What becomes of the clock of a purpose."""

    purpose: Purpose
    fate: ClockFate


class RouteVerdict(Contract):
    """``unit`` when it may; else ``refusal``, a code whose texts the API knows.

    ``kind`` of the hand-over, its legal ``basis``, and its ``effects`` on the clocks that run; None from a version that
    knew of none.
    """

    unit: UnitRef | None = None
    refusal: Code | None = None
    kind: HandoverKind | None = None
    basis: str | None = Field(default=None, max_length=200)
    effects: tuple[ClockEffect, ...] | None = None
    verify: bool = False
    """A second officer confirms the facts before the leader is asked."""


class GroundCheck(Contract):
    """Is this the legal ground of such an act (grounds.csv)?"""

    act: Act
    ground: Code


class GroundVerdict(Contract):
    """``refusal``: why not."""

    refusal: Code | None = None


class ArbiterRequest(Contract):
    """Who designates when these units return a case: their common superior, else the joint conference."""

    case_id: UUID
    track: Track
    region: RegionCode
    desk_id: Code
    unit_ids: tuple[Code, ...]
    respondent_units: tuple[Code, ...]
    restricted: bool = False


class BypassRequest(Contract):
    """Which restricted desk above takes a case that concerns the desk's own house or its superior?"""

    case_id: UUID
    region: RegionCode
    desk_id: Code
    respondent_units: tuple[Code, ...]


class ClockChange(Contract):
    """May this happen to a clock, and where does it stand then? ``asked``: a request, nothing is granted yet."""

    clock: "RunningClock"
    event: ClockEvent
    ground: Code | None = None
    asked: bool = False


class ClockVerdict(Contract):
    """``deadline`` after it; None while suspended. ``ground`` of a suspension, to remember. ``refusal``: why not."""

    deadline: Deadline | None = None
    ground: Code | None = None
    refusal: Code | None = None


class MergeCheck(Contract):
    """May the case be joined to the main one: on record, of the same track, open, not merged itself, in sight?"""

    case_id: UUID
    main_case_id: UUID
    track: Track
    desk_id: Code
    origin_case_id: UUID | None = None


class Joined(Contract):
    """One case to another: these complaints are now yours (ABSORB), or no longer (DISOWN), or the main case ended."""

    act: Act
    case_id: UUID
    complaint_ids: tuple[UUID, ...] = ()


class Succession(Contract):
    """A unit has a successor: merged, renamed or abolished (信访工作条例 art. 24).

    ``accused_ids``: units that would have a part in a report then and that it accuses, the successor of a respondent
    among them; ``desk``: the restricted desk above, when the case's desk is one of them.
    """

    unit_id: Code
    successor: UnitRef
    accused_ids: tuple[Code, ...] = ()
    desk: UnitRef | None = None


class Departure(Contract):
    """An officer has left: his task goes to ``heir_id``, or back to its unit's queue."""

    account_id: Code
    heir_id: Code | None = None


class LinkCheck(Contract):
    """Can these units be linked as respondents, and does the case's holder turn out to be accused?"""

    case_id: UUID
    unit_ids: tuple[Code, ...]
    holder_id: Code | None = None
    other_ids: tuple[Code, ...] = ()
    """Other units that have a part in the case."""


class LinkVerdict(Contract):
    """``refusal`` when they can't. ``holder_accused``: the holder is one of them or stands below one; ``accused_ids``:
    which of the others."""

    refusal: Code | None = None
    holder_accused: bool = False
    accused_ids: tuple[Code, ...] = ()


class ClockRequest(Contract):
    """A clock to start: the purpose and what decides the regime."""

    purpose: Purpose
    track: Track
    channel: Channel
    category: CategoryCode
    unit_id: Code | None
    started_at: Instant


class Transition(Contract):
    """One step of a case as it is recorded: idempotent on (case_id, sequence) by its content hash."""

    facts: CaseFacts
    sequence: int = Field(ge=1)
    changed_sequence: int = Field(ge=1)
    act: Act
    actor: Actor
    at: Instant
    from_stage: Stage
    to_stage: Stage
    desk: UnitRef
    holder: UnitRef | None = None
    task: Task | None = None
    clocks: tuple[RunningClock, ...] = ()
    respondent_units: tuple[Code, ...] = ()
    linked: bool = False
    redo_count: int = 0
    course: Course = Course()
    command_id: UUID | None = None
    reason_code: Code | None = None
    ground: Code | None = None
    note: DocumentRef | None = None
    public_document: DocumentRef | None = None
    outcome: Outcome | None = None
    satisfaction: int | None = None
    deadline: Deadline | None = None
    """The deadline the act is about (see CaseTransitioned.deadline)."""
    deadline_before: Deadline | None = None


class Recorded(Contract):
    """The step is in the database, with its event in the outbox.

    ``ladders``: of the step's overdue clocks that did not know theirs yet; counting working days takes the calendar.
    """

    sequence: int
    business_clock: BusinessClock
    ladders: tuple[Ladder, ...] = ()


class RefusalDetail(Contract):
    """Why a command was refused; ``sequence`` and ``stage`` are the case's present ones."""

    code: Code
    sequence: int
    stage: Stage


ILLEGAL_ACT = "IllegalAct"
STALE = "Stale"
ROUTE_REFUSED = "RouteRefused"
CONFLICTING_CONTENT = "ConflictingContent"
"""ApplicationError types. Refusals carry a RefusalDetail; ConflictingContent is never retried."""
