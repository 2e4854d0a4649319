"""Months and quarters of the calendar. Pure."""

from datetime import date, timedelta

_DAY = timedelta(days=1)


def add_months(day: date, months: int) -> date:
    """The corresponding day so many months later, or that month's last (民法典 202); raises OverflowError."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return min(_checked(year, month + 1) + (day.day - 1) * _DAY, _month_end(year, month + 1))


def quarter_end(day: date, further: int) -> date:
    """The last day of the day's quarter, or of one so many quarters further; raises OverflowError."""
    index = day.year * 4 + (day.month - 1) // 3 + further
    year, quarter = divmod(index, 4)
    return _month_end(year, quarter * 3 + 3)


def _month_end(year: int, month: int) -> date:
    return (_checked(year + 1, 1) if month == 12 else _checked(year, month + 1)) - _DAY


def _checked(year: int, month: int) -> date:
    if year > 9998:
        raise OverflowError
    return date(year, month, 1)
