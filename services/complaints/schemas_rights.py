"""What is sent and got over HTTP for requests about one's own data (个人信息保护法 art. 44–50)."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from contracts.rights import Ground, Right, RightState
from services.complaints.schemas import Answer, Credentials, Form, Reporter, Verification, Ways


class RightAsk(Credentials, Verification):
    """A request about one's own data. ``corrected``: for a correction, the whole of it as it should be."""

    kind: Right
    corrected: Reporter | None = None
    ways: Ways = None

    @property
    def verification(self) -> Verification:
        """Who asks."""
        return self


class RightCopyAsk(Credentials, Verification):
    """Who collects a copy."""


class RightItem(BaseModel):
    """A request with where it stands in words; ``answer`` is what the officer wrote."""

    request_id: UUID
    kind: Right
    state: RightState
    asked_at: datetime
    due_at: datetime | None
    answered_at: datetime | None
    ground: Ground | None
    text: str
    answer: str | None


class RightItems(BaseModel):
    """The latest first."""

    items: list[RightItem]


class AnswerText(Form):
    """What an officer writes to the reporter."""

    text: Answer
