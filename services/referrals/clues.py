"""Transfers between the sector and discipline inspection (双向移送; rules.md §3), as history tells of them, and what an
officer adds to their record. Pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.messages import Transition
from services.referrals.domain import Unit
from services.referrals.passages import Passage, passages

DISCIPLINE = "JJ"

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class Direction(StrEnum):
    """行业→纪检, or 纪检→行业."""

    TO_DISCIPLINE = "TO_DISCIPLINE"
    FROM_DISCIPLINE = "FROM_DISCIPLINE"


DIRECTION_ZH = {Direction.TO_DISCIPLINE: "行业→纪检", Direction.FROM_DISCIPLINE: "纪检→行业"}


class Classification(StrEnum):
    """密级 up to 工作秘密 (保守国家秘密法 art. 64): state secrets have no place in this system."""

    OPEN = "OPEN"
    INTERNAL = "INTERNAL"
    WORK_SECRET = "WORK_SECRET"


CLASSIFICATION_ZH = {
    Classification.OPEN: "非密",
    Classification.INTERNAL: "内部",
    Classification.WORK_SECRET: "工作秘密",
}


class Person(BaseModel):
    """A person concerned (涉及人员). ``supervised``: 监察对象; None where it is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    unit: Line | None = None
    post: Line | None = None
    party_member: bool | None = None
    supervised: bool | None = None


class Description(BaseModel):
    """What an officer writes into the record of a transfer: sealed as one text. ``amount`` in yuan (涉案金额);
    ``receiver_number``: the receiver's own; ``accountability``: 追责结果."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clue_summary: Text | None = None
    persons: tuple[Person, ...] = Field(default=(), max_length=50)
    amount: Decimal | None = Field(default=None, ge=0, max_digits=16, decimal_places=2)
    evidence: tuple[Line, ...] = Field(default=(), max_length=100)
    classification: Classification | None = None
    receiver_number: Line | None = None
    accountability: Annotated[Text, StringConstraints(max_length=2_000)] | None = None


def direction(passage: Passage, units: Mapping[str, Unit]) -> Direction | None:
    """Which way a passage goes; None where discipline inspection is on neither side, or on both."""
    sender, receiver = units.get(passage.sender_id), units.get(passage.receiver.unit_id)
    gives = sender is not None and sender.department == DISCIPLINE
    takes = receiver is not None and receiver.department == DISCIPLINE
    if gives == takes:
        return None
    return Direction.FROM_DISCIPLINE if gives else Direction.TO_DISCIPLINE


def parties(steps: Iterable[Transition]) -> set[str]:
    """The units between which a case has passed."""
    return {unit_id for passage in passages(steps) for unit_id in (passage.sender_id, passage.receiver.unit_id)}


def transfers(steps: Iterable[Transition], units: Mapping[str, Unit]) -> list[tuple[Passage, Direction]]:
    """The passages to and from discipline inspection, the first one first."""
    found = ((passage, direction(passage, units)) for passage in passages(steps))
    return [(passage, way) for passage, way in found if way is not None]
