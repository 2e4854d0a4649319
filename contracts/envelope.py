"""CloudEvents 1.0 in Kafka's binary content mode: attributes as ``ce_*`` headers, the data as the record's value.

Sources: CloudEvents 1.0.2; Kafka Protocol Binding 1.0.2 §3.2; Distributed Tracing extension (``traceparent``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ValidationError

from contracts.model import Contract, instant
from contracts.topics import Topic

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json; charset=utf-8"


class Event(Contract):
    """A fact that another service may learn of. Carries ids, classes and hashes only: no identity, no narrative.

    ``TYPE`` ends in the major version; a change that an older reader can't take is a new type.
    """

    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]

    @property
    def key(self) -> str:
        """The record key: the field that the topic names."""
        return str(getattr(self, self.TOPIC.key))


class EnvelopeError(ValueError):
    """A record that is no CloudEvent of ours; the text names what is wrong and holds nothing of the content."""


@dataclass(frozen=True)
class Envelope:
    """The attributes of one CloudEvent. ``time`` has an offset."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    traceparent: str | None = None

    def headers(self) -> dict[str, str]:
        """As Kafka header names and values."""
        headers = {
            "ce_specversion": SPEC_VERSION,
            "ce_id": str(self.id),
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_subject": self.subject,
            "ce_time": self.time.isoformat(),
            "content-type": CONTENT_TYPE,
        }
        if self.traceparent:
            headers["ce_traceparent"] = self.traceparent
        return headers


def parse_envelope(headers: Mapping[str, str]) -> Envelope:
    """Read the attributes back.

    Raises EnvelopeError when a required attribute is missing or malformed.
    """
    missing = [
        name
        for name in ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time")
        if not headers.get(name)
    ]
    if missing:
        raise EnvelopeError(f"missing header {', '.join(missing)}")
    if headers["ce_specversion"] != SPEC_VERSION:
        raise EnvelopeError("ce_specversion is not 1.0")
    try:
        event_id = UUID(headers["ce_id"])
    except ValueError as error:
        raise EnvelopeError("ce_id is not a UUID") from error
    try:
        time = instant(headers["ce_time"])
    except ValueError as error:
        raise EnvelopeError("ce_time is not an instant with an offset") from error
    return Envelope(
        event_id, headers["ce_source"], headers["ce_type"], headers["ce_subject"], time, headers.get("ce_traceparent")
    )


class Registry:
    """The event models by CloudEvents type."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        self._by_type = {event.TYPE: event for event in events}

    def __contains__(self, event_type: object) -> bool:
        return event_type in self._by_type

    def __iter__(self) -> Iterator[type[Event]]:
        return iter(self._by_type.values())

    def parse(self, event_type: str, data: bytes) -> Event:
        """The model of a record's value.

        Raises EnvelopeError for an unknown type or data that does not fit: it names fields and rules, never values.
        """
        model = self._by_type.get(event_type)
        if model is None:
            raise EnvelopeError(f"unknown type {event_type[:120]!r}")
        try:
            return model.model_validate_json(data)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in item['loc'])}: {item['type']}"
                for item in error.errors(include_input=False, include_url=False, include_context=False)[:5]
            )
            raise EnvelopeError(f"data does not fit {event_type}: {problems}") from None
