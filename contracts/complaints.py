"""Events of the complaints service: what a reporter submitted, added or answered."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from contracts.envelope import Event
from contracts.lifecycle import Channel, Track
from contracts.model import CategoryCode, Code, Instant, RegionCode, Sha256
from contracts.topics import COMPLAINTS, Topic


class ContactWay(StrEnum):
    """How a reporter wants to be told, beside the tracking page that everyone has."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    WECHAT = "WECHAT"


class ComplaintEvent(Event):
    """What all facts about a complaint carry."""

    TOPIC: ClassVar[Topic] = COMPLAINTS

    complaint_id: UUID
    case_ids: tuple[UUID, ...] = Field(min_length=1)
    at: Instant


class ComplaintSubmitted(ComplaintEvent):
    """A complaint was accepted for registration; a case of each id is to be opened.

    ``contact_token`` stands for the sealed address in the vault; ``ways`` is empty when the reporter left none.
    ``linked_case_ids``: cases of the same reporter that the complaint is about, e.g. those that retaliation follows.
    """

    TYPE: ClassVar[str] = "cn.huiyin.complaints.submitted.v1"

    case_number: Code
    channel: Channel
    track: Track
    category: CategoryCode
    region: RegionCode
    named: bool
    ways: tuple[ContactWay, ...] = ()
    contact_token: UUID | None = None
    language: str = Field(default="zh", pattern="^(zh|en)$")
    external_order: Code | None = None
    respondent_count: int = Field(ge=0, le=50)
    content_hash: Sha256
    urgent: bool = False
    linked_case_ids: tuple[UUID, ...] = ()


class ComplaintSupplemented(ComplaintEvent):
    """The reporter added text or a file (sealed in complaints)."""

    TYPE: ClassVar[str] = "cn.huiyin.complaints.supplemented.v1"

    supplement_id: UUID
    content_hash: Sha256
    files: int = Field(ge=0, le=50)


class ComplaintRated(ComplaintEvent):
    """The reporter rated the answer: 1 非常不满意 … 5 非常满意."""

    TYPE: ClassVar[str] = "cn.huiyin.complaints.rated.v1"

    rating_id: UUID
    satisfaction: int = Field(ge=1, le=5)


class CodeReissued(ComplaintEvent):
    """A named reporter who lost the query code gets a new one, which the vault gives out for one notice alone."""

    TYPE: ClassVar[str] = "cn.huiyin.complaints.code-reissued.v1"

    reissue_id: UUID


class RightsAsked(ComplaintEvent):
    """The reporter asks something about the own data (个人信息保护法 arts. 44–48)."""

    TYPE: ClassVar[str] = "cn.huiyin.complaints.rights-asked.v1"

    request_id: UUID
    kind: Code


class RightsAnswered(ComplaintEvent):
    """It was answered. ``contact_changed``: from now on the reporter is reached by these ways, or by none."""

    TYPE: ClassVar[str] = "cn.huiyin.complaints.rights-answered.v1"

    request_id: UUID
    kind: Code
    granted: bool
    contact_changed: bool = False
    contact_token: UUID | None = None
    ways: tuple[ContactWay, ...] = ()
    named: bool = False


EVENTS: tuple[type[Event], ...] = (
    ComplaintSubmitted,
    ComplaintSupplemented,
    ComplaintRated,
    CodeReissued,
    RightsAsked,
    RightsAnswered,
)
