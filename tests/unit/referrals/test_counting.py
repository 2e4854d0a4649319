"""The counting engine against a slow calculator that shares nothing with it, its laws, and what it refuses."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from chinese_calendar import is_workday
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import CHINA, CountingError, Event, Kind, count
from services.referrals.deadlines import Period

CALENDAR = StateCouncilCalendar()
DAY = timedelta(days=1)
DAYS = ("working_day", "calendar_day", "month")
FIRST, LAST = datetime(2016, 1, 1), datetime(2025, 6, 1)
STARTS = st.datetimes(FIRST, LAST).map(lambda at: at.replace(second=0, microsecond=0, tzinfo=CHINA))


@st.composite
def courses(draw: st.DrawFn, *, longest_minutes: int = 20_000) -> tuple[datetime, list[Event]]:
    """A start, and events in order with pairs; the last suspension may stand open."""
    start = at = draw(STARTS)
    events: list[Event] = []
    suspended = False
    for _ in range(draw(st.integers(0, 5))):
        at += timedelta(minutes=draw(st.integers(0, longest_minutes)))
        if draw(st.booleans()):
            events.append(Event("extend", at, draw(st.integers(1, 6))))
        else:
            events.append(Event("resume" if suspended else "suspend", at))
            suspended = not suspended
    return start, events


def runs_at(moment: datetime, events: Sequence[Event]) -> bool:
    """Whether the clock runs just before a moment."""
    before = [event.type for event in events if event.type != "extend" and event.at < moment]
    return not before or before[-1] == "resume"


def works(day: date) -> bool:
    """Whether it is a working day; an example that runs beyond the published years is none."""
    try:
        return bool(is_workday(day))
    except NotImplementedError:
        reject()


def slow(period: Period, start: datetime, events: Sequence[Event]) -> datetime | None:
    """The issue's sentences, one after the other, without a thought for speed."""
    if [event.type for event in events if event.type != "extend"][-1:] == ["suspend"]:
        return None
    total = int(period.amount + sum(event.amount for event in events if event.type == "extend"))
    if period.unit in ("hour", "minute"):
        left, at = total * (60 if period.unit == "hour" else 1), start
        while left:
            at += timedelta(minutes=1)
            left -= runs_at(at, events)
        return at
    first = start.date()
    needed = total
    if period.unit == "month":
        year, month = first.year + (first.month - 1 + total) // 12, (first.month - 1 + total) % 12 + 1
        corresponding = next(
            date(year, month, number) for number in range(first.day, 0, -1) if _exists(year, month, number)
        )
        needed = (corresponding - first).days
    counted: list[date] = []
    day = first
    while len(counted) < needed:
        day += DAY
        midnight = datetime(day.year, day.month, day.day, tzinfo=CHINA) + DAY
        if runs_at(midnight, events) and (period.unit != "working_day" or works(day)):
            counted.append(day)
    last = counted[-1]
    while not works(last):
        last += DAY
    return datetime(last.year, last.month, last.day, tzinfo=CHINA) + DAY


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def due(period: Period, start: datetime, events: Sequence[Event] = ()) -> datetime | None:
    return count(period, start, events, CALENDAR).due


@settings(max_examples=300, deadline=None)
@given(courses(), st.sampled_from(DAYS), st.integers(1, 40))
def test_days_agree_with_the_slow_calculator(course: tuple[datetime, list[Event]], unit: str, amount: int) -> None:
    period = Period(amount if unit != "month" else amount % 4 + 1, unit)
    assert due(period, *course) == slow(period, *course)


@settings(max_examples=60, deadline=None)
@given(courses(longest_minutes=900), st.sampled_from(["hour", "minute"]), st.integers(1, 30))
def test_hours_agree_with_the_slow_calculator(course: tuple[datetime, list[Event]], unit: str, amount: int) -> None:
    assert due(Period(amount, unit), *course) == slow(Period(amount, unit), *course)


UNITS = st.sampled_from(["working_day", "calendar_day", "month", "quarter", "hour"])


@given(courses(), UNITS, st.integers(1, 12), st.integers(0, 12))
def test_monotone_in_the_amount(course: tuple[datetime, list[Event]], unit: str, amount: int, more: int) -> None:
    one, other = due(Period(amount, unit), *course), due(Period(amount + more, unit), *course)
    assert (one is None) == (other is None)
    assert one is None or other is None or one <= other


@given(STARTS, st.timedeltas(timedelta(0), timedelta(days=200)), UNITS, st.integers(1, 12))
def test_monotone_in_the_start(start: datetime, later: timedelta, unit: str, amount: int) -> None:
    one, other = due(Period(amount, unit), start), due(Period(amount, unit), start + later)
    assert one is not None
    assert other is not None
    assert one <= other


@given(STARTS, st.integers(1, 40), st.integers(1, 40), st.sampled_from(["working_day", "hour"]))
def test_additive(start: datetime, one: int, other: int, unit: str) -> None:
    """The second part begins when the first ends."""
    middle = due(Period(one, unit), start)
    assert middle is not None
    begin = middle if unit == "hour" else middle - timedelta(hours=12)
    assert due(Period(other, unit), begin) == due(Period(one + other, unit), start)


@given(courses(), UNITS, st.integers(1, 12), st.integers(1, 12), st.timedeltas(timedelta(0), timedelta(days=90)))
def test_an_extension_is_a_longer_period_whenever_it_is_granted(
    course: tuple[datetime, list[Event]], unit: str, amount: int, more: int, later: timedelta
) -> None:
    start, events = course
    granted = sorted([*events, Event("extend", start + later, more)], key=lambda event: event.at)
    assert due(Period(amount, unit), start, granted) == due(Period(amount + more, unit), start, events)


@given(STARTS, st.sampled_from(DAYS), st.integers(1, 12), st.integers(0, 30), st.integers(0, 1438))
def test_a_pause_within_a_day_costs_no_day(start: datetime, unit: str, amount: int, after: int, minute: int) -> None:
    midnight = datetime(start.year, start.month, start.day, tzinfo=CHINA) + (after + 1) * DAY
    pause = [
        Event("suspend", midnight + timedelta(minutes=minute)),
        Event("resume", midnight + timedelta(minutes=1439)),
    ]
    assert due(Period(amount, unit), start, pause) == due(Period(amount, unit), start)


@given(STARTS, st.integers(2, 200), st.integers(1, 100), st.timedeltas(timedelta(0), timedelta(days=30)))
def test_a_pause_of_hours_moves_the_end_by_itself(start: datetime, amount: int, after: int, pause: timedelta) -> None:
    begin = start + timedelta(hours=min(after, amount - 1))
    paused = due(Period(amount, "hour"), start, [Event("suspend", begin), Event("resume", begin + pause)])
    assert paused == start + timedelta(hours=amount) + pause


@given(courses(), UNITS, st.integers(1, 20))
def test_the_trail_accounts_for_every_day_and_event(
    course: tuple[datetime, list[Event]], unit: str, amount: int
) -> None:
    found = count(Period(amount, unit), *course, CALENDAR)
    kinds = [step.kind for step in found.trail]
    assert kinds[0] is Kind.START
    assert sum(kind in (Kind.SUSPEND, Kind.RESUME, Kind.EXTEND) for kind in kinds) == len(course[1])
    assert (found.due is None) == (kinds[-1] is not Kind.DUE)
    days = [step.at for step in found.trail if step.day is not None and step.kind is not Kind.ROLLED]
    assert all(type(day) is date for day in days)
    assert days == [course[0].date() + DAY * (number + 1) for number in range(len(days))]
    rolled = [step.at for step in found.trail if step.kind is Kind.ROLLED]
    if found.due is not None and unit != "hour":
        last = (found.due - DAY).date()
        assert last == (rolled[-1] if rolled else days[-1]) + (DAY if rolled else timedelta(0))
    assert all(step.day.zh for step in found.trail if step.day is not None)


@given(courses(), UNITS, st.integers(1, 12))
def test_the_warning_lies_between_start_and_end(course: tuple[datetime, list[Event]], unit: str, amount: int) -> None:
    found = count(Period(amount, unit), *course, CALENDAR)
    if found.due is None or found.due_soon_at is None:
        assert found.due is found.due_soon_at
    else:
        assert course[0] <= found.due_soon_at < found.due


START = datetime(2026, 3, 2, 10, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([Event("resume", START + DAY)], "unpaired"),
        ([Event("suspend", START + DAY), Event("suspend", START + 2 * DAY)], "unpaired"),
        ([Event("suspend", START + 2 * DAY), Event("resume", START + DAY)], "out of order"),
        ([Event("extend", START - DAY, 3)], "before the start"),
        ([Event("extend", START + DAY, 0)], "above 0"),
        ([Event("extend", START + DAY, 0.5)], "whole amounts"),
        ([Event("suspend", datetime(2026, 3, 3))], "offset"),
        ([Event("suspend", START + 40_000 * DAY)], "century"),
    ],
)
def test_what_can_not_have_happened_is_refused(events: list[Event], reason: str) -> None:
    with pytest.raises(CountingError, match=reason):
        due(Period(5, "calendar_day"), START, events)


def test_the_end_of_time_is_refused() -> None:
    with pytest.raises(CountingError, match="year"):
        due(Period(60, "calendar_day"), datetime(9999, 12, 20, tzinfo=CHINA))


def test_skipped_days_are_named() -> None:
    found = count(Period(2, "working_day"), datetime(2026, 9, 30, 10, tzinfo=CHINA), (), CALENDAR)
    named = {str(step.at): step.day.zh for step in found.trail if step.day}
    assert named["2026-10-01"] == "国庆节"
    assert named["2026-10-08"] == "工作日"
    found = count(Period(2, "working_day"), datetime(2026, 10, 9, 10, tzinfo=CHINA), (), CALENDAR)
    named = {str(step.at): step.day.zh for step in found.trail if step.day}
    assert named["2026-10-10"] == "调休上班(国庆节)"
    assert named["2026-10-11"] == "周日"


def test_only_what_rests_on_an_unpublished_year_is_provisional() -> None:
    into_2027 = datetime(2026, 12, 30, 10, tzinfo=CHINA)
    assert count(Period(5, "working_day"), into_2027, (), CALENDAR).provisional
    assert count(Period(5, "calendar_day"), into_2027, (), CALENDAR).provisional
    assert not count(Period(1, "calendar_day"), into_2027, (), CALENDAR).provisional
    assert not count(Period(48, "hour"), into_2027, (), CALENDAR).provisional
