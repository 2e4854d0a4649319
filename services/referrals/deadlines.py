"""Deadline arithmetic: from a start and a legal period to the deadline of record. Pure; time zone is UTC+8 throughout.

Sources: 民法典 201 (the first day is excluded; hours run from the instant), 202 (months end on the corresponding day,
or the month's last), 203 (a last day on a rest day gives way to the day after it; the last day ends at 24:00).
Working days follow the State Council's yearly notice, with its working weekends (调休).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from math import floor
from typing import Protocol

CHINA = timezone(timedelta(hours=8), "UTC+08:00")
_DAY = timedelta(days=1)
_NOON = time(12)
MAX_DAYS = 3660


class Calendar(Protocol):
    """Which days are working days, and of which years that is published."""

    @property
    def version(self) -> str:
        """Names data and its edition; recorded with each deadline."""
        ...

    def is_working_day(self, day: date) -> bool:
        """For a year that is not published: Monday to Friday."""
        ...

    def is_published(self, day: date) -> bool:
        """False when the answer for this day is provisional."""
        ...


@dataclass(frozen=True)
class Period:
    """``amount`` of ``unit``: working_day (also halves), calendar_day, day, month, quarter, hour or minute."""

    amount: float
    unit: str


@dataclass(frozen=True)
class Due:
    """When a period ends and when its lamp turns yellow (UTC). ``provisional``: it rests on an unpublished year."""

    due_at: datetime
    due_soon_at: datetime
    provisional: bool


class _Days:
    """Counts on a calendar and remembers whether every day asked for was published."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self.provisional = False

    def working(self, day: date) -> bool:
        self.provisional = self.provisional or not self._calendar.is_published(day)
        return self._calendar.is_working_day(day)

    def forward(self, day: date, count: int) -> date:
        """The ``count``-th working day after ``day``."""
        for _ in range(MAX_DAYS):
            if count == 0:
                return day
            day += _DAY
            count -= self.working(day)
        raise ValueError("the calendar has no working day within ten years")

    def rolled(self, day: date) -> date:
        """``day``, or the next working day when it is a rest day (民法典 203)."""
        return day if self.working(day) else self.forward(day, 1)

    def last_working_before(self, end: date) -> date:
        """The last working day before ``end``."""
        day = end - _DAY
        while not self.working(day):
            day -= _DAY
        return day


def due(started_at: datetime, period: Period, calendar: Calendar) -> Due:
    """The deadline of a period that starts at an instant (with an offset).

    Raises ValueError for a naive start, an unknown unit, or an amount that the unit does not take.
    """
    if started_at.tzinfo is None:
        raise ValueError("a start needs an offset")
    if period.amount <= 0:
        raise ValueError("a period is longer than nothing")
    start = started_at.astimezone(CHINA)
    days = _Days(calendar)
    if period.unit in _EXACT:
        end = start + _EXACT[period.unit] * period.amount
        return Due(_utc(end), _utc(_quarter_left(start, end)), days.provisional)
    if period.unit == "working_day" and period.amount != floor(period.amount):
        end = _half_days(start, period.amount, days)
        return Due(_utc(end), _utc(_quarter_left(start, end)), days.provisional)
    end_day = last_day(start.date(), period, days) + _DAY
    end = _midnight(end_day)
    one_left = _midnight(days.last_working_before(end_day))
    return Due(_utc(end), _utc(max(start, min(one_left, _quarter_left(start, end)))), days.provisional)


_EXACT = {"hour": timedelta(hours=1), "minute": timedelta(minutes=1)}


def last_day(start: date, period: Period, days: _Days) -> date:
    """The last day of a period of whole days or more; it ends at 24:00.

    ``day`` is a calendar day: 行政处罚法 art. 85 makes working days of its own short periods only. A ``quarter`` ends
    with the calendar quarter of the day after the start (每季度集中反馈, 纪检监察机关处理检举控告工作规则 art. 18).
    """
    amount = floor(period.amount)
    if amount != period.amount:
        raise ValueError(f"{period.unit} takes whole amounts")
    if amount > MAX_DAYS:
        raise ValueError("a period of more than ten years is a mistake")
    match period.unit:
        case "working_day":
            return days.forward(start, amount)
        case "calendar_day" | "day":
            return days.rolled(start + amount * _DAY)
        case "month":
            return days.rolled(_add_months(start, amount))
        case "quarter":
            return days.rolled(_quarter_end(start + _DAY, amount - 1))
        case _:
            raise ValueError(f"no period is counted in {period.unit}")


def _half_days(start: datetime, amount: float, days: _Days) -> datetime:
    """Half working days end at 12:00 or 24:00; the half of the start is excluded, as 201 excludes the day.

    No statute defines 半个工作日 (吕梁12345 art. 4 uses it): a default that the deploying agency confirms.
    """
    halves = amount * 2
    if halves != floor(halves):
        raise ValueError("working days are counted in halves at least")
    day, afternoon = start.date(), start.time() >= _NOON
    if not days.working(day):
        afternoon = True  # nothing of a rest day counts: its end is where the count begins
    whole, half = divmod(int(halves) + (1 if afternoon else 0), 2)
    # Counted from the morning of `day`: an even number of halves later is again a morning.
    day = days.forward(day, whole)
    return datetime.combine(day, _NOON, CHINA) if half == 0 else _midnight(day + _DAY)


def _quarter_left(start: datetime, end: datetime) -> datetime:
    """When a quarter of the time is left (rules.md §4.3: ≤25 % of time)."""
    return end - (end - start) / 4


def _add_months(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return min(date(year, month + 1, 1) + (day.day - 1) * _DAY, _month_end(year, month + 1))


def _quarter_end(day: date, further: int) -> date:
    index = day.year * 4 + (day.month - 1) // 3 + further
    year, quarter = divmod(index, 4)
    return _month_end(year, quarter * 3 + 3)


def _month_end(year: int, month: int) -> date:
    return (date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)) - _DAY


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), CHINA)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def wording(due_at: datetime) -> str:
    """A deadline as people say it, in UTC+8: ``2026-09-30 24:00`` for the midnight that ends the 30th."""
    local = due_at.astimezone(CHINA)
    if local.time() == time(0):
        return f"{(local - _DAY).date().isoformat()} 24:00"
    return local.strftime("%Y-%m-%d %H:%M")
