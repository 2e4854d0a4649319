"""Papers that were given out, with the hash of what was given; and which sealed text describes which transfer."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import audit
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
    """Put it on record: on the audit, in the case's chain."""
    await audit.record(
        session,
        audit.Entry(
            chain=audit.of_case(export.case_id),
            actor=audit.officer(export.account_id),
            action="PAPER_ISSUED",
            subject=str(export.export_id),
            details={
                "step": export.sequence,
                "kind": export.kind,
                "signed": export.signed,
                "unit": export.unit_id,
                "receiver": export.receiver_id,
                "sha256": export.sha256,
                "at": export.at.isoformat(),
            },
        ),
    )


async def of_case(session: AsyncSession, case_id: UUID) -> list[Mapping[str, Any]]:
    """The latest hundred of a case that the principal sees, latest first."""
    found = await rows(
        session,
        "SELECT subject, substr(actor, 9) AS account_id, details FROM audit_log"
        " WHERE chain = $1 AND action = 'PAPER_ISSUED' ORDER BY sequence DESC LIMIT 100",
        audit.of_case(case_id),
    )
    return [_export(row["subject"], row["account_id"], json.loads(row["details"])) for row in found]


def _export(export_id: str, account_id: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "export_id": UUID(export_id),
        "sequence": told["step"],
        "kind": told["kind"],
        "signed": told["signed"],
        "account_id": account_id,
        "unit_id": told["unit"],
        "receiver_id": told["receiver"],
        "sha256": told["sha256"],
        "at": datetime.fromisoformat(told["at"]),
    }


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
