"""The outbox: an event is written in the transaction of the change it tells of, and sent later by the relay."""

import json
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel
from uuid_utils import uuid7

from contracts.envelope import Envelope, Event
from contracts.topics import Topic
from services.chassis import telemetry
from services.chassis.db import one

CHANNEL = "huiyin_outbox"

# One statement, one round trip. The notification is delivered at commit, and only then.
_INSERT = f"""
WITH written AS (
    INSERT INTO outbox (topic, key, event_id, type, headers, payload)
    VALUES ($1, $2, $3, $4, $5::jsonb, $6) RETURNING id
)
SELECT pg_notify('{CHANNEL}', '') FROM written
"""  # noqa: S608 constants only


class OutboxRow(SQLModel):
    """An event that is not sent yet. `headers` by name; a row is deleted when Kafka has it."""

    id: int
    topic: str
    key: str
    event_id: UUID
    type: str
    headers: dict[str, str]
    payload: bytes
    created_at: datetime = Field(description="When it was written, not when its transaction committed")


async def emit(
    session: AsyncSession, topic: Topic, key: str, event: Event, *, subject: str, event_id: UUID | None = None
) -> UUID:
    """Write the event into the caller's transaction; returns its id (CloudEvents `id`).

    Lock or version the aggregate's row first: then the order of ids is the order of commits for its key.
    `event_id` for events whose identity follows from something else (a retry writes the same event again).
    Raises ValueError when topic or key are not the event's own.
    """
    values = outgoing(topic, key, event, subject=subject, event_id=event_id)
    await write(session, values)
    return values[2]


Outgoing = tuple[str, str, UUID, str, str, bytes]
"""The columns topic, key, event_id, type, headers (JSON) and payload of an outbox row."""


async def write(session: AsyncSession, event: Outgoing) -> None:
    """Write an event that `outgoing` made into the caller's transaction."""
    await one(session, _INSERT, *event)


def outgoing(topic: Topic, key: str, event: Event, *, subject: str, event_id: UUID | None = None) -> Outgoing:
    """An event as `emit` writes it, for a statement that writes more than the event and notifies CHANNEL itself."""
    if topic is not event.TOPIC or key != event.key:
        raise ValueError(f"{event.TYPE} goes to {event.TOPIC.name} under its {event.TOPIC.key}")
    chosen = event_id or UUID(int=uuid7().int)
    envelope = Envelope(
        id=chosen,
        source=f"/{telemetry.service_name()}",
        type=event.TYPE,
        subject=subject,
        time=datetime.now(UTC),
        traceparent=telemetry.traceparent(),
    )
    return (
        topic.name,
        key,
        chosen,
        event.TYPE,
        json.dumps(envelope.headers(), ensure_ascii=True),
        event.model_dump_json().encode(),
    )
