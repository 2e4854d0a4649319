"""Papers that were given out: which, by whom, when, and the hash of what was given."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.referrals.repository.sql import execute, rows


@dataclass(frozen=True)
class Export:
    """A paper about a passage of a case (``sequence``: its step); ``at`` in business time, as printed on it."""

    export_id: UUID
    case_id: UUID
    sequence: int
    kind: str
    signed: bool
    account_id: str
    unit_id: str
    receiver_id: str
    sha256: str
    at: datetime


async def add(session: AsyncSession, export: Export) -> None:
    """Put it on record."""
    await execute(
        session,
        "INSERT INTO exports (export_id, case_id, sequence, kind, signed, account_id, unit_id, receiver_id, sha256, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *asdict(export).values(),
    )


async def of_case(session: AsyncSession, case_id: UUID) -> list[Mapping[str, Any]]:
    """The latest hundred of a case that the principal sees, latest first."""
    found = await rows(
        session,
        "SELECT export_id, sequence, kind, signed, account_id, unit_id, receiver_id, sha256, at FROM exports"
        " WHERE case_id = $1 ORDER BY at DESC, export_id LIMIT 100",
        case_id,
    )
    return [dict(row) for row in found]
