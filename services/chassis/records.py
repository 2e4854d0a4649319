"""A Kafka record as an event, or as poison with a reason: whatever arrives, nothing here raises."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord

from contracts.envelope import EnvelopeError, Event, parse_envelope
from contracts.registry import EVENTS
from services.chassis.deadletters import Headers, Letter, storable

# A type of this form that we don't know is a newer writer's; anything else is rubbish.
_FOREIGN_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+){1,8}\.v\d{1,4}")


@dataclass(frozen=True)
class Received:
    """An event as a handler gets it. `data` are the value's bytes, `event` the model that `parse` returns."""

    id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    traceparent: str | None
    key: str
    data: bytes
    event: Event


@dataclass(frozen=True)
class Poison:
    """A record that is no event of this topic; the reason names what is wrong and holds nothing of the content."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """A well-formed type that this version does not know: skipped, for newer writers' sake."""

    type: str


def parse(received: Received) -> Event:
    """The event's model (already validated)."""
    return received.event


def read(topic: str, key: bytes | None, headers: Headers, value: bytes | None) -> Received | Poison | Unknown:
    """What the record is. Validates the envelope, the data, and that topic and key are the event's own."""
    try:
        names = {name.lower(): (content or b"").decode() for name, content in headers}
    except UnicodeDecodeError:
        return Poison("a header is not UTF-8")
    try:
        envelope = parse_envelope(names)
    except EnvelopeError as error:
        return Poison(str(error))
    if key is None:
        return Poison("the record has no key")
    if value is None:
        return Poison("the record has no value")
    if envelope.type not in EVENTS:
        return Unknown(envelope.type) if _FOREIGN_TYPE.fullmatch(envelope.type) else Poison("ce_type is malformed")
    try:
        event = EVENTS.parse(envelope.type, value)
    except EnvelopeError as error:
        return Poison(str(error))
    except (ValueError, RecursionError) as error:
        return Poison(f"data can't be read: {type(error).__name__}")
    if topic != event.TOPIC.name:
        return Poison(f"{envelope.type} does not belong to this topic")
    if key_text(key) != event.key:
        return Poison(f"the record's key is not the event's {event.TOPIC.key}")
    return Received(
        envelope.id,
        envelope.type,
        envelope.source,
        envelope.subject,
        envelope.time,
        envelope.traceparent,
        event.key,
        value,
        event,
    )


def key_text(key: bytes | None) -> str | None:
    """A record's key as text; bytes that are none become `hex:…`. At most 300 characters."""
    if key is None:
        return None
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = f"hex:{key.hex()}"
    return storable(text)


def letter(consumer: str, record: ConsumerRecord[Any, Any]) -> Letter:
    """The record as it would be parked."""
    named = {name: value for name, value in record.headers if name in ("ce_id", "ce_type")}
    return Letter(
        consumer,
        record.topic,
        record.partition,
        record.offset,
        key_text(record.key),
        tuple(record.headers),
        record.value,
        _text(named.get("ce_id")),
        _text(named.get("ce_type")),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else storable(value.decode("utf-8", "replace"), 120)
