"""May this officer do this now? The table of contracts/lifecycle applied to a case. Pure.

The API asks before a command is sent, the workflow when it arrives: the same answer for the same case.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from contracts.cases import UnitRef
from contracts.course import Course
from contracts.lifecycle import (
    INSTEAD,
    ROLES_AT,
    RULE,
    RULES,
    Act,
    Field,
    HandoverKind,
    Party,
    Purpose,
    Role,
    Rule,
    Seat,
    Stage,
    TaskKind,
    Track,
)
from contracts.messages import CaseFacts, RunningClock, Task

ILLEGAL_ACT = "ILLEGAL_ACT"
NOT_YOUR_UNIT = "NOT_YOUR_UNIT"
NOT_YOUR_ROLE = "NOT_YOUR_ROLE"
NOT_YOURS = "NOT_YOURS"
ALREADY_YOURS = "ALREADY_YOURS"
STALE = "STALE"
NOT_LINKED = "NOT_LINKED"
EXCLUDED = "EXCLUDED"
ASSIGNEE_EXCLUDED = "ASSIGNEE_EXCLUDED"
DESIGNATED = "DESIGNATED"
PASSED_BEFORE = "PASSED_BEFORE"
RETURN_CLOSED = "RETURN_CLOSED"
NO_REQUEST = "NO_REQUEST"
NOT_VERIFIED = "NOT_VERIFIED"
ALREADY_VERIFIED = "ALREADY_VERIFIED"
SECOND_OFFICER = "SECOND_OFFICER"
ASKER_EXCLUDED = "ASKER_EXCLUDED"
OWN_REQUEST = "OWN_REQUEST"
REQUEST_OPEN = "REQUEST_OPEN"
NO_SUCH_CLOCK = "NO_SUCH_CLOCK"
CLOCK_SUSPENDED = "CLOCK_SUSPENDED"
CLOCK_RUNNING = "CLOCK_RUNNING"
ALREADY_RECEIVED = "ALREADY_RECEIVED"
ALREADY_DISPOSED = "ALREADY_DISPOSED"
NO_DISPOSAL = "NO_DISPOSAL"
SUPPORT_OPEN = "SUPPORT_OPEN"
ALREADY_SUPPORT = "ALREADY_SUPPORT"
SAME_UNIT = "SAME_UNIT"
NO_SUPPORT = "NO_SUPPORT"
NOT_SUPERVISED = "NOT_SUPERVISED"
ALREADY_MAJOR = "ALREADY_MAJOR"
NOT_MAJOR = "NOT_MAJOR"
ALREADY_REPORTED = "ALREADY_REPORTED"
MAJOR_UNREPORTED = "MAJOR_UNREPORTED"
LEADER_LIFTS = "LEADER_LIFTS"
ALREADY_URGENT = "ALREADY_URGENT"
ALREADY_SPLIT = "ALREADY_SPLIT"
HAS_MERGED = "HAS_MERGED"
NOT_RECUSED = "NOT_RECUSED"

NOT_ALONE = frozenset({ASKER_EXCLUDED, OWN_REQUEST, LEADER_LIFTS})
"""Codes of the rules by which nobody decides alone: asked last, and younger than cases that are still open."""


class OpenTask(Protocol):
    """The open task of a case."""

    @property
    def unit_id(self) -> str: ...
    @property
    def role(self) -> Role: ...
    @property
    def assignee(self) -> str | None: ...


class Standing(Protocol):
    """What of a case decides who may act: the workflow's state and the database's row both have it."""

    @property
    def facts(self) -> CaseFacts: ...
    @property
    def sequence(self) -> int: ...
    @property
    def changed_sequence(self) -> int: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def desk(self) -> UnitRef | None: ...
    @property
    def holder(self) -> UnitRef | None: ...
    @property
    def task(self) -> OpenTask | None: ...
    @property
    def clocks(self) -> Sequence[RunningClock]: ...
    @property
    def linked(self) -> bool: ...
    @property
    def course(self) -> Course: ...


class Actor(Protocol):
    """The officer who acts."""

    @property
    def account_id(self) -> str | None: ...
    @property
    def unit_id(self) -> str | None: ...
    @property
    def roles(self) -> Collection[Role]: ...


class Wish(Protocol):
    """What an act brings, as far as its legality hangs on it. A command has it, and an API's request."""

    @property
    def act(self) -> Act: ...
    @property
    def unit_id(self) -> str | None: ...
    @property
    def purpose(self) -> Purpose | None: ...
    @property
    def assignee(self) -> str | None: ...


def is_stale(case: Standing, expected_sequence: int) -> bool:
    """True when the case moved on in a way that the officer has not seen, or the number is none of this case."""
    return not case.changed_sequence <= expected_sequence <= case.sequence


def units_at(case: Standing, seat: Seat) -> frozenset[str]:
    """The ids of the units in a seat."""
    found: tuple[UnitRef | None, ...]
    match seat:
        case Seat.DESK:
            found = (case.desk,)
        case Seat.HOLDER:
            found = (case.holder,)
        case Seat.SENDER:
            found = (case.holder or case.desk,)
        case Seat.ARBITER:
            found = (case.course.arbiter,)
        case Seat.RECEIVER:
            found = (case.course.receiver,)
        case Seat.SUPPORT:
            found = tuple(support.unit for support in case.course.waiting_supports())
    return frozenset(unit.unit_id for unit in found if unit is not None)


def refusal(act: Act, actor: Actor, case: Standing) -> str | None:
    """Why the officer may not do this now, a code; None when it is legal."""
    rule = RULE[act]
    if rule.party is not Party.OFFICER or case.stage not in rule.stages:
        return ILLEGAL_ACT
    if actor.account_id in case.course.barred:
        return EXCLUDED
    if act is Act.RECUSE:  # whoever sees the case, and whatever he has to do with it
        return None if set(rule.roles) & set(actor.roles) else NOT_YOUR_ROLE
    if act is Act.CLAIM:
        return _refuse_claim(actor, case.task)
    if act is Act.REASSIGN and (case.task is None or case.task.unit_id != actor.unit_id):
        return NOT_YOUR_UNIT if case.task else ILLEGAL_ACT
    fit = _refuse_place(rule, actor, case) or _refuse_now(act, case) or _refuse_second(act, actor, case.course)
    return fit or _refuse_alone(act, actor, case)


def legal(actor: Actor, case: Standing) -> tuple[Rule, ...]:
    """The rules that the officer may use now, in the table's order."""
    return tuple(rule for rule in RULES if rule.party is Party.OFFICER and refusal(rule.act, actor, case) is None)


def needs(act: Act, case: Standing) -> tuple[Field, ...]:
    """What the act must bring in this case: of a case that was assigned (交办) the closing report 办结报告 is owed with
    the reply, as its note (信访工作条例 art. 22)."""
    owed = (Field.NOTE,) if act is Act.REPLY and case.course.kind is HandoverKind.ASSIGN else ()
    return tuple(dict.fromkeys((*RULE[act].needs, *owed)))


def refuse_wish(wish: Wish, case: Standing, brings: Callable[[Field], bool]) -> str | None:
    """Why what the act brings does not fit the case: a code, ``MISSING_…`` with the field's name; None when it fits."""
    missing = next((need for need in needs(wish.act, case) if not (brings(need) or _instead(need, brings))), None)
    if missing is not None:
        return f"MISSING_{missing.value.upper()}"
    supports = {support.unit.unit_id for support in case.course.supports}
    match wish.act:
        case Act.TRANSFER if wish.unit_id in case.course.passed:
            return PASSED_BEFORE  # nothing goes round in circles: whoever had it and is not competent returns it
        case Act.ADD_SUPPORT if wish.unit_id in units_at(case, Seat.HOLDER):
            return SAME_UNIT
        case Act.ADD_SUPPORT if wish.unit_id in supports:
            return ALREADY_SUPPORT
        case Act.REASSIGN | Act.ORDER_RECUSAL if wish.assignee in case.course.barred:
            return ASSIGNEE_EXCLUDED
        case Act.LIFT_RECUSAL if wish.assignee not in case.course.recused:
            return NOT_RECUSED
        case Act.RELEASE_SUPPORT if wish.unit_id not in units_at(case, Seat.SUPPORT):
            return NO_SUPPORT
        case Act.REQUEST_EXTENSION | Act.SUSPEND_CLOCK | Act.RESUME_CLOCK:
            return _refuse_clock(wish, case)
    return None


def guarded(case: Standing) -> bool:
    """Whom the case accuses, and who stands below, has no part in it: a report, and what passed by a superior."""
    return case.facts.track is Track.INTEGRITY or case.course.restricted


def unlinked(case: Standing) -> bool:
    """A report stays at the restricted desk until it is known whom it accuses (信访工作条例 art. 30)."""
    return case.facts.track is Track.INTEGRITY and not case.linked


def clock_of(case: Standing, purpose: Purpose | None) -> RunningClock | None:
    """The clock of a purpose, if there is one."""
    return next((clock for clock in case.clocks if clock.deadline.purpose is purpose), None)


def tasks_beside(course: Course, holder: UnitRef | None, desk: UnitRef | None = None) -> tuple[Task, ...]:
    """The tasks beside the main one: a second officer's confirmation, the leader's yes to a request, and the answers of
    helping units (协办). The desk's supervisor decides for a leader who keeps away."""
    request = course.request
    asked = [request.asked_sequence] if request is not None and not request.approved and holder is not None else []
    kind, role = (TaskKind.VERIFY, Role.HANDLER) if course.unverified() else (TaskKind.APPROVE, Role.LEADER)
    decides = holder
    if kind is TaskKind.APPROVE and desk is not None and holder is not None and holder.unit_id in course.leaderless:
        decides, role = desk, Role.SUPERVISOR
    approvals = [
        Task(kind=kind, unit_id=decides.unit_id, role=role, opened_sequence=sequence)
        for sequence in asked
        if decides is not None
    ]
    answers = [
        Task(
            kind=TaskKind.SUPPORT,
            unit_id=support.unit.unit_id,
            role=Role.HANDLER,
            opened_sequence=support.asked_sequence,
        )
        for support in course.waiting_supports()
    ]
    return (*approvals, *answers)


def _instead(need: Field, brings: Callable[[Field], bool]) -> bool:
    return need in INSTEAD and brings(INSTEAD[need])


_LEADERS_WORD = frozenset({Act.GRANT_EXTENSION, Act.DENY_EXTENSION, Act.APPROVE_REFERRAL, Act.DENY_REFERRAL})
"""What the holder's leader decides; the desk's supervisor where that leader keeps away from the case."""


def _refuse_claim(actor: Actor, task: OpenTask | None) -> str | None:
    if task is None:
        return ILLEGAL_ACT
    if task.unit_id != actor.unit_id:
        return NOT_YOUR_UNIT
    if task.role not in actor.roles:
        return NOT_YOUR_ROLE
    if task.assignee is None:
        return None
    return ALREADY_YOURS if task.assignee == actor.account_id else NOT_YOURS


def _refuse_place(rule: Rule, actor: Actor, case: Standing) -> str | None:
    if rule.act in _LEADERS_WORD and case.holder is not None and case.holder.unit_id in case.course.leaderless:
        at_desk = actor.unit_id in units_at(case, Seat.DESK)
        return (None if Role.SUPERVISOR in actor.roles else NOT_YOUR_ROLE) if at_desk else NOT_YOUR_UNIT
    fit = set(rule.roles) & set(actor.roles)
    if not fit:
        return NOT_YOUR_ROLE
    if not rule.seats:
        return None
    seats = [seat for seat in rule.seats if actor.unit_id in units_at(case, seat)]
    if not seats:
        return NOT_YOUR_UNIT
    fit &= frozenset[Role]().union(*(_roles_at(seat, case) for seat in seats))
    if not fit:
        return NOT_YOUR_ROLE
    task = case.task
    taken = task is not None and task.unit_id == actor.unit_id and task.assignee not in (None, actor.account_id)
    beside = rule.act is Act.VERIFY_REFERRAL  # somebody else than who has the task
    return NOT_YOURS if taken and not beside and task is not None and fit <= {task.role} else None


def _refuse_second(act: Act, actor: Actor, course: Course) -> str | None:
    """Two officers verify a suspected crime: whoever asks for the referral is the one, somebody else the other."""
    if act is not Act.VERIFY_REFERRAL or course.request is None:
        return None
    return SECOND_OFFICER if actor.account_id in course.vouching() else None


def _refuse_alone(act: Act, actor: Actor, case: Standing) -> str | None:
    """Nobody grants what he asked for or verified himself; what a superior was told, a leader alone takes back."""
    course = case.course
    match act:
        case Act.APPROVE_REFERRAL if course.unverified():
            return ASKER_EXCLUDED
        case Act.APPROVE_REFERRAL | Act.GRANT_EXTENSION if actor.account_id in course.vouching():
            return OWN_REQUEST
        case Act.LIFT_MAJOR if course.major is not None and course.major.reported:
            leads = Role.LEADER in actor.roles and actor.unit_id in units_at(case, Seat.HOLDER)
            return None if leads else LEADER_LIFTS
    return None


def _roles_at(seat: Seat, case: Standing) -> frozenset[Role]:
    if seat is Seat.SENDER:
        seat = Seat.HOLDER if case.holder else Seat.DESK
    return ROLES_AT[seat]


def _refuse_now(act: Act, case: Standing) -> str | None:
    course = case.course
    match act:
        case Act.ACCEPT if unlinked(case):
            return NOT_LINKED
        case Act.REQUEST_RETURN | Act.RECALL | Act.TRANSFER if course.designated:
            return DESIGNATED
        case Act.REQUEST_RETURN if clock_of(case, Purpose.RETURN) is None:
            return RETURN_CLOSED
        case Act.REQUEST_EXTENSION | Act.PROPOSE_REFERRAL if course.request is not None:
            return REQUEST_OPEN
        case Act.GRANT_EXTENSION | Act.DENY_EXTENSION if not _asked(course, Act.REQUEST_EXTENSION):
            return NO_REQUEST
        case Act.APPROVE_REFERRAL | Act.DENY_REFERRAL if not _asked(course, Act.PROPOSE_REFERRAL):
            return NO_REQUEST
        case Act.VERIFY_REFERRAL if not _asked(course, Act.PROPOSE_REFERRAL):
            return NO_REQUEST
        case Act.VERIFY_REFERRAL if not course.unverified():
            return ALREADY_VERIFIED
        case Act.APPROVE_REFERRAL if _unconfirmed(course):
            return NOT_VERIFIED
        case Act.SUSPEND_CLOCK if all(clock.suspended for clock in case.clocks):
            return NO_SUCH_CLOCK
        case Act.RESUME_CLOCK if not any(clock.suspended for clock in case.clocks):
            return CLOCK_RUNNING
        case Act.RECORD_RECEIPT if course.received:
            return ALREADY_RECEIVED
        case Act.RECORD_DISPOSAL | Act.REFERRAL_RETURNED if course.disposal is not None:
            return ALREADY_DISPOSED
        case Act.MARK_MAJOR if course.major is not None:
            return ALREADY_MAJOR
        case Act.REPORT_MAJOR | Act.LIFT_MAJOR if course.major is None:
            return NOT_MAJOR
        case Act.REPORT_MAJOR if course.major is not None and course.major.reported:
            return ALREADY_REPORTED
        case Act.REPLY | Act.REJECT | Act.MERGE if course.major is not None and not course.major.reported:
            return MAJOR_UNREPORTED
        case Act.REPLY if case.stage is Stage.REFERRED and course.disposal is None:
            return NO_DISPOSAL
        case Act.REPLY if course.waiting_supports():
            return SUPPORT_OPEN
        case Act.RELEASE_SUPPORT if not course.waiting_supports():
            return NO_SUPPORT
        case Act.LIFT_SUPERVISION if not course.supervision:
            return NOT_SUPERVISED
        case Act.LIFT_RECUSAL if not course.recused:
            return NOT_RECUSED
        case Act.MARK_URGENT if course.urgent:
            return ALREADY_URGENT
        case Act.SPLIT if course.origin_case is not None or course.split_case is not None:
            return ALREADY_SPLIT
        case Act.SPLIT | Act.MERGE if course.merged_cases:
            return HAS_MERGED
    return None


def _asked(course: Course, act: Act) -> bool:
    return course.request is not None and course.request.act is act and not course.request.approved


def _unconfirmed(course: Course) -> bool:
    request = course.request
    verified_by = request.verified_by if request is not None else None
    return course.unverified() and (verified_by is None or verified_by in course.barred)


def _refuse_clock(wish: Wish, case: Standing) -> str | None:
    clock = clock_of(case, wish.purpose)
    if clock is None:
        return NO_SUCH_CLOCK
    if wish.act is Act.RESUME_CLOCK:
        return None if clock.suspended else CLOCK_RUNNING
    return CLOCK_SUSPENDED if clock.suspended else None
