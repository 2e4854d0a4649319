"""Deadlines of record as cases keep and show them; how they are counted is in counting.py. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Literal

from services.referrals.counting import CHINA, DAY, Calendar, count

__all__ = ["CHINA", "Calendar", "Due", "Period", "due", "wording"]


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


def due(started_at: datetime, period: Period, calendar: Calendar) -> Due:
    """The deadline of a period to which nothing has happened yet.

    Raises ValueError for a naive start, an unknown unit, or an amount that the unit does not take.
    """
    counted = count(period, started_at, (), calendar)
    assert counted.due is not None
    assert counted.due_soon_at is not None
    return Due(counted.due.astimezone(UTC), counted.due_soon_at.astimezone(UTC), counted.provisional)


def wording(due_at: datetime, *, provisional: bool = False, language: Literal["zh", "en"] = "zh") -> str:
    """A deadline as people say it, in UTC+8: ``2026-09-30 24:00`` for the midnight that ends the 30th.

    One that rests on an unpublished year is marked.
    """
    local = due_at.astimezone(CHINA)
    midnight = local.time() == time(0)
    words = f"{(local - DAY).date().isoformat()} 24:00" if midnight else local.strftime("%Y-%m-%d %H:%M")
    return words + {"zh": "（暂定）", "en": " (provisional)"}[language] if provisional else words
