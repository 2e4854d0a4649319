"""Deadlines worked by hand from 民法典 201–203 and the State Council's notices, one notice of every published year.

Each row is read as: who starts here by this clock has until the end (24:00) of this day, because …
"""

from datetime import datetime

import pytest

from contracts.reference import clock_rule
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import CHINA, Event, count
from services.referrals.deadlines import wording

CALENDAR = StateCouncilCalendar()

# XF-OBJ: 5 working days (信访工作条例 23). The start day is excluded; the five days are written out.
WORKING_DAYS = """
2004-01-14 2004-01-19  Spring Festival 22–28 Jan, work on Sat 17 and Sun 18:         15 16 17 18 19
2005-09-29 2005-10-11  National Day 1–7 Oct, work on Sat 8 and Sun 9:                30 8 9 10 11
2006-04-27 2006-05-09  Labour Day 1–7 May, work on Sat 29 and Sun 30 Apr:            28 29 30 8 9
2007-02-15 2007-02-27  Spring Festival 18–24 Feb, work on Sat 17 and Sun 25:         16 17 25 26 27
2008-09-25 2008-10-07  National Day 29 Sep – 5 Oct, work on Sat 27 and Sun 28:       26 27 28 6 7
2009-05-26 2009-06-03  Dragon Boat 28–30 May, work on Sun 31:                        27 31 1 2 3
2010-09-17 2010-09-26  Mid-Autumn 22–24 Sep, work on Sun 19, Sat 25 and Sun 26:      19 20 21 25 26
2011-03-31 2011-04-08  Qingming 3–5 Apr, work on Sat 2:                              1 2 6 7 8
2012-03-29 2012-04-06  Qingming 2–4 Apr, work on Sat 31 Mar and Sun 1 Apr:           30 31 1 5 6
2013-06-06 2013-06-14  Dragon Boat 10–12 Jun, work on Sat 8 and Sun 9:               7 8 9 13 14
2014-01-24 2014-01-30  Spring Festival 31 Jan – 6 Feb, work on Sun 26:               26 27 28 29 30
2015-09-02 2015-09-10  70th victory day 3–5 Sep, work on Sun 6:                      6 7 8 9 10
2016-09-14 2016-09-22  Mid-Autumn 15–17 Sep, work on Sun 18:                         18 19 20 21 22
2017-05-25 2017-06-02  Dragon Boat 28–30 May, work on Sat 27:                        26 27 31 1 2
2018-04-03 2018-04-11  Qingming 5–7 Apr, work on Sun 8:                              4 8 9 10 11
2019-04-26 2019-05-06  Labour Day 1–4 May, work on Sun 28 Apr and Sun 5 May:         28 29 30 5 6
2020-01-16 2020-01-22  Spring Festival 24–30 Jan, work on Sun 19:                    17 19 20 21 22
2020-01-21 2020-02-05  Spring Festival prolonged to 2 Feb, no work on Sat 1:         22 23 3 4 5
2021-09-17 2021-09-26  Mid-Autumn 19–21 Sep, work on Sat 18 and Sun 26:              18 22 23 24 26
2022-04-29 2022-05-10  Labour Day 30 Apr – 4 May, work on Sat 7:                     5 6 7 9 10
2023-09-28 2023-10-11  Mid-Autumn and National Day 29 Sep – 6 Oct, work on 7 and 8:  7 8 9 10 11
2024-04-03 2024-04-11  Qingming 4–6 Apr, work on Sun 7:                              7 8 9 10 11
2025-04-25 2025-05-06  Labour Day 1–5 May, work on Sun 27 Apr:                       27 28 29 30 6
2026-09-18 2026-09-24  Mid-Autumn 25–27 Sep, work on Sun 20:                         20 21 22 23 24
"""

# Other clocks: what is counted, and where a rest day moves the end (203).
OTHERS = """
XF-REG  2007-12-16 2008-01-02  15th day Mon 31 Dec, New Year 30 Dec – 1 Jan
XF-REG  2009-09-17 2009-10-09  15th day 2 Oct, National Day 1–8 Oct
XF-REG  2012-09-16 2012-10-08  15th day 1 Oct, holiday 30 Sep – 7 Oct
XF-REG  2015-08-19 2015-09-06  15th day 3 Sep, holiday 3–5 Sep, Sunday 6 is a working day
XF-REG  2018-12-15 2019-01-02  15th day 30 Dec, New Year 30 Dec – 1 Jan
XF-REG  2020-01-10 2020-02-03  15th day 25 Jan, holiday prolonged to 2 Feb
XF-REG  2023-01-08 2023-01-28  15th day 23 Jan, holiday 21–27, Saturday 28 is a working day
XF-REG  2026-09-05 2026-09-20  15th day Sun 20 Sep, which is a working day
XF-DONE 2022-12-02 2023-01-31  60th day a Tuesday: 29 days of December, 31 of January
XF-DONE 2026-08-03 2026-10-08  60th day 2 Oct, holiday 1–7 Oct
PEN-90  2024-07-05 2024-10-08  90th day 3 Oct (26 + 31 + 30 + 3), holiday 1–7 Oct
CRIM-DEC 2025-09-29 2025-10-09 third calendar day 2 Oct, holiday 1–8 Oct
YB-REW  2023-12-10 2024-02-18  corresponding day 10 Feb, holiday 10–17, Sunday 18 is a working day
PSN-BL  2026-01-31 2026-02-28  no 31 February: its last day, a Saturday that is a working day
JJ-QFB  2025-08-15 2025-09-30  the quarter ends on a Tuesday
JJ-QFB  2026-09-30 2026-12-31  the first day is excluded: the next quarter
"""

# What happens on the way. Times are UTC+8; +N is an extension.
WITH_EVENTS = [
    # Suspended in the morning and resumed in the evening: the day counts.
    ("XF-OBJ", "2026-03-02T10:00", "suspend 2026-03-03T09:00, resume 2026-03-03T18:00", "2026-03-09 24:00"),
    # Suspended at the ends of 3 and 4 March: 5 6 9 10 11.
    ("XF-OBJ", "2026-03-02T10:00", "suspend 2026-03-03T18:00, resume 2026-03-05T09:00", "2026-03-11 24:00"),
    # Midnight belongs to the day that begins: 3 counts, 4 does not.
    ("XF-OBJ", "2026-03-02T10:00", "suspend 2026-03-04T00:00, resume 2026-03-05T00:00", "2026-03-10 24:00"),
    # Rest days in a suspension of working days cost nothing.
    ("XF-OBJ", "2026-03-02T10:00", "suspend 2026-03-07T09:00, resume 2026-03-08T23:59", "2026-03-09 24:00"),
    # 30 + 30 days: 60 end on 2 October; the 90th, a Sunday, rolls once, at the end.
    ("XF-DONE", "2026-08-03T10:00", "+30 2026-09-01T10:00", "2026-11-02 24:00"),
    # Ten suspended days (ends of 1–10 March): 60th on 10 May, a Sunday after working Saturday 9.
    ("XF-DONE", "2026-03-01T10:00", "suspend 2026-03-02T00:00, resume 2026-03-12T08:00", "2026-05-11 24:00"),
    # A month to 12 June, one suspended day: 13 June is a Saturday.
    ("PSN-BL", "2026-05-12T10:00", "suspend 2026-05-20T10:00, resume 2026-05-21T10:00", "2026-06-15 24:00"),
    # Hours stand still for two hours; they run over rest days.
    ("CRIM-SEND", "2026-03-06T17:00", "suspend 2026-03-06T18:00, resume 2026-03-06T20:00", "2026-03-07 19:00"),
    ("CRIM-SEND", "2026-03-06T17:00", "+12 2026-03-06T18:00", "2026-03-08 05:00"),
    # Half a working day from the morning of a Friday: its afternoon; suspended over it: Monday's morning.
    ("12345-LL-DISP", "2026-03-06T09:00", "", "2026-03-06 24:00"),
    ("12345-LL-DISP", "2026-03-06T09:00", "suspend 2026-03-06T10:00, resume 2026-03-07T10:00", "2026-03-09 12:00"),
    ("XF-OBJ", "2026-03-02T10:00", "suspend 2026-03-03T18:00", None),
]


def _events(text: str) -> list[Event]:
    found = []
    for item in filter(None, text.split(", ")):
        kind, at = item.split()
        moment = datetime.fromisoformat(at).replace(tzinfo=CHINA)
        if kind.startswith("+"):
            found.append(Event("extend", moment, int(kind[1:])))
        else:
            found.append(Event("suspend" if kind == "suspend" else "resume", moment))
    return found


def _last(clock: str, start: str, events: str = "") -> str | None:
    rule = clock_rule(clock)
    assert rule is not None
    due = count(rule, datetime.fromisoformat(start).replace(tzinfo=CHINA), _events(events), CALENDAR).due
    return wording(due) if due else None


@pytest.mark.parametrize("row", WORKING_DAYS.strip().splitlines())
def test_five_working_days_around_each_years_holidays(row: str) -> None:
    start, last, _ = row.split(maxsplit=2)
    assert _last("XF-OBJ", f"{start}T10:00") == f"{last} 24:00"


@pytest.mark.parametrize("row", OTHERS.strip().splitlines())
def test_other_periods_and_where_they_roll(row: str) -> None:
    clock, start, last, _ = row.split(maxsplit=3)
    assert _last(clock, f"{start}T23:30") == f"{last} 24:00"


def test_every_published_year_is_there() -> None:
    years = {int(row[:4]) for row in WORKING_DAYS.strip().splitlines()}
    assert years == set(range(2004, 2027))


@pytest.mark.parametrize(("clock", "start", "events", "end"), WITH_EVENTS)
def test_suspensions_and_extensions(clock: str, start: str, events: str, end: str | None) -> None:
    assert _last(clock, start, events) == end
