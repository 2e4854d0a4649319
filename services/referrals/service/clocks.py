"""Which clocks a case runs by: chosen by regime, counted, the earlier first; and each running one explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.cases import Deadline
from contracts.course import ClockEvent, ClockEventType
from contracts.lifecycle import Channel, Purpose, Track
from contracts.messages import ClockChange, ClockRequest, ClockVerdict, RunningClock
from contracts.reference import (
    ClockRule,
    Regime,
    applicable,
    categories,
    clock_of_version,
    clock_rule,
    suspensions,
)
from services.referrals.counting import Calendar, Counted, CountingError, Event, count
from services.referrals.domain import Unit


@dataclass(frozen=True)
class Facts:
    """What decides the regime. ``department`` is the receiving unit's; without one, the category's lead."""

    track: Track
    channel: Channel
    category: str
    department: str | None = None


@dataclass(frozen=True)
class Choice:
    """A clock that serves a purpose, the regime that says so, and where it stands."""

    regime: Regime
    rule: ClockRule
    counted: Counted


@dataclass(frozen=True)
class Explained:
    """A running clock recounted from its start by the wording it started with, and the regimes beside it."""

    running: RunningClock
    rule: ClockRule | None
    counted: Counted | None
    choices: tuple[Choice, ...]

    @property
    def agrees(self) -> bool:
        """Whether the recount gives the deadline of record."""
        if self.running.suspended:
            return self.counted is not None and self.counted.due is None
        return self.counted is not None and self.counted.due == self.running.deadline.due_at


def choices(purpose: Purpose, facts: Facts, started_at: datetime, calendar: Calendar) -> tuple[Choice, ...]:
    """Every clock that serves the purpose, the one that is due first at the head.

    Of equal ones the table's order decides. Raises LookupError when no regime has a clock for it.
    """
    lead = categories(started_at)[facts.category].lead
    found = applicable(
        purpose, facts.track, facts.channel, facts.department or lead, category=facts.category, on=started_at
    )
    if not found:
        raise LookupError(f"no clock for {purpose} of {facts}")
    counted = [Choice(regime, rule, count(rule, started_at, (), calendar)) for regime, rule in found]
    return tuple(sorted(counted, key=lambda choice: _due(choice.counted)))


def deadline(request: ClockRequest, unit: Unit | None, calendar: Calendar) -> Deadline:
    """The deadline of record of a clock that starts: where several regimes have one, the earliest."""
    facts = Facts(request.track, request.channel, request.category, unit.department if unit else None)
    first = choices(request.purpose, facts, request.started_at, calendar)[0]
    assert first.counted.due_soon_at is not None
    return Deadline(
        purpose=request.purpose,
        clock_id=first.rule.id,
        article=first.rule.basis()[:120],
        started_at=request.started_at,
        due_at=_due(first.counted),
        due_soon_at=first.counted.due_soon_at.astimezone(UTC),
        provisional=first.counted.provisional,
        calendar_version=calendar.version,
        rule_version=first.rule.version,
    )


def recounted(running: RunningClock, calendar: Calendar) -> Deadline:
    """A clock's deadline by another calendar; as it was while it is suspended, or in no table any more."""
    record = running.deadline
    rule = rule_of(record)
    if rule is None or running.suspended:
        return record
    return _moved(record, count(rule, record.started_at, events_of(running), calendar), calendar)


def events_of(running: RunningClock) -> list[Event]:
    """What happened to a clock, as counting takes it."""
    return [Event(event.type.value, event.at, event.amount, event.ground, event.handover) for event in running.events]


def _moved(record: Deadline, counted: Counted, calendar: Calendar) -> Deadline:
    assert counted.due_soon_at is not None
    changes = {
        "due_at": _due(counted),
        "due_soon_at": counted.due_soon_at.astimezone(UTC),
        "provisional": counted.provisional,
        "calendar_version": calendar.version,
    }
    return record.model_copy(update=changes)


_STANDS_STILL = frozenset({Purpose.HANDLE, Purpose.REDO})
"""The clocks of the case's own handling: those alone are extended or stand still."""


def changed(change: ClockChange, calendar: Calendar) -> ClockVerdict:
    """The deadline of record after what happens to a running clock, within what its rule allows.

    Refusals: NO_EXTENSION, TOO_OFTEN and TOO_LONG by the rule's own extension; TOO_LATE once it is overdue (an
    extension is asked for before the end); NO_SUSPENSION where the ground does not stop this clock. No deadline where
    the clock stands still, also after a hand-over that does not end what it stands on.
    """
    clock, event = change.clock, change.event
    record, rule = clock.deadline, rule_of(clock.deadline)
    if rule is None or record.purpose not in _STANDS_STILL:
        return ClockVerdict(refusal="NO_EXTENSION" if event.type is ClockEventType.EXTEND else "NO_SUSPENSION")
    refusal = _refuse_extension(change, rule) if event.type is ClockEventType.EXTEND else None
    if event.type is ClockEventType.SUSPEND:
        ground = suspensions(event.at).get(change.ground or "")
        if ground is None or (ground.clocks and rule.id not in ground.clocks):
            refusal = "NO_SUSPENSION"
    if event.handover and not ends_with_its_unit(change.ground, event.at):
        return ClockVerdict()
    if refusal is not None:
        return ClockVerdict(refusal=refusal)
    after = clock.model_copy(update={"events": (*clock.events, event)})
    try:
        counted = count(rule, record.started_at, events_of(after), calendar)
    except CountingError:
        return ClockVerdict(refusal="NO_SUCH_CLOCK")
    if counted.due is None:
        return ClockVerdict(ground=change.ground)
    return ClockVerdict(deadline=_moved(record, counted, calendar))


def given_away(clock: RunningClock, at: datetime, calendar: Calendar) -> Deadline | None:
    """The deadline of a clock that stands still once its unit gives the case away; None where it goes on standing."""
    stood = (event for event in reversed(clock.events) if event.type is ClockEventType.SUSPEND)
    ground = next((event.ground for event in stood), None)
    event = ClockEvent(type=ClockEventType.RESUME, at=at, ground=ground, handover=True)
    return changed(ClockChange(clock=clock, event=event, ground=ground), calendar).deadline


def ends_with_its_unit(ground: str | None, at: datetime) -> bool:
    """Does a clock that stands on the ground run on when the case goes to another unit (suspensions.csv)?"""
    row = suspensions(at).get(ground or "")
    return row is not None and row.through == "ENDS"


def _refuse_extension(change: ClockChange, rule: ClockRule) -> str | None:
    granted = sum(event.type is ClockEventType.EXTEND for event in change.clock.events)
    if not rule.extension_max_count or rule.extension_unit != rule.unit:
        return "NO_EXTENSION"
    if granted >= rule.extension_max_count:
        return "TOO_OFTEN"
    if rule.extension_max_amount is not None and change.event.amount > rule.extension_max_amount:
        return "TOO_LONG"
    return "TOO_LATE" if change.event.at >= change.clock.deadline.due_at and change.asked else None


def rule_of(running: Deadline) -> ClockRule | None:
    """The wording that a deadline was set by; where none is named or kept, the one of the day its clock started."""
    kept = clock_of_version(running.clock_id, running.rule_version) if running.rule_version else None
    return kept or clock_rule(running.clock_id, running.started_at)


def explain(running: RunningClock, facts: Facts, calendar: Calendar, events: Sequence[Event] = ()) -> Explained:
    """Recount a running clock, after what happened to it, and its fellows of other regimes."""
    record = running.deadline
    rule = rule_of(record)
    counted = count(rule, record.started_at, events, calendar) if rule else None
    known = isinstance(record.purpose, Purpose) and facts.category in categories(record.started_at)
    beside = choices(Purpose(record.purpose), facts, record.started_at, calendar) if known else ()
    return Explained(running, rule, counted, beside)


def _due(counted: Counted) -> datetime:
    assert counted.due is not None  # nothing has suspended it
    return counted.due.astimezone(UTC)
