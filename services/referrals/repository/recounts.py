"""Open cases whose deadlines are to be counted anew because the calendar changed: found once, told until done."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.referrals.calendar import differences
from services.referrals.counting import CHINA, Calendar
from services.referrals.repository import calendars
from services.referrals.repository.sql import Row, execute, one, rows

_ASK = """
INSERT INTO recounts (case_id) {} ON CONFLICT (case_id) DO UPDATE SET asked = recounts.asked + 1
"""
_OPEN_CLOCKS = """
cases AS c CROSS JOIN LATERAL jsonb_to_recordset(c.clocks) AS k(deadline jsonb)
CROSS JOIN LATERAL jsonb_to_record(k.deadline) AS d(calendar_version text, started_at timestamptz, due_at timestamptz)
WHERE c.stage <> 'ARCHIVED'"""
# ruff: noqa: S608 the statements are put together from constants only


async def ask(session: AsyncSession, case_id: UUID) -> None:
    """Have a case counted anew."""
    await execute(session, _ASK.format("VALUES ($1)"), case_id)


async def unapplied(session: AsyncSession, base: Calendar) -> bool:
    """Is there a calendar that the open cases have not been asked about?"""
    row = await one(
        session,
        "SELECT 1 FROM (SELECT coalesce(max(ordinal), 0) AS ordinal FROM calendar_versions) AS latest"
        " WHERE NOT EXISTS (SELECT 1 FROM calendars_applied AS a WHERE a.base = $1 AND a.ordinal = latest.ordinal)",
        base.version,
    )
    return row is not None


async def apply(session: AsyncSession, base: Calendar) -> int:
    """Ask every open case that the present calendar may move, and note that it was done; how many are asked.

    A clock may be moved when days between its start and its end are taken otherwise than by the calendar that it was
    counted by; where that one can't be read any more, always.
    """
    present = await calendars.current(session, base)
    mine = await execute(
        session,
        "INSERT INTO calendars_applied (base, ordinal) SELECT $1, coalesce(max(ordinal), 0) FROM calendar_versions"
        " ON CONFLICT DO NOTHING",
        base.version,
    )
    if not mine:
        return 0
    asked = 0
    for row in await rows(session, f"SELECT DISTINCT d.calendar_version AS version FROM {_OPEN_CLOCKS}"):
        before = await calendars.of_version(session, base, row["version"])
        span = differences(before, present) if before is not None else (date.min, date.max)
        if row["version"] == present.version or span is None:
            continue
        asked += await execute(
            session,
            _ASK.format(
                f"SELECT DISTINCT c.case_id FROM {_OPEN_CLOCKS}"
                " AND d.calendar_version = $1 AND d.started_at < $3 AND d.due_at > $2"
            ),
            row["version"],
            *_instants(*span),
        )
    return asked


def _instants(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last."""
    begin = datetime.combine(max(first, date(1900, 1, 1)), time(0), CHINA)
    return begin, datetime.combine(min(last, date(9000, 1, 1)) + timedelta(days=1), time(0), CHINA)


async def waiting(session: AsyncSession, limit: int) -> Sequence[Row]:
    """Cases to tell: ``case_id`` and ``asked``."""
    return await rows(session, "SELECT case_id, asked FROM recounts ORDER BY case_id LIMIT $1", limit)


async def done(session: AsyncSession, told: Sequence[Row]) -> None:
    """Forget cases that have been told, unless they were asked again meanwhile."""
    await execute(
        session,
        "DELETE FROM recounts AS r USING unnest($1::uuid[], $2::bigint[]) AS t(case_id, asked)"
        " WHERE r.case_id = t.case_id AND r.asked = t.asked",
        [row["case_id"] for row in told],
        [row["asked"] for row in told],
    )
