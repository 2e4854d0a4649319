"""Own calendar days above the State Council's, the files they come from, and working hours."""

from datetime import date, datetime
from pathlib import Path

import pytest

from contracts.reference import working_hours
from services.referrals.calendar import OwnCalendar, OwnDay, StateCouncilCalendar, differences
from services.referrals.counting import CHINA, count
from services.referrals.deadlines import Period, wording
from services.referrals.hours import next_working_moment
from services.referrals.own_days import BadCalendar, read_days

BASE = StateCouncilCalendar()
FESTIVAL = OwnDay(date(2027, 2, 8), False, "春节", "国办发明电")
WORKING = OwnDay(date(2027, 2, 13), True, "调休上班(春节)", "国办发明电")


def own(*days: OwnDay, years: frozenset[int] = frozenset()) -> OwnCalendar:
    return OwnCalendar(BASE, {day.day: day for day in days}, years)


def test_own_days_come_before_the_shipped_ones() -> None:
    closed = own(OwnDay(date(2026, 3, 3), False, "停办", "本局通知"))
    assert not closed.day(date(2026, 3, 3)).working
    assert closed.day(date(2026, 3, 4)) == BASE.day(date(2026, 3, 4))
    due = count(Period(1, "working_day"), datetime(2026, 3, 2, 10, tzinfo=CHINA), (), closed).due
    assert due is not None
    assert wording(due) == "2026-03-04 24:00"


def test_a_published_year_is_no_longer_provisional() -> None:
    start = datetime(2027, 2, 5, 10, tzinfo=CHINA)
    before = count(Period(3, "working_day"), start, (), own(FESTIVAL, WORKING))
    after = count(Period(3, "working_day"), start, (), own(FESTIVAL, WORKING, years=frozenset({2027})))
    assert before.due == after.due
    assert before.provisional
    assert not after.provisional


def test_two_calendars_differ_from_the_first_to_the_last_day_that_they_take_otherwise() -> None:
    assert differences(BASE, own(FESTIVAL, WORKING)) == (date(2027, 2, 8), date(2027, 2, 13))
    renamed = OwnDay(date(2026, 3, 3), True, "照常", "本局通知")
    assert differences(BASE, own(renamed)) is None
    assert differences(own(FESTIVAL), own(FESTIVAL)) is None
    published = own(FESTIVAL, years=frozenset({2028}))
    assert differences(own(FESTIVAL), published) == (date(2028, 1, 1), date(2028, 12, 31))


def test_the_version_names_the_content() -> None:
    assert own(FESTIVAL, WORKING).version == own(WORKING, FESTIVAL).version
    assert len({own().version, own(FESTIVAL).version, own(FESTIVAL, years=frozenset({2027})).version}) == 3
    assert own(FESTIVAL).version.startswith(f"{BASE.version}.")


CSV = "date,kind,name,source\n"


def test_both_forms_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        CSV + "2027-02-13,workday,调休上班(春节),国办发明电\n2027-02-08,restday,春节,国办发明电\n"
    )
    (tmp_path / "a.yaml").write_text(
        "- {date: 2027-02-08, kind: restday, name: 春节, source: 国办发明电}\n"
        "- {date: '2027-02-13', kind: workday, name: 调休上班(春节), source: 国办发明电}\n"
    )
    assert read_days(tmp_path / "a.csv") == read_days(tmp_path / "a.yaml") == [FESTIVAL, WORKING]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", CSV + "2027-02-08,rest,春节,x\n", "a.csv:2: kind 'rest' is neither"),
        ("a.csv", CSV + "2027-02-30,restday,春节,x\n", "a.csv:2: day"),
        ("a.csv", CSV + "8.2.2027,restday,春节,x\n", "a.csv:2: '8.2.2027' is no date"),
        ("a.csv", CSV + "2027-02-08,restday,,x\n", "a.csv:2: name is missing"),
        (
            "a.csv",
            CSV + "2027-02-08,restday,a,x\n2027-02-08,workday,b,x\n",
            "a.csv:3: 2027-02-08 is there since line 2",
        ),
        ("a.csv", CSV + "2027-02-08,restday\n", "a.csv:2: has 2 cells"),
        ("a.csv", "date,kind\n", "a.csv:1: the columns are"),
        ("a.csv", CSV, "a.csv:1: holds no day"),
        ("a.csv", CSV + "9999-02-08,restday,a,x\n", "a.csv:2: 9999-02-08 is out of reach"),
        ("a.yaml", "- {date: 2027-02-08\n", "no YAML"),
        ("a.yaml", "date: 2027-02-08\n", "a.yaml:1: is no list"),
        ("a.yaml", "- 4\n", "a.yaml:1: is no mapping"),
        ("a.yaml", "\n- {date: 2027-02-08, kind: restday, name: a, source: b, note: c}\n", "a.yaml:2: note is unknown"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(BadCalendar) as caught:
        read_days(tmp_path / name)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("2026-09-24T08:00", "2026-09-24T09:00"),
        ("2026-09-24T10:15", "2026-09-24T10:15"),
        ("2026-09-24T12:00", "2026-09-24T13:30"),
        ("2026-09-24T13:29", "2026-09-24T13:30"),
        ("2026-09-24T17:30", "2026-09-28T09:00"),
        ("2026-09-20T09:30", "2026-09-20T09:30"),
        ("2026-10-01T00:00", "2026-10-08T09:00"),
    ],
)
def test_reminders_wait_for_working_time(at: str, moment: str) -> None:
    found = next_working_moment(datetime.fromisoformat(at).replace(tzinfo=CHINA), working_hours("wj-990100"), BASE)
    assert found.isoformat() == f"{moment}:00+08:00"


def test_a_moment_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        next_working_moment(datetime(2026, 9, 24, 8), working_hours("x"), BASE)
