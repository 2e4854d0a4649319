"""Counting a legal period from its start through suspensions and extensions, each step on record. Pure; time is UTC+8.

Sources: 民法典 201 (the first day is excluded; hours run from the instant), 202 (months end on the corresponding day,
or the month's last), 203 (a last day on a rest day gives way to the day after it; the last day ends at 24:00).
Working days follow the State Council's yearly notice, with its working weekends (调休).

- A later day counts when the clock is running at that day's end. An event at 24:00 belongs to the day after.
- Calendar days, months and quarters are used up first and rolled from a rest day afterwards: a suspension that begins
  between the two does not lengthen the period.
- A month ends on the corresponding day (202); each day of suspension moves that end by a day. A quarter is the calendar
  quarter of the day after the start (每季度集中反馈, 纪检监察机关处理检举控告工作规则 art. 18).
- Half working days end at 12:00 and 24:00; the half of the start is excluded as 201 excludes the day. No statute
  defines 半个工作日 (吕梁12345 art. 4 uses it): a default that the deploying agency confirms.
- ``day`` is a calendar day: 行政处罚法 art. 85 makes working days of its own short periods only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from math import isfinite
from typing import Literal, Protocol

from services.referrals.months import add_months, quarter_end

CHINA = timezone(timedelta(hours=8), "UTC+08:00")
DAY = timedelta(days=1)
EXACT = {"hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
MAX_DAYS = 3660
LONGEST = timedelta(days=36_600)
_NOON = time(12)

EventType = Literal["suspend", "resume", "extend"]


class CountingError(ValueError):
    """The input makes no period; the text says why."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar. The names say why it is a working or a rest day."""

    working: bool
    published: bool
    zh: str
    en: str


class Calendar(Protocol):
    """Which days are working days, and of which years that is published."""

    @property
    def version(self) -> str:
        """Names data and its edition; recorded with each deadline."""
        ...

    def day(self, day: date) -> Day:
        """For a year that is not published: Monday to Friday."""
        ...

    def __hash__(self) -> int:
        """What was counted by a calendar is kept by it."""
        ...


class Rule(Protocol):
    """``amount`` of ``unit``: working_day (also halves), calendar_day, day, month, quarter, hour or minute."""

    @property
    def amount(self) -> float:
        """How many."""
        ...

    @property
    def unit(self) -> str:
        """Of what."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """What happens to a running clock; ``amount`` (in the clock's own unit) is for ``extend`` alone.

    ``ground`` of a suspension, or of the one that a ``handover`` to another unit ends: for the trail alone.
    """

    type: EventType
    at: datetime
    amount: float = 0
    ground: str | None = None
    handover: bool = False


class Kind(StrEnum):
    """What a step of the trail is."""

    START = "start"
    COUNTED = "counted"
    REST = "rest"
    SUSPENDED = "suspended"
    ROLLED = "rolled"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXTEND = "extend"
    RAN = "ran"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a day (or half, or stretch of time) that counts or not and why, an event, or the end.

    ``at`` is the day, or the instant of an event or end; ``number`` what has been counted up to and with it.
    """

    kind: Kind
    at: date | datetime
    number: float | None = None
    day: Day | None = None
    ground: str | None = None
    handover: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Where a clock stands. ``due`` is None while it is suspended. ``provisional``: it rests on an unpublished year."""

    due: datetime | None
    due_soon_at: datetime | None
    provisional: bool
    trail: tuple[Step, ...]
    total: float


class _Course:
    """Start and events of a clock, checked, in UTC+8; raises CountingError."""

    def __init__(self, start: datetime, events: Sequence[Event]) -> None:
        self.start = _local(start, "start")
        self.events = [replace(event, at=_local(event.at, event.type)) for event in events]
        self.extended: float = 0
        running, before = True, self.start
        for event in self.events:
            if event.at < self.start:
                raise CountingError(f"{event.type} at {event.at.isoformat()} is before the start")
            if event.at < before:
                raise CountingError(f"{event.type} at {event.at.isoformat()} is out of order")
            if event.at - self.start > LONGEST:
                raise CountingError(f"{event.type} at {event.at.isoformat()} is more than a century after the start")
            before = event.at
            if event.type == "extend":
                if not (isfinite(event.amount) and event.amount > 0):
                    raise CountingError("an extension needs an amount above 0")
                self.extended += event.amount
            elif running == (event.type == "resume"):
                raise CountingError(f"{event.type} at {event.at.isoformat()} is unpaired")
            else:
                running = not running
        self.suspended = not running

    def stretches(self, end: datetime | None = None) -> Iterator[tuple[bool, datetime, datetime | None]]:
        """Running and suspended stretches from the start, up to ``end`` or open: (running, from, to)."""
        running, since = True, self.start
        for event in self.events:
            if event.type == "extend":
                continue
            if end is not None and event.at >= end:
                break
            yield running, since, event.at
            running, since = not running, event.at
        yield running, since, end


def count(rule: Rule, start: datetime, events: Sequence[Event], calendar: Calendar) -> Counted:
    """The deadline of record of a period from an instant, after what happened to its clock.

    ``events`` in their order; they are taken as granted, only the arithmetic is judged. Raises CountingError for a
    time without offset, an unknown unit, an amount that the unit does not take, or events that are out of order,
    before the start, or unpaired.
    """
    course = _Course(start, events)
    total = rule.amount + course.extended
    if not (isfinite(total) and rule.amount > 0):
        raise CountingError("a period is longer than nothing")
    try:
        if rule.unit in EXACT:
            return _Exact(course, calendar).counted(total, EXACT[rule.unit])
        if rule.unit == "working_day" and total != int(total):
            return _Halves(course, calendar).counted(total)
        return _Days(course, calendar).counted(total, rule.unit)
    except OverflowError:
        raise CountingError("the period does not end in any year that can be written") from None


class _Trail:
    """Collects steps; events are set in where their time comes."""

    def __init__(self, course: _Course, calendar: Calendar) -> None:
        self.course = course
        self.calendar = calendar
        self.steps: list[Step] = []
        self.provisional = False
        self.running = True
        self._next = 0
        self._granted: float = 0

    def day(self, day: date) -> Day:
        """Asks the calendar and remembers whether the answer was published."""
        found = self.calendar.day(day)
        if not found.published:
            self.provisional = True
        return found

    def until(self, end: datetime | None) -> None:
        """Set in the events before ``end`` (all of them when None)."""
        events = self.course.events
        while self._next < len(events) and (end is None or events[self._next].at < end):
            event = events[self._next]
            self._next += 1
            if event.type == "extend":
                self._granted += event.amount
                self.steps.append(Step(Kind.EXTEND, event.at, event.amount))
            else:
                self.running = event.type == "resume"
                self.steps.append(Step(Kind(event.type), event.at, ground=event.ground, handover=event.handover))

    @property
    def stands(self) -> bool:
        """Suspended, with nothing more to come."""
        return not self.running and self._next == len(self.course.events)

    def done(self, total: float, due: datetime | None, last_day: date | None = None) -> Counted:
        """The result; with no end while the clock is suspended, even if the suspension came after the last day."""
        self.until(None)
        if due is None or self.course.suspended:
            return Counted(None, None, False, tuple(self.steps), total)
        self.steps.append(Step(Kind.DUE, due))
        soon = self._quarter_left(due)
        if last_day is not None:
            soon = min(soon, _midnight(self._working_before(last_day + DAY)))
        return Counted(due, max(self.course.start, soon), self.provisional, tuple(self.steps), total)

    def _working_before(self, end: date) -> date:
        day = end - DAY
        while not self.calendar.day(day).working:
            day -= DAY
        return day

    def _quarter_left(self, due: datetime) -> datetime:
        """When a quarter of the running time is left (rules.md §4.3: ≤25 % of time)."""
        ran = [(since, to) for running, since, to in self.course.stretches(due) if running and to is not None]
        left = sum((to - since for since, to in ran), timedelta()) / 4
        for since, to in reversed(ran):
            if to - since >= left:
                return to - left
            left -= to - since
        return self.course.start


class _Days(_Trail):
    """Whole days, and months and quarters by the days that they have."""

    def counted(self, total: float, unit: str) -> Counted:
        if total != int(total):
            raise CountingError(f"{unit} takes whole amounts")
        if total > MAX_DAYS:
            raise CountingError("a period of more than ten years is a mistake")
        first = self.course.start.date()
        self.steps.append(Step(Kind.START, first))
        if unit == "working_day":
            last = self._forward(first, int(total), working_only=True)
            return self.done(total, _midnight(last + DAY) if last else None, last)
        last = self._forward(first, _length(first, int(total), unit), working_only=False)
        if last is None:
            return self.done(total, None)
        last = self._rolled(last)
        return self.done(total, _midnight(last + DAY), last)

    def _forward(self, day: date, wanted: int, *, working_only: bool) -> date | None:
        """The day on which ``wanted`` days have counted; None when the clock stands before."""
        number = 0
        limit = day + LONGEST + DAY * MAX_DAYS * 2
        steps, calendar, events = self.steps, self.calendar, bool(self.course.events)
        while number < wanted:
            day += DAY
            if day > limit:
                raise CountingError("the calendar has no working day within a century")
            if events:
                self.until(_midnight(day + DAY))
                if self.stands:
                    return None
            found = self.day(day) if working_only else calendar.day(day)
            if working_only and not found.working:
                steps.append(Step(Kind.REST, day, None, found))
            elif not self.running:
                steps.append(Step(Kind.SUSPENDED, day, None, found))
            else:
                number += 1
                steps.append(Step(Kind.COUNTED, day, number, found))
        return day

    def _rolled(self, day: date) -> date:
        """``day``, or the next working day when it is a rest day (民法典 203)."""
        for _ in range(MAX_DAYS):
            found = self.day(day)
            if found.working:
                return day
            self.steps.append(Step(Kind.ROLLED, day, None, found))
            day += DAY
        raise CountingError("the calendar has no working day within ten years")


class _Halves(_Trail):
    """Working days counted in halves."""

    def counted(self, total: float) -> Counted:
        halves = total * 2
        if halves != int(halves):
            raise CountingError("working days are counted in halves at least")
        if total > MAX_DAYS:
            raise CountingError("a period of more than ten years is a mistake")
        start = self.course.start
        self.steps.append(Step(Kind.START, start))
        number, end = 0, start
        for end in _half_ends(start):
            self.until(end)
            if self.stands:
                return self.done(total, None)
            day = (end - timedelta(microseconds=1)).date()
            found = self.day(day)
            if not found.working:
                self.steps.append(Step(Kind.REST, end, None, found))
            elif not self.running:
                self.steps.append(Step(Kind.SUSPENDED, end, None, found))
            else:
                number += 1
                self.steps.append(Step(Kind.COUNTED, end, number / 2, found))
                if number == halves:
                    break
        return self.done(total, end)


class _Exact(_Trail):
    """Hours and minutes, over rest days; the time of a suspension does not count."""

    def counted(self, total: float, unit: timedelta) -> Counted:
        left = unit * total
        if left > LONGEST:
            raise CountingError("a period of more than ten years is a mistake")
        self.steps.append(Step(Kind.START, self.course.start))
        due: datetime | None = None
        for running, since, to in self.course.stretches():
            self.until(since)
            if not running:
                continue
            if to is None or to - since >= left:
                due = since + left
                self.until(due)
                self.steps.append(Step(Kind.RAN, due, total))
                break
            left -= to - since
            self.until(to)
            self.steps.append(Step(Kind.RAN, to, total - left / unit))
        return self.done(total, due)


def _half_ends(start: datetime) -> Iterator[datetime]:
    """The ends of the halves after the one that the start lies in."""
    day = start.date()
    if start.time() < _NOON:
        yield _midnight(day + DAY)
    while True:
        day += DAY
        yield datetime.combine(day, _NOON, CHINA)
        yield _midnight(day + DAY)


def _length(first: date, amount: int, unit: str) -> int:
    """How many days a period has whose first day is excluded."""
    match unit:
        case "calendar_day" | "day":
            return amount
        case "month":
            return (add_months(first, amount) - first).days
        case "quarter":
            return (quarter_end(first + DAY, amount - 1) - first).days
        case _:
            raise CountingError(f"no period is counted in {unit}")


def _local(moment: datetime, what: str) -> datetime:
    if moment.tzinfo is None:
        raise CountingError(f"the time of {what} needs an offset, e.g. 2026-09-25T10:00:00+08:00")
    try:
        return moment.astimezone(CHINA)
    except OverflowError:
        raise CountingError(f"the time of {what} is in no year that can be written") from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), CHINA)
