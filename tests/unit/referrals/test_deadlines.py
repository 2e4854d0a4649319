"""Deadlines as 民法典 201–203 and the State Council's holiday notices make them, on real dates of 2024–2027."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.reference import clock_rules
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.deadlines import CHINA, Period, due, wording

CALENDAR = StateCouncilCalendar()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def ends(start: str, amount: float, unit: str) -> str:
    return wording(due(at(start), Period(amount, unit), CALENDAR).due_at)


@pytest.mark.parametrize(
    ("start", "amount", "last"),
    [
        # An ordinary week: the first day is excluded (201).
        ("2026-03-02 10:00", 1, "2026-03-03"),
        ("2026-03-02 23:59", 5, "2026-03-09"),
        ("2026-03-06 10:00", 1, "2026-03-09"),
        # Started on a rest day: the count begins with the next working day.
        ("2026-03-07 10:00", 1, "2026-03-09"),
        # Spring Festival 2024: off 10–17 February, work on Sundays 4 and 18.
        ("2024-02-02 09:00", 1, "2024-02-04"),
        ("2024-02-07 09:00", 5, "2024-02-20"),
        # National Day 2024: off 1–7 October, work on Sunday 29 September and Saturday 12 October.
        ("2024-09-27 09:00", 5, "2024-10-10"),
        # Spring Festival 2025: off 28 January – 4 February, work on Sunday 26 January and Saturday 8 February.
        ("2025-01-24 09:00", 5, "2025-02-07"),
        ("2025-01-24 09:00", 15, "2025-02-20"),
        # National Day and Mid-Autumn 2025: off 1–8 October, work on Sunday 28 September and Saturday 11 October.
        ("2025-09-26 09:00", 5, "2025-10-10"),
        ("2025-09-30 17:30", 5, "2025-10-14"),
        ("2025-10-03 12:00", 1, "2025-10-09"),
        # New Year 2026: off 1–3 January, work on Sunday 4.
        ("2025-12-31 10:00", 1, "2026-01-04"),
        # Spring Festival 2026: off 15–23 February, work on Saturdays 14 and 28.
        ("2026-02-12 09:00", 5, "2026-02-26"),
        ("2026-02-27 09:00", 1, "2026-02-28"),
        # May Day 2026: off 1–5 May, work on Saturday 9.
        ("2026-04-29 09:00", 5, "2026-05-09"),
        # Mid-Autumn and National Day 2026: off 25–27 September and 1–7 October, work on 20 September and 10 October.
        ("2026-09-24 09:00", 5, "2026-10-09"),
        ("2026-09-30 09:00", 5, "2026-10-13"),
    ],
)
def test_working_days_follow_the_holiday_notices(start: str, amount: float, last: str) -> None:
    assert ends(start, amount, "working_day") == f"{last} 24:00"


@pytest.mark.parametrize(
    ("start", "amount", "last"),
    [
        ("2026-03-02 10:00", 15, "2026-03-17"),
        ("2026-03-01 10:00", 60, "2026-04-30"),
        # The last day is a rest day and gives way to the next working day (203).
        ("2026-03-06 10:00", 15, "2026-03-23"),
        ("2025-09-17 10:00", 15, "2025-10-09"),
        ("2026-09-18 10:00", 15, "2026-10-08"),
        ("2026-08-03 10:00", 60, "2026-10-08"),
        ("2026-02-03 10:00", 15, "2026-02-24"),
        ("2025-01-14 10:00", 15, "2025-02-05"),
        # A working Saturday is no rest day.
        ("2026-09-25 10:00", 15, "2026-10-10"),
        ("2026-01-30 10:00", 15, "2026-02-14"),
    ],
)
def test_calendar_days_roll_from_a_rest_day(start: str, amount: float, last: str) -> None:
    assert ends(start, amount, "calendar_day") == f"{last} 24:00"


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        # 202: the corresponding day, or the month's last.
        ("2026-05-12 10:00", 1, "month", "2026-06-12 24:00"),
        ("2025-01-31 10:00", 1, "month", "2025-02-28 24:00"),
        ("2025-12-31 10:00", 2, "month", "2026-02-28 24:00"),
        ("2026-07-31 10:00", 2, "month", "2026-09-30 24:00"),
        ("2026-10-15 10:00", 3, "month", "2027-01-15 24:00"),
        ("2026-08-02 10:00", 2, "month", "2026-10-08 24:00"),
        # 每季度: by the end of the quarter that the next day lies in.
        ("2026-02-10 10:00", 1, "quarter", "2026-03-31 24:00"),
        ("2026-03-31 10:00", 1, "quarter", "2026-06-30 24:00"),
        # 201: hours run from the instant, over rest days.
        ("2026-03-06 17:00", 24, "hour", "2026-03-07 17:00"),
        ("2026-10-01 08:15", 30, "minute", "2026-10-01 08:45"),
        # Halves of a working day.
        ("2026-03-02 09:00", 0.5, "working_day", "2026-03-02 24:00"),
        ("2026-03-02 12:00", 0.5, "working_day", "2026-03-03 12:00"),
        ("2026-03-06 15:00", 0.5, "working_day", "2026-03-09 12:00"),
        ("2026-10-02 09:00", 0.5, "working_day", "2026-10-08 12:00"),
        ("2026-03-02 09:00", 1.5, "working_day", "2026-03-03 24:00"),
    ],
)
def test_other_units(start: str, amount: float, unit: str, end: str) -> None:
    assert ends(start, amount, unit) == end


def test_a_day_is_a_day_in_china() -> None:
    """16:30 UTC is past midnight in Beijing: 25 September 2026, a holiday, is the excluded first day."""
    assert wording(due(datetime(2026, 9, 24, 16, 30, tzinfo=UTC), Period(1, "working_day"), CALENDAR).due_at) == (
        "2026-09-28 24:00"
    )


def test_the_deadline_is_the_midnight_that_ends_the_last_day_in_utc() -> None:
    found = due(at("2026-03-02 10:00"), Period(1, "working_day"), CALENDAR)
    assert found.due_at == datetime(2026, 3, 3, 16, tzinfo=UTC)
    assert found.due_at.tzinfo is UTC


def test_years_that_are_not_published_are_provisional() -> None:
    published = due(at("2026-12-24 10:00"), Period(5, "working_day"), CALENDAR)
    beyond = due(at("2026-12-30 10:00"), Period(5, "working_day"), CALENDAR)
    assert not published.provisional
    assert beyond.provisional
    assert wording(beyond.due_at) == "2027-01-06 24:00"  # Monday to Friday


@pytest.mark.parametrize(
    ("start", "amount", "unit", "soon"),
    [
        # A quarter of the time left comes before the last working day...
        ("2026-03-02 10:00", 5, "working_day", "2026-03-08 02:30"),
        # ...and here the last working day comes first.
        ("2026-03-02 10:00", 1, "working_day", "2026-03-03 00:00"),
        ("2026-03-02 10:00", 4, "hour", "2026-03-02 13:00"),
    ],
)
def test_due_soon_is_a_quarter_or_one_working_day_before(start: str, amount: float, unit: str, soon: str) -> None:
    assert due(at(start), Period(amount, unit), CALENDAR).due_soon_at == at(soon)


def test_every_clock_of_the_reference_can_be_computed() -> None:
    for rule in clock_rules().values():
        found = due(at("2026-09-24 10:00"), Period(rule.amount, rule.unit), CALENDAR)
        assert at("2026-09-24 10:00") <= found.due_soon_at < found.due_at, rule.id


@pytest.mark.parametrize(
    ("amount", "unit"), [(1, "fortnight"), (0, "hour"), (-1, "working_day"), (0.3, "working_day"), (1.5, "month")]
)
def test_what_is_no_period_is_refused(amount: float, unit: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        due(at("2026-03-02 10:00"), Period(amount, unit), CALENDAR)


def test_a_start_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        due(datetime(2026, 3, 2), Period(1, "hour"), CALENDAR)


DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31))
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2029, 12, 31)).map(lambda moment: moment.replace(tzinfo=CHINA))
UNITS = st.sampled_from(["working_day", "calendar_day", "month", "quarter", "hour"])
AMOUNTS = st.integers(1, 60)


@given(DAYS, AMOUNTS, AMOUNTS)
def test_working_days_add_up(start: date, one: int, other: int) -> None:
    def after(day: date, amount: int) -> date:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=CHINA)
        return date.fromisoformat(wording(due(noon, Period(amount, "working_day"), CALENDAR).due_at)[:10])

    assert after(after(start, one), other) == after(start, one + other)


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=400)), st.integers(1, 24), UNITS)
def test_who_starts_later_is_never_due_earlier(start: datetime, later: timedelta, amount: int, unit: str) -> None:
    period = Period(amount, unit)
    assert due(start, period, CALENDAR).due_at <= due(start + later, period, CALENDAR).due_at


@given(MOMENTS, st.integers(1, 40), st.integers(0, 40), UNITS)
def test_who_has_more_time_is_never_due_earlier(start: datetime, amount: int, more: int, unit: str) -> None:
    assert due(start, Period(amount, unit), CALENDAR).due_at <= due(start, Period(amount + more, unit), CALENDAR).due_at


@given(MOMENTS, st.integers(1, 30).map(lambda halves: halves / 2), st.integers(0, 10))
def test_half_days_keep_the_order(start: datetime, amount: float, more: int) -> None:
    earlier = due(start, Period(amount, "working_day"), CALENDAR).due_at
    assert start < earlier <= due(start, Period(amount + more / 2, "working_day"), CALENDAR).due_at


@given(MOMENTS, AMOUNTS, st.sampled_from(["working_day", "calendar_day", "month", "quarter"]))
def test_the_last_day_is_a_working_day_after_the_start(start: datetime, amount: int, unit: str) -> None:
    found = due(start, Period(amount, unit), CALENDAR)
    last = (found.due_at.astimezone(CHINA) - timedelta(seconds=1)).date()
    assert CALENDAR.is_working_day(last)
    assert last > start.date()
    assert found.due_at.astimezone(CHINA).time().isoformat() == "00:00:00"


@given(MOMENTS, AMOUNTS, UNITS)
def test_the_warning_comes_between_start_and_deadline(start: datetime, amount: int, unit: str) -> None:
    found = due(start, Period(amount, unit), CALENDAR)
    assert start <= found.due_soon_at < found.due_at
