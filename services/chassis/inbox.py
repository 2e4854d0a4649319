"""The inbox: an event is marked as received in the transaction of its effect, so that a redelivery has none."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import execute, one

# Longer than the topics keep records: what is older can't be delivered again.
KEEP = timedelta(days=35)

_MARK = """
INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1
"""
_PRUNE = "DELETE FROM inbox WHERE received_at < now() - $1::interval"


async def first_time(session: AsyncSession, consumer: str, event_id: UUID) -> bool:
    """Mark the event as received by the consumer; False when it already was: do nothing then.

    Waits while another transaction is at the same event, so that one of two has the effect.
    """
    return await one(session, _MARK, consumer, event_id) is not None


async def prune(session: AsyncSession, keep: timedelta = KEEP) -> None:
    """Forget events received longer ago than `keep`."""
    await execute(session, _PRUNE, keep)
