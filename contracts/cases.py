"""Events of the referrals service: every step of a case."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field, WithJsonSchema

from contracts.envelope import Event
from contracts.lifecycle import Act, Channel, Purpose, Stage, TaskKind, Track
from contracts.model import CODE_PATTERN, CategoryCode, Code, Contract, Instant, RegionCode, Sha256
from contracts.topics import CASES, Topic


class Outcome(StrEnum):
    """办结类型 (rules.md §4.1 CLOSED)."""

    SUBSTANTIATED = "SUBSTANTIATED"
    PARTLY_SUBSTANTIATED = "PARTLY_SUBSTANTIATED"
    UNSUBSTANTIATED = "UNSUBSTANTIATED"
    UNVERIFIABLE = "UNVERIFIABLE"
    REFERRED = "REFERRED"
    EXPLAINED = "EXPLAINED"


OUTCOME_ZH: dict[Outcome, str] = {
    Outcome.SUBSTANTIATED: "属实已处理",
    Outcome.PARTLY_SUBSTANTIATED: "部分属实",
    Outcome.UNSUBSTANTIATED: "不属实",
    Outcome.UNVERIFIABLE: "无法查实",
    Outcome.REFERRED: "已移送",
    Outcome.EXPLAINED: "解释说明",
}


def _open(member: type[StrEnum]) -> Any:
    """A class that grows: what a reader does not know yet stays a code, so that a new act or stage breaks no reader."""
    shape = {"type": "string", "pattern": CODE_PATTERN}
    return Annotated[member | Code, Field(union_mode="left_to_right"), WithJsonSchema(shape)]


if TYPE_CHECKING:
    AnyAct = Act
    AnyStage = Stage
    AnyTaskKind = TaskKind
    AnyPurpose = Purpose
    AnyOutcome = Outcome
else:
    AnyAct, AnyStage, AnyTaskKind, AnyPurpose, AnyOutcome = map(_open, (Act, Stage, TaskKind, Purpose, Outcome))


class UnitRef(Contract):
    """A unit as others may name it. ``level`` 省 市 县 are data of the unit tree, not repeated here."""

    unit_id: Code
    name: str = Field(max_length=80)
    region: RegionCode


class DocumentRef(Contract):
    """A sealed text in referrals, by id and hash of its plain form."""

    document_id: UUID
    sha256: Sha256


class Deadline(Contract):
    """One deadline of record: 24:00 of its last day as the next day's midnight, in UTC.

    ``provisional`` when it rests on a calendar year that the State Council has not published. ``rule_version`` names
    the wording of the clock that it was set by; older writers leave it out."""

    purpose: AnyPurpose
    clock_id: Code
    article: str = Field(max_length=120)
    started_at: Instant
    due_at: Instant
    due_soon_at: Instant
    provisional: bool
    calendar_version: Code
    rule_version: Code | None = None


class WorkingMoment(Contract):
    """When a unit works next, at or after a step."""

    unit_id: Code
    at: Instant


class CaseTransitioned(Event):
    """A case took one step. ``sequence`` counts from 1 without gaps; ``told``: the reporter may know of it."""

    TYPE: ClassVar[str] = "cn.huiyin.cases.transitioned.v1"
    TOPIC: ClassVar[Topic] = CASES

    case_id: UUID
    case_number: Code
    complaint_ids: tuple[UUID, ...]
    sequence: int = Field(ge=1)
    act: AnyAct
    from_stage: AnyStage
    to_stage: AnyStage
    at: Instant
    track: Track
    channel: Channel
    category: CategoryCode
    region: RegionCode
    told: bool
    desk: UnitRef
    holder: UnitRef | None = None
    task: AnyTaskKind | None = None
    task_unit: UnitRef | None = None
    """Whose the open task is, where it is neither the desk's nor the holder's."""
    concerned: tuple[UnitRef, ...] = ()
    """Units beside the one on turn that must know of the step: a helper that is asked, a leader's unit, a receiver."""
    reason_code: Code | None = None
    public_document: DocumentRef | None = None
    outcome: AnyOutcome | None = None
    satisfaction: int | None = Field(default=None, ge=1, le=5)
    redo_count: int = Field(default=0, ge=0)
    restricted: bool = False
    """In no ordinary list, whatever its track: it was sent past an accused desk."""
    deadline: Deadline | None = None
    """The deadline that the act is about: for DUE_SOON and OVERDUE the one due, for RECOUNT the new one, else when the
    holder must answer."""
    deadline_before: Deadline | None = None
    """What a RECOUNT replaced."""
    remind_at: tuple[WorkingMoment, ...] = ()
    """When a reminder (DUE_SOON, OVERDUE) is for a unit to see; a unit that is not named here sees it at once."""
    history_hash: Sha256

    @property
    def guarded(self) -> bool:
        """For the units in its seats alone: a report, and what was sent past an accused desk (信访工作条例 art. 30)."""
        return self.track is Track.INTEGRITY or self.restricted


EVENTS: tuple[type[Event], ...] = (CaseTransitioned,)
