"""The clocks of a case as the workflow sees them: what is due now, and when to look again. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from contracts.cases import Deadline
from contracts.course import ClockEvent, ClockEventType
from contracts.lifecycle import LAPSE, SILENT_CLOCKS, Act, Purpose
from contracts.messages import Ladder, RunningClock


@dataclass(frozen=True)
class Due:
    """An act of the system that a clock demands, since ``at``."""

    at: datetime
    act: Act
    purpose: Purpose


def _next(clock: RunningClock) -> Due | None:
    if clock.suspended:
        return None
    deadline = clock.deadline
    speaks = deadline.purpose not in SILENT_CLOCKS
    if speaks and not clock.warned and deadline.due_soon_at < deadline.due_at:
        return Due(deadline.due_soon_at, Act.DUE_SOON, deadline.purpose)
    if deadline.purpose in LAPSE:
        return Due(deadline.due_at, LAPSE[deadline.purpose], deadline.purpose)
    if not clock.overdue:
        return Due(deadline.due_at, Act.OVERDUE, deadline.purpose)
    return Due(clock.rungs[0].at, clock.rungs[0].act, deadline.purpose) if clock.rungs else None


def next_due(clocks: Iterable[RunningClock], now: datetime) -> Due | None:
    """The earliest act that the clocks demand, past or to come; None when nothing is left to say.

    A warning whose deadline has passed too is skipped: one word, the later one.
    """
    found: Due | None = None
    for clock in clocks:
        due = _next(clock)
        if due is not None and due.act is Act.DUE_SOON and now >= clock.deadline.due_at:
            due = _next(clock.model_copy(update={"warned": True}))
        if due is not None and (found is None or due.at < found.at):
            found = due
    return found


def running(clocks: Iterable[RunningClock], purpose: Purpose) -> RunningClock | None:
    """The clock of a purpose, if it runs."""
    return next((clock for clock in clocks if clock.deadline.purpose is purpose), None)


def without(clocks: Iterable[RunningClock], purposes: Iterable[Purpose]) -> tuple[RunningClock, ...]:
    """The clocks less those of the given purposes."""
    gone = frozenset(purposes)
    return tuple(clock for clock in clocks if clock.deadline.purpose not in gone)


def marked(clocks: Iterable[RunningClock], due: Due) -> tuple[RunningClock, ...]:
    """The clocks after a DUE_SOON or OVERDUE was said of one of them."""
    return tuple(
        clock.model_copy(update={"warned": True, "overdue": clock.overdue or due.act is Act.OVERDUE})
        if clock.deadline.purpose is due.purpose
        else clock
        for clock in clocks
    )


def climbed(clocks: Iterable[RunningClock], due: Due) -> tuple[RunningClock, ...]:
    """The clocks after one of them has taken the next step of its ladder."""
    return tuple(
        clock.model_copy(update={"rungs": clock.rungs[1:], "reached": (*clock.reached, due.act)})
        if clock.deadline.purpose is due.purpose and clock.rungs
        else clock
        for clock in clocks
    )


def laddered(clocks: Iterable[RunningClock], ladders: Iterable[Ladder], now: datetime) -> tuple[RunningClock, ...]:
    """The clocks with the ladders that they did not know; a step that was taken and still holds is not taken twice."""
    known = {ladder.purpose: ladder.rungs for ladder in ladders}

    def with_rungs(clock: RunningClock) -> RunningClock:
        rungs = known.get(clock.deadline.purpose)
        if rungs is None or clock.rungs is not None:
            return clock
        held = tuple(rung.act for rung in rungs if rung.act in clock.reached and rung.at <= now)
        coming = tuple(rung for rung in rungs if rung.act not in held)
        return clock.model_copy(update={"rungs": coming, "reached": held})

    return tuple(with_rungs(clock) for clock in clocks)


def touched(before: Deadline, after: Deadline) -> bool:
    """Does a recount change what people go by: the date, its warning, or its being provisional?"""
    was, now = ((it.due_at, it.due_soon_at, it.provisional) for it in (before, after))
    return was != now


def recounted(clocks: Iterable[RunningClock], deadline: Deadline, now: datetime) -> tuple[RunningClock, ...]:
    """The clocks with a new deadline in its purpose's place; what was said stays where it still holds."""

    def moved(clock: RunningClock) -> RunningClock:
        warned, overdue = clock.warned and now >= deadline.due_soon_at, clock.overdue and now >= deadline.due_at
        said = {"warned": warned, "overdue": overdue, "rungs": None, "reached": clock.reached if overdue else ()}
        return clock.model_copy(update={"deadline": deadline, **said})

    return tuple(moved(clock) if clock.deadline.purpose == deadline.purpose else clock for clock in clocks)


def started(clocks: Iterable[RunningClock], deadlines: Iterable[Deadline]) -> tuple[RunningClock, ...]:
    """The clocks with new ones; a new clock takes the place of an older one of its purpose."""
    new = tuple(RunningClock(deadline=deadline) for deadline in deadlines)
    return without(clocks, (clock.deadline.purpose for clock in new)) + new


def stands_on(clock: RunningClock) -> str | None:
    """The ground on which a clock stands still; None when it runs, or stands since before grounds were remembered."""
    if not clock.suspended:
        return None
    return next((event.ground for event in reversed(clock.events) if event.type is ClockEventType.SUSPEND), None)


def changed(clock: RunningClock, event: ClockEvent, deadline: Deadline | None, now: datetime) -> RunningClock:
    """The clock after a suspension, resumption or extension at ``now``; ``deadline`` None while it is suspended.

    What was said of the deadline before is said anew of the new one when its time comes.
    """
    moved = deadline or clock.deadline
    overdue = clock.overdue and now >= moved.due_at
    return RunningClock(
        deadline=moved,
        warned=clock.warned and now >= moved.due_soon_at,
        overdue=overdue,
        reached=clock.reached if overdue else (),
        suspended=event.type is ClockEventType.SUSPEND or (clock.suspended and event.type is ClockEventType.EXTEND),
        events=(*clock.events, event),
    )
