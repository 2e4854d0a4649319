"""The audit's rows as its administrator reads them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.referrals.repository.sql import Row, rows


async def chain(session: AsyncSession, name: str, after: int, limit: int) -> list[dict[str, Any]]:
    """Rows of a chain after a number, in their order."""
    found = await rows(
        session,
        "SELECT sequence, at, actor, action, subject, purpose, details, ip, user_agent, hash FROM audit_log"
        " WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        name,
        after,
        limit,
    )
    return [{**row, "details": json.loads(row["details"])} for row in found]


@dataclass(frozen=True)
class Sought:
    """Rows of a chain; what is None is not asked for. ``since`` and ``until``: from then on, and before then."""

    chain: str
    subject: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def back(session: AsyncSession, sought: Sought, before: int | None, limit: int) -> list[dict[str, Any]]:
    """Rows before a number, the latest first."""
    found = await rows(
        session,
        "SELECT sequence, at, actor, action, subject, purpose, details, ip FROM audit_log WHERE chain = $1"
        " AND ($2::bigint IS NULL OR sequence < $2) AND ($3::text IS NULL OR subject = $3)"
        " AND ($4::text IS NULL OR action = $4) AND ($5::timestamptz IS NULL OR at >= $5)"
        " AND ($6::timestamptz IS NULL OR at < $6) ORDER BY sequence DESC LIMIT $7",
        sought.chain,
        before,
        sought.subject,
        sought.action,
        sought.since,
        sought.until,
        limit,
    )
    return [{**row, "details": json.loads(row["details"])} for row in found]


async def latest(session: AsyncSession, name: str, limit: int) -> Sequence[Row]:
    """The last rows of a chain, the latest first."""
    return await rows(
        session,
        "SELECT at, actor, action FROM audit_log WHERE chain = $1 ORDER BY sequence DESC LIMIT $2",
        name,
        limit,
    )
