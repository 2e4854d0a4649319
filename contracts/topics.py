"""Kafka topics: name, key, partitions and retention. Created explicitly, never by a producer."""

from dataclasses import dataclass

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Topic:
    """A topic. ``key`` names the field whose value is the record key: order is kept per key, and only per key."""

    name: str
    key: str
    partitions: int
    retention_ms: int = 14 * DAY_MS


COMPLAINTS = Topic("complaints.events", key="complaint_id", partitions=6)
CASES = Topic("cases.events", key="case_id", partitions=6)
NOTIFICATIONS = Topic("notifications.events", key="case_id", partitions=3)

TOPICS: tuple[Topic, ...] = (COMPLAINTS, CASES, NOTIFICATIONS)
