"""The audit's rows as its administrator reads them."""

import json
from collections.abc import Sequence
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


async def latest(session: AsyncSession, name: str, limit: int) -> Sequence[Row]:
    """The last rows of a chain, the latest first."""
    return await rows(
        session,
        "SELECT at, actor, action FROM audit_log WHERE chain = $1 ORDER BY sequence DESC LIMIT $2",
        name,
        limit,
    )
