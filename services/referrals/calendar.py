"""The State Council's working days as the `chinesecalendar` package has them, and a table of one's own above them."""

from calendar import isleap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version

from chinese_calendar.constants import Holiday, holidays, workdays

from services.referrals.counting import Calendar, Day

_FIRST_YEAR: int = min(holidays).year
_LAST_YEAR: int = max(holidays).year
_ZH = {holiday.value: holiday.chinese for holiday in Holiday}
_WEEKEND = {5: ("周六", "Saturday"), 6: ("周日", "Sunday")}


@lru_cache(maxsize=40_000)
def _state_council(day: date) -> Day:
    published = _FIRST_YEAR <= day.year <= _LAST_YEAR
    if published and day in workdays:
        name = workdays[day]
        return Day(True, True, f"调休上班({_ZH[name]})", f"working day in lieu ({name})")
    if published and day in holidays:
        name = holidays[day]
        return Day(False, True, _ZH[name], name)
    if day.weekday() in _WEEKEND:
        return Day(False, published, *_WEEKEND[day.weekday()])
    return Day(True, published, "工作日", "working day")


class StateCouncilCalendar:
    """Holidays and working weekends of the published years; Monday to Friday in all others, which is provisional."""

    version = f"cn-{version('chinesecalendar')}"

    def day(self, day: date) -> Day:
        """What kind of day it is."""
        return _state_council(day)

    def is_working_day(self, day: date) -> bool:
        """Whether people work on this day."""
        return _state_council(day).working

    def is_published(self, day: date) -> bool:
        """Whether the notice for this day's year is in the data."""
        return _state_council(day).published


@dataclass(frozen=True, slots=True)
class OwnDay:
    """A day that an agency set: from the next State Council notice, or a local closure."""

    day: date
    working: bool
    name: str
    source: str


@dataclass(frozen=True)
class OwnCalendar:
    """Own days above another calendar. Days of ``years`` are published by their import."""

    base: Calendar
    own: Mapping[date, OwnDay]
    years: frozenset[int] = frozenset()
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """The version names the base and the content of the table."""
        object.__setattr__(self, "version", f"{self.base.version}.{fingerprint(self.own.values(), self.years)}")

    def __hash__(self) -> int:
        """That of the version."""
        return hash(self.version)

    def day(self, day: date) -> Day:
        """What kind of day it is: as set here, else as the base has it."""
        own = self.own.get(day)
        found = self.base.day(day)
        published = found.published or day.year in self.years
        if own is not None:
            return Day(own.working, True, own.name, own.name)
        return found if found.published == published else Day(found.working, published, found.zh, found.en)


def differences(one: Calendar, other: Calendar) -> tuple[date, date] | None:
    """The first and the last day that two calendars above the same base take differently; None when they agree."""
    days: set[date] = set()
    years: frozenset[int] = frozenset()
    for calendar in (one, other):
        if isinstance(calendar, OwnCalendar):
            days |= calendar.own.keys()
            years ^= calendar.years
    days |= {date(year, 1, 1) + timedelta(days=n) for year in years for n in range(365 + isleap(year))}
    found = [day for day in days if _taken(one, day) != _taken(other, day)]
    return (min(found), max(found)) if found else None


def _taken(calendar: Calendar, day: date) -> tuple[bool, bool]:
    found = calendar.day(day)
    return found.working, found.published


def fingerprint(days: Iterable[OwnDay], years: Iterable[int]) -> str:
    """Twelve hexadecimal digits of what a table says: equal tables, equal versions."""
    rows = sorted(f"{own.day.isoformat()}|{own.working}|{own.name}|{own.source}" for own in days)
    return sha256("\n".join([*rows, *(str(year) for year in sorted(years))]).encode()).hexdigest()[:12]
