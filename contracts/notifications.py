"""Events of the notifications service: how each notice ended."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.envelope import Event
from contracts.model import Code, Instant
from contracts.topics import NOTIFICATIONS, Topic


class DeliveryState(StrEnum):
    """The terminal states of a notice."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class NoticeSettled(Event):
    """A notice to a reporter reached its one terminal state.

    What officers see in the application is there at once: it has a row in the ledger, and no event. Nor has what is
    between us and the reporter alone (a new query code, requests about the own data).
    """

    TYPE: ClassVar[str] = "cn.huiyin.notifications.settled.v1"
    TOPIC: ClassVar[Topic] = NOTIFICATIONS

    notice_id: UUID
    case_id: UUID
    template: Code
    recipient: Code
    """``reporter:<complaint_id>``; in events of older versions also ``unit:<unit_id>``."""
    way: Code
    state: DeliveryState
    reason: Code | None = None
    attempts: int = Field(ge=0)
    possibly_repeated: bool = False
    at: Instant


EVENTS: tuple[type[Event], ...] = (NoticeSettled,)
