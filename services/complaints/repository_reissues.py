"""SQL of codes that are issued anew. Every function runs in its caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import execute, one, rows


@dataclass(frozen=True)
class Asked:
    """A request as it waits: marks of who asks, and the case number, when one was given.

    ``name_mark``: to count by; None for what an earlier version took.
    """

    ask_id: UUID
    marks: Sequence[bytes]
    case_number: str | None
    name_mark: bytes | None


@dataclass(frozen=True)
class Match:
    """A complaint of the one who asks, with where its address is."""

    complaint_id: UUID
    case_number: str
    contact_token: UUID
    case_ids: tuple[UUID, ...]


async def add_ask(session: AsyncSession, asked: Asked) -> None:
    """Keep a request until it is looked at."""
    await execute(
        session,
        "INSERT INTO reissue_asks (ask_id, marks, case_number, name_mark) VALUES ($1, $2, $3, $4)",
        asked.ask_id,
        list(asked.marks),
        asked.case_number,
        asked.name_mark,
    )


async def take_ask(session: AsyncSession) -> Asked | None:
    """The request that has waited longest, taken away with this transaction; None when none waits."""
    row = await one(
        session,
        "DELETE FROM reissue_asks WHERE ask_id = (SELECT ask_id FROM reissue_asks ORDER BY at LIMIT 1)"
        " RETURNING ask_id, marks, case_number, name_mark",
    )
    return Asked(*row) if row else None


_MATCHES = """
SELECT c.complaint_id, c.case_number, c.contact_token,
       ARRAY(SELECT cc.case_id FROM complaint_cases cc WHERE cc.complaint_id = c.complaint_id ORDER BY cc.case_id)
FROM complaints c
WHERE c.complaint_id IN (SELECT m.complaint_id FROM likeness_marks m WHERE m.mark = ANY($1::bytea[]))
  AND c.named AND c.contact_token IS NOT NULL AND ($2::text IS NULL OR c.case_number = $2)
  AND NOT EXISTS (SELECT FROM reissued_codes r
                  WHERE r.complaint_id = c.complaint_id AND r.issued_at > clock_timestamp() - $3::interval)
ORDER BY c.complaint_id DESC LIMIT $4
"""


async def matches(session: AsyncSession, asked: Asked, every: timedelta, most: int) -> list[Match]:
    """The newest named complaints with one of the marks that got no new code within ``every``, ``most`` of them."""
    found = await rows(session, _MATCHES, list(asked.marks), asked.case_number, every, most)
    return [Match(row[0], row[1], row[2], tuple(row[3])) for row in found]


async def add_code(
    session: AsyncSession, reissue_id: UUID, match: Match, code_hash: bytes, sealed: bytes, valid: timedelta
) -> None:
    """Keep the hash of a new code, and the code itself sealed to the vault."""
    await execute(
        session,
        "WITH code AS (INSERT INTO reissued_codes (reissue_id, complaint_id, code_hash, expires_at)"
        " VALUES ($1, $2, $3, clock_timestamp() + $6::interval) RETURNING expires_at)"
        " INSERT INTO vault.sealed_codes (reissue_id, complaint_id, contact_token, sealed, expires_at)"
        " SELECT $1, $2, $4, $5, expires_at FROM code",
        reissue_id,
        match.complaint_id,
        code_hash,
        match.contact_token,
        sealed,
        valid,
    )


async def use_code(session: AsyncSession) -> bool:
    """The waiting code of this transaction takes the old one's place; False when it did so before, or only reads."""
    row = await one(
        session,
        "SELECT CASE WHEN current_setting('transaction_read_only') = 'off' THEN huiyin_use_reissued() ELSE false END",
    )
    return bool(row and row[0])


async def forget_codes(session: AsyncSession) -> None:
    """Remove the sealed codes whose time is over."""
    await execute(session, "SELECT huiyin_forget_codes()")
