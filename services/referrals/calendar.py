"""The State Council's working-day calendar as the `chinesecalendar` package has it; plain weekdays beyond it."""

from datetime import date
from importlib.metadata import version

from chinese_calendar import is_workday
from chinese_calendar.constants import holidays

_FIRST_YEAR: int = min(holidays).year
_LAST_YEAR: int = max(holidays).year


class StateCouncilCalendar:
    """Holidays and working weekends of the published years; Monday to Friday in all others, which is provisional."""

    version = f"cn-{version('chinesecalendar')}"

    def is_working_day(self, day: date) -> bool:
        """Whether people work on this day."""
        if not self.is_published(day):
            return day.weekday() < 5
        answer: bool = is_workday(day)
        return answer

    def is_published(self, day: date) -> bool:
        """Whether the notice for this day's year is in the data."""
        return _FIRST_YEAR <= day.year <= _LAST_YEAR
