"""Working hours with a lunch break: they time reminders, never deadlines. Pure; time is UTC+8."""

from datetime import datetime

from contracts.reference import WorkingHours
from services.referrals.counting import CHINA, DAY, MAX_DAYS, Calendar


def next_working_moment(at: datetime, hours: WorkingHours, calendar: Calendar) -> datetime:
    """``at`` when people work then, else the next moment at which work begins; with the offset +08:00.

    Raises ValueError for a time without offset, and when the calendar has no working day within ten years.
    """
    if at.tzinfo is None:
        raise ValueError("a moment needs an offset")
    local = at.astimezone(CHINA)
    stretches = ((hours.morning_from, hours.morning_to), (hours.afternoon_from, hours.afternoon_to))
    day = local.date()
    for _ in range(MAX_DAYS):
        if calendar.day(day).working:
            for begins, ends in stretches:
                if local < datetime.combine(day, ends, CHINA):
                    return max(local, datetime.combine(day, begins, CHINA))
        day += DAY
    raise ValueError("the calendar has no working day within ten years")
