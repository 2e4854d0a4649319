"""What keeps a case from erasure: a legal hold, set and lifted with a reason, on record."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import audit
from services.chassis.db import execute, one, rows

AREA = "erasure"


class EraseRefused(Exception):
    """What can't be erased, held or lifted now; the text says why."""


async def find_case(session: AsyncSession, named: str) -> UUID:
    """The case of an id or a number. Raises EraseRefused."""
    found = await rows(session, "SELECT case_id FROM cases WHERE case_id::text = $1 OR case_number = $1", named)
    if not found:
        raise EraseRefused(f"there is no case {named}")
    if len(found) > 1:
        raise EraseRefused(f"{named} is the number of {len(found)} cases: name one by its id")
    case_id: UUID = found[0]["case_id"]
    return case_id


async def hold(session: AsyncSession, case_id: UUID, reason: str) -> None:
    """Keep a case until the hold is lifted. Raises EraseRefused when one is on it."""
    try:
        await execute(
            session,
            "INSERT INTO legal_holds (case_id, reason, set_by) VALUES ($1, $2, $3)",
            case_id,
            reason,
            audit.operator(),
        )
    except asyncpg.UniqueViolationError as error:
        raise EraseRefused("a legal hold is on this case already") from error
    await record(session, "HOLD_SET", case_id)


async def lift(session: AsyncSession, case_id: UUID, reason: str) -> None:
    """Take the hold away. Raises EraseRefused when there is none."""
    lifted = await execute(
        session,
        "UPDATE legal_holds SET lifted_at = clock_timestamp(), lifted_by = $2, lift_reason = $3"
        " WHERE case_id = $1 AND lifted_at IS NULL",
        case_id,
        audit.operator(),
        reason,
    )
    if not lifted:
        raise EraseRefused("there is no legal hold on this case")
    await record(session, "HOLD_LIFTED", case_id)


async def held(session: AsyncSession, case_id: UUID) -> bool:
    """Is a hold on this case now?"""
    return await one(session, "SELECT 1 FROM legal_holds WHERE case_id = $1 AND lifted_at IS NULL", case_id) is not None


async def listed(session: AsyncSession) -> Sequence[asyncpg.Record]:
    """All holds, newest first."""
    return await rows(session, "SELECT * FROM legal_holds ORDER BY hold_id DESC")


async def record(session: AsyncSession, action: str, case_id: UUID, **details: str | int) -> None:
    """Put it on the audit, in the transaction of what it tells of."""
    entry = audit.Entry(
        chain=audit.of_area(AREA), actor=audit.operator(), action=action, subject=str(case_id), details=details
    )
    await audit.record(session, entry)
