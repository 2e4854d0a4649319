"""The agency's own calendar days, every import a full table of its own."""

import time
from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from services.referrals.calendar import OwnCalendar, OwnDay, fingerprint
from services.referrals.counting import Calendar
from services.referrals.repository.sql import Row, execute, one, rows

_LOCK = 4_846_121_703
"""One import at a time: each begins with the table of the one before."""
_LATEST = "SELECT ordinal, fingerprint, years FROM calendar_versions ORDER BY ordinal DESC LIMIT 1"
_read: dict[str, OwnCalendar] = {}
"""Calendars by version: a version never changes."""


SEEN_SECONDS = 1.0
"""How long a process may count by a calendar that an import has replaced: it asks once in that time."""


class CalendarSight:
    """The calendar that counts now, as a process sees it."""

    def __init__(self, base: Calendar) -> None:
        self._base = base
        self._seen = base
        self._until = 0.0

    async def now(self, session: AsyncSession) -> Calendar:
        """The latest import above the base, looked up once in SEEN_SECONDS."""
        if time.monotonic() >= self._until:
            self._seen = await current(session, self._base)
            self._until = time.monotonic() + SEEN_SECONDS
        return self._seen


async def current(session: AsyncSession, base: Calendar) -> Calendar:
    """The calendar that counts now: the base with the latest import above it."""
    row = await one(session, _LATEST)
    return await _calendar(session, base, row) if row else base


async def of_version(session: AsyncSession, base: Calendar, version: str) -> Calendar | None:
    """The calendar that a deadline was counted by; None when its base is no longer there."""
    if version == base.version:
        return base
    row = await one(
        session,
        "SELECT ordinal, fingerprint, years FROM calendar_versions WHERE $1::text = $2::text || '.' || fingerprint"
        " ORDER BY ordinal LIMIT 1",
        version,
        base.version,
    )
    return await _calendar(session, base, row) if row else None


async def store(
    session: AsyncSession, base: Calendar, days: Iterable[OwnDay], years: Iterable[int], file_name: str
) -> tuple[Calendar, bool]:
    """Lay days above those of the imports before; the calendar that follows, and whether it is another than before."""
    await execute(session, "SELECT pg_advisory_xact_lock($1)", _LOCK)
    before = await current(session, base)
    own, published = (before.own, before.years) if isinstance(before, OwnCalendar) else ({}, frozenset())
    after = OwnCalendar(base, {**own, **{day.day: day for day in days}}, published | frozenset(years))
    if after.version == before.version:
        return before, False
    mark = fingerprint(after.own.values(), after.years)
    row = await one(
        session,
        "INSERT INTO calendar_versions (fingerprint, years, file_name) VALUES ($1, $2::int[], $3) RETURNING ordinal",
        mark,
        sorted(after.years),
        file_name,
    )
    assert row is not None
    await execute(
        session,
        "INSERT INTO calendar_days (ordinal, day, working, name, source)"
        " SELECT $1::bigint, * FROM unnest($2::date[], $3::boolean[], $4::text[], $5::text[])",
        row["ordinal"],
        [own.day for own in after.own.values()],
        [own.working for own in after.own.values()],
        [own.name for own in after.own.values()],
        [own.source for own in after.own.values()],
    )
    return after, True


async def _calendar(session: AsyncSession, base: Calendar, row: Row) -> Calendar:
    version = f"{base.version}.{row['fingerprint']}"
    if version not in _read:
        found = await rows(
            session, "SELECT day, working, name, source FROM calendar_days WHERE ordinal = $1", row["ordinal"]
        )
        own = {item["day"]: OwnDay(item["day"], item["working"], item["name"], item["source"]) for item in found}
        _read[version] = OwnCalendar(base, own, frozenset(row["years"]))
    return _read[version]
