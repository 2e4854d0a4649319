"""The vault's SQL of openings: rows are added and read, never changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.openings import Ask, Attempt, Decision, Opening, Reading
from services.chassis.db import execute, one, rows
from services.complaints.vault.words import COLUMNS

_SELECT = """
SELECT o.opening_id, o.case_id, o.complaint_id, o.officer, o.unit_id, o.decides_unit, o.aim, o.asked_at, o.lapses_at,
       d.opening_id IS NOT NULL AS decided, d.granted, d.denial, d.officer AS decided_by, d.unit_id AS decided_at_unit,
       d.at AS decided_at, d.open_until,
       ARRAY(SELECT r.at FROM vault.readings AS r WHERE r.opening_id = o.opening_id ORDER BY r.reading_id) AS readings
FROM vault.openings AS o LEFT JOIN vault.decisions AS d USING (opening_id)
"""


def _opening(row: Any, attempts: Sequence[Any]) -> Opening:
    decision = Decision(
        granted=row["granted"],
        denial=row["denial"],
        officer=row["decided_by"],
        unit_id=row["decided_at_unit"],
        at=row["decided_at"],
        open_until=row["open_until"],
    ) if row["decided"] else None  # fmt: skip
    names = ("opening_id", "case_id", "complaint_id", "officer", "unit_id", "decides_unit", "aim", "asked_at",
             "lapses_at")  # fmt: skip
    return Opening(
        **{name: row[name] for name in names},
        decision=decision,
        readings=tuple(Reading(at=at) for at in row["readings"]),
        attempts=tuple(
            Attempt(officer=found["officer"], act=found["act"], refusal=found["refusal"], at=found["at"])
            for found in attempts
            if found["opening_id"] == row["opening_id"]
        ),
    )


async def opening(session: AsyncSession, opening_id: UUID) -> Opening | None:
    """An opening with its course."""
    row = await one(session, f"{_SELECT} WHERE o.opening_id = $1", opening_id)
    if row is None:
        return None
    return _opening(row, await _attempts(session, row["case_id"]))


async def of_case(session: AsyncSession, case_id: UUID) -> tuple[Opening, ...]:
    """The openings of a case, latest first."""
    found = await rows(session, f"{_SELECT} WHERE o.case_id = $1 ORDER BY o.asked_at DESC", case_id)
    attempts = await _attempts(session, case_id) if found else []
    return tuple(_opening(row, attempts) for row in found)


async def waiting(session: AsyncSession, unit_id: str, now: datetime) -> tuple[Opening, ...]:
    """What a unit's second person is asked, oldest first."""
    found = await rows(
        session,
        f"{_SELECT} WHERE o.decides_unit = $1 AND o.lapses_at > $2 AND d.opening_id IS NULL ORDER BY o.asked_at"
        " LIMIT 200",
        unit_id,
        now,
    )
    return tuple(_opening(row, ()) for row in found)


async def _attempts(session: AsyncSession, case_id: UUID) -> Sequence[Any]:
    return await rows(
        session,
        "SELECT opening_id, officer, act, refusal, at FROM vault.attempts WHERE case_id = $1 ORDER BY attempt_id",
        case_id,
    )


async def waits(session: AsyncSession, officer: str, ask: Ask, now: datetime) -> bool:
    """Whether the officer has asked the same unit for this identity already, and nobody has answered."""
    return bool(
        await one(
            session,
            "SELECT 1 FROM vault.openings AS o WHERE o.officer = $1 AND o.case_id = $2 AND o.complaint_id = $3"
            " AND o.decides_unit IS NOT DISTINCT FROM $4 AND o.lapses_at > $5 AND NOT EXISTS"
            " (SELECT 1 FROM vault.decisions AS d WHERE d.opening_id = o.opening_id)",
            officer,
            ask.case_id,
            ask.complaint_id,
            ask.decides_unit,
            now,
        )
    )


async def add(session: AsyncSession, table: str, row: Mapping[str, Any]) -> bool:
    """A request, its decision or a look, a column each; False when it is there, or its token was used before."""
    names, places = ", ".join(row), ", ".join(f"${place}" for place in range(1, len(row) + 1))
    return bool(
        await execute(
            session,
            f"INSERT INTO vault.{table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING",  # noqa: S608
            *row.values(),
        )
    )


async def signed(session: AsyncSession, table: str, key: UUID) -> Any | None:
    """A row with its word, as `words` looks at it."""
    columns = COLUMNS[table]
    statement = f"SELECT {', '.join(columns)}, word FROM vault.{table} WHERE {columns[0]} = $1"  # noqa: S608
    return await one(session, statement, key)


async def add_attempt(
    session: AsyncSession,
    opening_id: UUID,
    case_id: UUID,
    officer: str,
    act: str,
    refusal: str,
    at: datetime,
    jti: str,
) -> None:
    """What was refused."""
    await execute(
        session,
        "INSERT INTO vault.attempts (opening_id, case_id, officer, act, refusal, at, jti)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        opening_id,
        case_id,
        officer,
        act,
        refusal,
        at,
        jti,
    )


async def open_minutes(session: AsyncSession, opening_id: UUID) -> int:
    """For how long the identity may be read after a yes, as it was when it was asked."""
    row = await one(session, "SELECT open_minutes FROM vault.openings WHERE opening_id = $1", opening_id)
    assert row is not None
    return int(row["open_minutes"])


async def fields_of(session: AsyncSession, opening_id: UUID) -> tuple[str, ...]:
    """What of the identity the purpose shows, as it was when it was asked."""
    row = await one(session, "SELECT fields FROM vault.openings WHERE opening_id = $1", opening_id)
    assert row is not None
    return tuple(row["fields"])
