"""The escalation ladder of an overdue clock: when its steps fall, and who is told of one (rules.md §4.3). Pure.

A report's steps stay between its desk and its holder: no outside body and no superior is told of them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache

from contracts.cases import UnitRef
from contracts.lifecycle import LADDER, Act, Purpose, Supervision, Track
from contracts.messages import Ladder, Rung, RunningClock, Transition
from contracts.reference import escalation
from services.referrals.counting import CHINA, DAY, Calendar
from services.referrals.deadlines import Period, due
from services.referrals.domain import Unit, UnitKind

_INSTANT = timedelta(microseconds=1)


def ladders(clocks: tuple[RunningClock, ...], calendar: Calendar) -> tuple[Ladder, ...]:
    """The ladders of the overdue clocks that do not know theirs yet."""
    return tuple(
        Ladder(purpose=clock.deadline.purpose, rungs=_rungs(clock, calendar))
        for clock in clocks
        if clock.overdue and not clock.suspended and clock.rungs is None
    )


def _rungs(clock: RunningClock, calendar: Calendar) -> tuple[Rung, ...]:
    deadline = clock.deadline
    found = (
        Rung(
            act=Act(row.step),
            at=falls_at(deadline.due_at, row.after_amount, row.after_unit, calendar),
            level=Supervision(row.level),
        )
        for row in escalation(deadline.due_at).values()
        if "*" in row.purposes or deadline.purpose in row.purposes
    )
    return tuple(sorted(found, key=lambda rung: (rung.at, LADDER.index(rung.act))))


@lru_cache(maxsize=4096)
def falls_at(due_at: datetime, amount: int, unit: str, calendar: Calendar) -> datetime:
    """The end (24:00, in UTC) of the ``amount``-th day after the day on which the clock was due.

    0: when the day after it begins, be the deadline at 24:00 or within the day. Kept: many are due at one midnight.
    """
    last = (due_at.astimezone(CHINA) - _INSTANT).date()
    if amount == 0:
        return datetime.combine(last + DAY, time(0), CHINA).astimezone(UTC)
    return due(datetime.combine(last, time(12), CHINA), Period(amount, unit), calendar).due_at


def responsible(step: Transition) -> tuple[UnitRef, ...]:
    """Whose answer the overdue clock of a step waits for."""
    course, sender = step.course, step.holder or step.desk
    match step.deadline.purpose if step.deadline else None:
        case Purpose.ACKNOWLEDGE:
            return (step.desk,)
        case Purpose.DESIGNATE:
            return (course.arbiter or step.desk,)
        case Purpose.SUPPORT:
            return tuple(support.unit for support in course.waiting_supports())
        case Purpose.RECEIPT | Purpose.DISPOSAL:
            return (course.receiver or sender, sender)
    return (sender,)


def told(step: Transition, known: Mapping[str, Unit]) -> tuple[UnitRef, ...]:
    """The units that are told of a step of the ladder, each once.

    ``known``: desk, holder and those of `responsible`, with all above them. A unit that is not on the system has nobody
    who would read it: the desk chases it.
    """
    tells = escalation(step.at)[step.act].tells
    found: list[UnitRef] = list(responsible(step)) if "HOLDER" in tells else []
    if "DESK" in tells:
        found.append(step.desk)
    inside = step.facts.track is Track.INTEGRITY or step.course.restricted
    if inside:
        own = {unit.unit_id for unit in (step.desk, step.holder) if unit is not None}
        found = [unit for unit in found if unit.unit_id in own]
    elif "SUPERIOR" in tells:
        superiors = (superior(known.get(unit.unit_id), known) for unit in responsible(step))
        found += [unit.ref() for unit in superiors if unit is not None]
    reached = {unit_id for unit_id, unit in known.items() if unit.on_system and unit.active}
    return tuple({unit.unit_id: unit for unit in found if unit.unit_id in reached}.values())


def superior(unit: Unit | None, known: Mapping[str, Unit]) -> Unit | None:
    """The nearest department above a unit that is on the system; None when there is none."""
    above = [known[unit_id] for unit_id in reversed(unit.path[:-1]) if unit_id in known] if unit else []
    return next((found for found in above if found.kind is UnitKind.DEPARTMENT and found.on_system), None)
