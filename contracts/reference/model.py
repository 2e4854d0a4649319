"""The rows of the reference data. Each knows its source, its mark V, S or K, and from when it applies.

V: read in the rule's own text; S: in a secondary source; K: a default that the deploying agency confirms.
2000-01-01 as beginning means that none is known.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import Literal

from contracts.lifecycle import Purpose, Track


@dataclass(frozen=True)
class Row:
    """What every row has. ``version`` names this wording of the row: its date and a hash of its content."""

    source: str
    status: str
    effective_from: date
    version: str


@dataclass(frozen=True)
class CategoryClass(Row):
    """One of the 14 classes of the taxonomy."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Category(Row):
    """A sub-class of the taxonomy. ``lead`` and ``support`` are department codes, or empty."""

    code: str
    parent: str
    name_zh: str
    name_en: str
    lead: str
    support: tuple[str, ...]
    track: Track
    priority: str
    crime_check: bool
    tax_check: bool
    basis: str


@dataclass(frozen=True)
class ClockRule(Row):
    """A legal clock: ``amount`` of ``unit`` from its start. ``article`` is for people.

    ``unit_source`` says why 日 is a calendar or a working day. An extension is granted at most
    ``extension_max_count`` times, each by at most ``extension_max_amount`` (None: the text sets no limit).
    """

    id: str
    regime: str
    name_zh: str
    name_en: str
    starts_zh: str
    starts_en: str
    amount: float
    unit: str
    unit_source: str
    extension_max_count: int
    extension_max_amount: float | None
    extension_unit: str
    extension_approver: str
    not_counted: str
    note: str
    article: str

    def basis(self, language: Literal["zh", "en"] = "zh") -> str:
        """Regime and article for people."""
        if not self.article:
            return self.regime
        return f"{self.regime} {self.article}" if language == "zh" else f"{self.regime} art. {self.article}"

    def extension_text(self, language: Literal["zh", "en"]) -> str:
        """The extension for people; empty when there is none."""
        if not self.extension_max_count:
            return ""
        unit = {"working_day": ("个工作日", "working days"), "calendar_day": ("日", "calendar days")}[
            self.extension_unit
        ]
        limit = f"{self.extension_max_amount:g}" if self.extension_max_amount is not None else ""
        if language == "zh":
            length = f"每次≤{limit}{unit[0]}" if limit else "天数未定"
            return f"≤{self.extension_max_count}次，{length}（{self.extension_approver}）"
        length = f"≤{limit} {unit[1]} each" if limit else "length not set"
        return f"≤{self.extension_max_count}×, {length} ({self.extension_approver})"


@dataclass(frozen=True)
class Department(Row):
    """A kind of authority, e.g. WJ 卫生健康."""

    code: str
    name_zh: str
    name_en: str
    note: str


@dataclass(frozen=True)
class Refusal(Row):
    """A ground on which a complaint is not accepted, and the right channel to name (信访工作条例 art. 31)."""

    code: str
    name_zh: str
    name_en: str
    channel_zh: str
    channel_en: str


@dataclass(frozen=True)
class Regime(Row):
    """Which clock serves a purpose; ``*`` matches anything, a category also by its class.

    The first row of each ``family`` that fits applies: clocks of several families run side by side.
    """

    purpose: Purpose
    track: str
    category: str
    channel: str
    department: str
    family: str
    clock: str
    article: str


@dataclass(frozen=True)
class UnitLevel(Row):
    """A level of the hierarchy, 1 at the top; ``code_length``: digits of its division code, None without one."""

    code: str
    rank: int
    name_zh: str
    name_en: str
    code_length: int | None


@dataclass(frozen=True)
class Transfer(Row):
    """What a kind of sender may do towards a kind of receiver, and whether a leader approves."""

    sender: str
    receiver: str
    act: str
    leader_approval: bool
    condition: str


@dataclass(frozen=True)
class Handover(Row):
    """What a hand-over does to a clock of the case: CARRY, RESTART or STOP. ``kind`` ``*``: of any kind."""

    act: str
    kind: str
    purpose: Purpose
    fate: str
    article: str


@dataclass(frozen=True)
class Ground(Row):
    """A legal ground: ``article`` of ``instrument``. ``kinds`` of hand-over that it may ground, RETURN for a return
    (退回), MAJOR for a mark as a major clue; ``receivers``: departments to which it may lead, ``*`` for any."""

    code: str
    name_zh: str
    name_en: str
    instrument: str
    article: str
    kinds: tuple[str, ...]
    receivers: tuple[str, ...]

    def basis(self, language: Literal["zh", "en"] = "zh") -> str:
        """Instrument and article for people."""
        if not self.article:
            return self.instrument
        if language == "en":
            return f"{self.instrument} art. {self.article}"
        return f"{self.instrument}第{self.article}条" if self.article[0].isdigit() else self.instrument + self.article

    def text(self, language: Literal["zh", "en"] = "zh") -> str:
        """The ground with its basis, for people."""
        return f"{self.name_zh}（{self.basis()}）" if language == "zh" else f"{self.name_en} ({self.basis('en')})"


@dataclass(frozen=True)
class Paper(Row):
    """A paper that goes along with a referral to a department; without a ``required`` one a suspected crime is not
    sent."""

    code: str
    department: str
    required: bool
    name_zh: str
    name_en: str
    article: str


@dataclass(frozen=True)
class Suspension(Row):
    """A ground on which a clock may stand still; ``clocks`` empty: any clock of the case.

    ``through`` a hand-over to another unit it STAYS, or ENDS where it was the unit's own; with source and mark."""

    code: str
    name_zh: str
    name_en: str
    clocks: tuple[str, ...]
    through: str
    through_source: str
    through_status: str
    article: str


@dataclass(frozen=True)
class Retention(Row):
    """How long a class of data is kept after its case was archived: ``amount`` of ``unit``, whole numbers of years,
    months or calendar_days; it is due on the day after."""

    data_class: str
    amount: int
    unit: str
    name_zh: str
    name_en: str
    article: str


@dataclass(frozen=True)
class Recusal(Row):
    """Why an officer must keep away from a case 回避 (信访工作条例 art. 28; the classes of 监察法 (2018) art. 58)."""

    code: str
    name_zh: str
    name_en: str
    article: str | None


@dataclass(frozen=True)
class OpeningPurpose(Row):
    """What a reporter's identity may be opened for: these ``fields`` of it and no others, ``original`` for the files as
    they came.

    ``decide_minutes``: how long the request waits for the second person's yes; ``open_minutes``: how long the identity
    may be read after it."""

    code: str
    name_zh: str
    name_en: str
    fields: tuple[str, ...]
    decide_minutes: int
    open_minutes: int
    article: str


@dataclass(frozen=True)
class Escalation(Row):
    """A step of the escalation ladder: ``after_amount`` days of a kind after the last day of an overdue clock.

    ``purposes`` of the clocks it concerns, ``*`` for all; ``level`` of supervision that it brings (0: none); ``tells``:
    HOLDER (who must act), DESK, SUPERIOR (the department above who must act).
    """

    step: str
    purposes: tuple[str, ...]
    after_amount: int
    after_unit: str
    level: int
    tells: tuple[str, ...]


@dataclass(frozen=True)
class Disposal(Row):
    """What a receiver of a referral says it did, by class alone; ``department`` ``*``: any other."""

    code: str
    department: str
    name_zh: str
    name_en: str
    article: str


@dataclass(frozen=True)
class OutcomeType(Row):
    """办结类型."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Satisfaction(Row):
    """A level of 好差评, 1 the worst."""

    level: int
    name_zh: str
    name_en: str
    satisfied: bool


@dataclass(frozen=True)
class Sanction(Row):
    """A step of the sanction ladder, 1 the mildest."""

    level: int
    name_zh: str
    name_en: str
    authority: str


@dataclass(frozen=True)
class WorkingHours(Row):
    """When a unit (``*``: any other) works on a working day, with its lunch break. They time reminders alone."""

    unit: str
    morning_from: time
    morning_to: time
    afternoon_from: time
    afternoon_to: time


@dataclass(frozen=True)
class Division(Row):
    """An administrative division, GB/T 2260 or local."""

    code: str
    name_zh: str
    parent: str
