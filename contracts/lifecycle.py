"""The life of a case as one table: who may do what in which stage, and where it leads.

The workflow decides by this table, the API shows from it what is legal now, and the documentation is generated from it.
Stages and acts follow 12345 practice (rules.md §4.1, §4.2); refusals 信访工作条例 art. 31, one redo
济南12345条例 art. 27.
"""

from dataclasses import dataclass
from enum import StrEnum


class Track(StrEnum):
    """投诉 (about service; may go to the unit complained of) or 举报 (about integrity; must never reach it)."""

    GENERAL = "GENERAL"
    INTEGRITY = "INTEGRITY"


class Channel(StrEnum):
    """Where a complaint came in."""

    HOTLINE = "HOTLINE"
    MINI_PROGRAM = "MINI_PROGRAM"
    WEB = "WEB"


class Stage(StrEnum):
    """Where a case stands (rules.md §4.1). Those of later issues are added when they are built."""

    SUBMITTED = "SUBMITTED"
    TRIAGE = "TRIAGE"
    SUPPLEMENT = "SUPPLEMENT"
    REJECTED = "REJECTED"
    PENDING_DISPATCH = "PENDING_DISPATCH"
    DISPATCHED = "DISPATCHED"
    SIGNED = "SIGNED"
    HANDLING = "HANDLING"
    FEEDBACK = "FEEDBACK"
    PENDING_VISIT = "PENDING_VISIT"
    REDO = "REDO"
    CLOSED = "CLOSED"
    ARCHIVED = "ARCHIVED"


FINAL = frozenset({Stage.ARCHIVED})
ENDED = frozenset({Stage.REJECTED, Stage.CLOSED, Stage.ARCHIVED})


class Role(StrEnum):
    """What an account may do in its unit (rules.md §3)."""

    CLERK = "CLERK"
    DISPATCHER = "DISPATCHER"
    HANDLER = "HANDLER"
    REVIEWER = "REVIEWER"
    FOLLOW_UP = "FOLLOW_UP"
    SUPERVISOR = "SUPERVISOR"
    ADMIN = "ADMIN"


class Party(StrEnum):
    """Who acts."""

    OFFICER = "OFFICER"
    REPORTER = "REPORTER"
    SYSTEM = "SYSTEM"


class Act(StrEnum):
    """What happens to a case. Each becomes one row of its history."""

    REGISTER = "REGISTER"
    CLAIM = "CLAIM"
    LINK_RESPONDENTS = "LINK_RESPONDENTS"
    REQUEST_SUPPLEMENT = "REQUEST_SUPPLEMENT"
    SUPPLEMENT = "SUPPLEMENT"
    SUPPLEMENT_LAPSED = "SUPPLEMENT_LAPSED"
    REJECT = "REJECT"
    ACCEPT = "ACCEPT"
    DISPATCH = "DISPATCH"
    HAND_TO_DESK = "HAND_TO_DESK"
    SIGN = "SIGN"
    SIGN_LAPSED = "SIGN_LAPSED"
    BEGIN = "BEGIN"
    TRANSFER = "TRANSFER"
    URGE = "URGE"
    REPLY = "REPLY"
    REVIEW_PASS = "REVIEW_PASS"
    REVIEW_FAIL = "REVIEW_FAIL"
    RECORD_VISIT = "RECORD_VISIT"
    VISIT_LAPSED = "VISIT_LAPSED"
    RATE = "RATE"
    SILENCE_LAPSED = "SILENCE_LAPSED"
    DUE_SOON = "DUE_SOON"
    OVERDUE = "OVERDUE"
    RECOUNT = "RECOUNT"
    ARCHIVE = "ARCHIVE"


class TaskKind(StrEnum):
    """The one open task of a stage in which an officer must act."""

    TRIAGE = "TRIAGE"
    DISPATCH = "DISPATCH"
    SIGN = "SIGN"
    HANDLE = "HANDLE"
    REVIEW = "REVIEW"
    VISIT = "VISIT"


class Seat(StrEnum):
    """Which of the case's units a task belongs to: the desk that dispatches, or the unit that holds the case."""

    DESK = "DESK"
    HOLDER = "HOLDER"


@dataclass(frozen=True)
class Duty:
    """The task that a stage opens: its kind, the unit it belongs to, the role that may take it."""

    kind: TaskKind
    seat: Seat
    role: Role


DUTY: dict[Stage, Duty] = {
    Stage.TRIAGE: Duty(TaskKind.TRIAGE, Seat.DESK, Role.CLERK),
    Stage.PENDING_DISPATCH: Duty(TaskKind.DISPATCH, Seat.DESK, Role.DISPATCHER),
    Stage.DISPATCHED: Duty(TaskKind.SIGN, Seat.HOLDER, Role.HANDLER),
    Stage.SIGNED: Duty(TaskKind.HANDLE, Seat.HOLDER, Role.HANDLER),
    Stage.HANDLING: Duty(TaskKind.HANDLE, Seat.HOLDER, Role.HANDLER),
    Stage.REDO: Duty(TaskKind.HANDLE, Seat.HOLDER, Role.HANDLER),
    Stage.FEEDBACK: Duty(TaskKind.REVIEW, Seat.DESK, Role.REVIEWER),
    Stage.PENDING_VISIT: Duty(TaskKind.VISIT, Seat.DESK, Role.FOLLOW_UP),
}


class Field(StrEnum):
    """What an act must bring with it."""

    RESPONDENT_UNITS = "respondent_units"
    REASON_CODE = "reason_code"
    UNIT = "unit_id"
    NOTE = "note"
    PUBLIC_REPLY = "public_reply"
    OUTCOME = "outcome"
    SATISFACTION = "satisfaction"


class Purpose(StrEnum):
    """What a clock is for. Which legal clock serves it is reference data (regimes.csv)."""

    ACKNOWLEDGE = "ACKNOWLEDGE"
    SUPPLEMENT = "SUPPLEMENT"
    SIGN = "SIGN"
    HANDLE = "HANDLE"
    VISIT = "VISIT"
    SILENCE = "SILENCE"
    REDO = "REDO"
    REVIEW_REQUEST = "REVIEW_REQUEST"


LAPSE: dict[Purpose, Act] = {
    Purpose.SUPPLEMENT: Act.SUPPLEMENT_LAPSED,
    Purpose.SIGN: Act.SIGN_LAPSED,
    Purpose.VISIT: Act.VISIT_LAPSED,
    Purpose.SILENCE: Act.SILENCE_LAPSED,
    Purpose.REVIEW_REQUEST: Act.ARCHIVE,
}
"""Clocks whose end is itself an act; the end of any other clock is OVERDUE and the clock runs on as overdue."""

REPORTERS_CLOCKS = frozenset({Purpose.SUPPLEMENT, Purpose.SILENCE, Purpose.REVIEW_REQUEST})
"""Clocks that run for the reporter: officers get no due-soon notice for them."""


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    ``to`` is the stage it leads to; None where the stage stays, or depends on what the act brings (``decided``).
    ``starts`` and ``stops`` name the clocks that the act starts and stops.
    """

    act: Act
    party: Party
    stages: tuple[Stage, ...]
    to: Stage | None = None
    seat: Seat | None = None
    roles: tuple[Role, ...] = ()
    needs: tuple[Field, ...] = ()
    starts: tuple[Purpose, ...] = ()
    stops: tuple[Purpose, ...] = ()
    decided: tuple[Stage, ...] = ()


_WORKING = (Stage.SIGNED, Stage.HANDLING, Stage.REDO)
_OPEN = tuple(s for s in Stage if s not in ENDED and s is not Stage.SUBMITTED)

RULES: tuple[Rule, ...] = (
    Rule(Act.REGISTER, Party.SYSTEM, (Stage.SUBMITTED,), Stage.TRIAGE, starts=(Purpose.ACKNOWLEDGE,)),
    Rule(Act.CLAIM, Party.OFFICER, tuple(DUTY)),
    Rule(
        Act.LINK_RESPONDENTS,
        Party.OFFICER,
        _OPEN,
        seat=Seat.DESK,
        roles=(Role.CLERK, Role.DISPATCHER),
        needs=(Field.RESPONDENT_UNITS,),
        decided=_OPEN,
    ),
    Rule(
        Act.REQUEST_SUPPLEMENT,
        Party.OFFICER,
        (Stage.TRIAGE,),
        Stage.SUPPLEMENT,
        Seat.DESK,
        (Role.CLERK,),
        (Field.NOTE,),
        starts=(Purpose.SUPPLEMENT,),
    ),
    Rule(Act.SUPPLEMENT, Party.REPORTER, _OPEN, stops=(Purpose.SUPPLEMENT,), decided=_OPEN),
    Rule(Act.SUPPLEMENT_LAPSED, Party.SYSTEM, (Stage.SUPPLEMENT,), Stage.TRIAGE, stops=(Purpose.SUPPLEMENT,)),
    Rule(
        Act.REJECT,
        Party.OFFICER,
        (Stage.TRIAGE,),
        Stage.REJECTED,
        Seat.DESK,
        (Role.CLERK,),
        (Field.REASON_CODE,),
        starts=(Purpose.REVIEW_REQUEST,),
        stops=(Purpose.ACKNOWLEDGE,),
    ),
    Rule(
        Act.ACCEPT,
        Party.OFFICER,
        (Stage.TRIAGE,),
        Stage.PENDING_DISPATCH,
        Seat.DESK,
        (Role.CLERK,),
        stops=(Purpose.ACKNOWLEDGE,),
        starts=(Purpose.HANDLE,),
    ),
    Rule(
        Act.DISPATCH,
        Party.OFFICER,
        (Stage.PENDING_DISPATCH,),
        Stage.DISPATCHED,
        Seat.DESK,
        (Role.DISPATCHER,),
        (Field.UNIT,),
        starts=(Purpose.SIGN,),
    ),
    Rule(
        Act.HAND_TO_DESK,
        Party.OFFICER,
        (Stage.TRIAGE, Stage.PENDING_DISPATCH),
        Stage.TRIAGE,
        Seat.DESK,
        (Role.CLERK, Role.DISPATCHER),
        (Field.UNIT, Field.NOTE),
        starts=(Purpose.ACKNOWLEDGE,),
        stops=(Purpose.ACKNOWLEDGE, Purpose.HANDLE),
    ),
    Rule(
        Act.SIGN,
        Party.OFFICER,
        (Stage.DISPATCHED,),
        Stage.SIGNED,
        Seat.HOLDER,
        (Role.HANDLER,),
        stops=(Purpose.SIGN,),
    ),
    Rule(Act.SIGN_LAPSED, Party.SYSTEM, (Stage.DISPATCHED,), Stage.SIGNED, stops=(Purpose.SIGN,)),
    Rule(Act.BEGIN, Party.OFFICER, (Stage.SIGNED,), Stage.HANDLING, Seat.HOLDER, (Role.HANDLER,)),
    Rule(
        Act.TRANSFER,
        Party.OFFICER,
        (Stage.SIGNED, Stage.HANDLING),
        Stage.DISPATCHED,
        Seat.HOLDER,
        (Role.HANDLER,),
        (Field.UNIT, Field.NOTE),
        starts=(Purpose.SIGN,),
    ),
    Rule(
        Act.URGE,
        Party.OFFICER,
        (Stage.DISPATCHED, *_WORKING, Stage.FEEDBACK),
        seat=None,
        roles=(Role.SUPERVISOR,),
    ),
    Rule(
        Act.REPLY,
        Party.OFFICER,
        _WORKING,
        Stage.FEEDBACK,
        Seat.HOLDER,
        (Role.HANDLER,),
        (Field.PUBLIC_REPLY, Field.OUTCOME),
    ),
    Rule(
        Act.REVIEW_PASS,
        Party.OFFICER,
        (Stage.FEEDBACK,),
        Stage.PENDING_VISIT,
        Seat.DESK,
        (Role.REVIEWER,),
        starts=(Purpose.VISIT,),
        stops=(Purpose.HANDLE, Purpose.REDO),
    ),
    Rule(
        Act.REVIEW_FAIL,
        Party.OFFICER,
        (Stage.FEEDBACK,),
        Stage.HANDLING,
        Seat.DESK,
        (Role.REVIEWER,),
        (Field.NOTE,),
    ),
    Rule(
        Act.RECORD_VISIT,
        Party.OFFICER,
        (Stage.PENDING_VISIT,),
        seat=Seat.DESK,
        roles=(Role.FOLLOW_UP,),
        decided=(Stage.PENDING_VISIT, Stage.CLOSED, Stage.REDO),
    ),
    Rule(
        Act.VISIT_LAPSED,
        Party.SYSTEM,
        (Stage.PENDING_VISIT,),
        stops=(Purpose.VISIT,),
        starts=(Purpose.SILENCE,),
    ),
    Rule(
        Act.RATE,
        Party.REPORTER,
        (Stage.PENDING_VISIT, Stage.CLOSED),
        needs=(Field.SATISFACTION,),
        decided=(Stage.CLOSED, Stage.REDO),
    ),
    Rule(
        Act.SILENCE_LAPSED,
        Party.SYSTEM,
        (Stage.PENDING_VISIT,),
        Stage.CLOSED,
        starts=(Purpose.REVIEW_REQUEST,),
        stops=(Purpose.VISIT, Purpose.SILENCE),
    ),
    Rule(Act.DUE_SOON, Party.SYSTEM, _OPEN),
    Rule(Act.OVERDUE, Party.SYSTEM, _OPEN),
    Rule(Act.RECOUNT, Party.SYSTEM, (*_OPEN, Stage.REJECTED, Stage.CLOSED)),
    Rule(
        Act.ARCHIVE,
        Party.SYSTEM,
        (Stage.CLOSED, Stage.REJECTED),
        Stage.ARCHIVED,
        stops=(Purpose.REVIEW_REQUEST,),
    ),
)

INSTEAD: dict[Field, Field] = {Field.RESPONDENT_UNITS: Field.NOTE}
"""What may stand in for a needed field: a note that says that nobody of our tree is accused, in place of the units."""

RULE: dict[Act, Rule] = {rule.act: rule for rule in RULES}

MAX_REDO = 1
"""An unsatisfied reporter gets one redo (济南12345条例 art. 27; HY-REDO 仅一次)."""

QUIET = frozenset({Act.DUE_SOON, Act.OVERDUE, Act.RECOUNT, Act.URGE, Act.SUPPLEMENT})
"""Acts that don't make what an officer is looking at out of date, unless they change the stage."""

SATISFIED = 3
"""Satisfaction runs from 1 非常不满意 to 5 非常满意 (好差评); below this it is not satisfied."""

TOLD_TO_REPORTER = frozenset(
    {
        Act.REGISTER,
        Act.REQUEST_SUPPLEMENT,
        Act.SUPPLEMENT_LAPSED,
        Act.REJECT,
        Act.ACCEPT,
        Act.DISPATCH,
        Act.HAND_TO_DESK,
        Act.TRANSFER,
        Act.SIGN,
        Act.SIGN_LAPSED,
        Act.REVIEW_PASS,
        Act.RECORD_VISIT,
        Act.RATE,
        Act.SILENCE_LAPSED,
    }
)
"""What the reporter may know of and is told. Names of officers, reviews and reminders are not among it."""


def task_kinds(role: Role) -> frozenset[TaskKind]:
    """The kinds of task that an account with this role may claim."""
    return frozenset(duty.kind for duty in DUTY.values() if duty.role is role)


def acts_in(stage: Stage, party: Party) -> tuple[Rule, ...]:
    """The rules that a party may use in a stage, in the table's order."""
    return tuple(rule for rule in RULES if rule.party is party and stage in rule.stages)
