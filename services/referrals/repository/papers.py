"""Papers that were given out, with the hash of what was given; and which sealed text describes which transfer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.referrals.repository.sql import execute, one, rows


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


@dataclass(frozen=True)
class Written:
    """Which sealed text describes a transfer (``sequence``: its step), by whom and when in business time."""

    document_id: UUID
    case_id: UUID
    sequence: int
    account_id: str
    unit_id: str
    at: datetime


async def describe(session: AsyncSession, written: Written) -> None:
    """Note a description; the same document again changes nothing."""
    await execute(
        session,
        "INSERT INTO transfer_descriptions (document_id, case_id, sequence, account_id, unit_id, at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (document_id) DO NOTHING",
        *asdict(written).values(),
    )


async def descriptions(session: AsyncSession, case_id: UUID) -> dict[int, Written]:
    """The latest of each transfer of a case that the principal sees, by step."""
    found = await rows(
        session,
        "SELECT DISTINCT ON (sequence) document_id, case_id, sequence, account_id, unit_id, at"
        " FROM transfer_descriptions WHERE case_id = $1 ORDER BY sequence, version DESC",
        case_id,
    )
    return {row["sequence"]: Written(**row) for row in found}


async def document_of(session: AsyncSession, document_id: UUID) -> tuple[UUID, str] | None:
    """The case and the hash of a document that is kept already."""
    row = await one(session, "SELECT case_id, sha256 FROM documents WHERE document_id = $1", document_id)
    return (row["case_id"], row["sha256"]) if row else None
