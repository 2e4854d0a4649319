"""Reference data: taxonomy, clocks, departments, refusal reasons and regimes, from the CSV files beside this one.

Every row carries its source and a mark: V read in the rule's own text, S in a secondary source, K a default that the
deploying agency confirms.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from contracts.lifecycle import Channel, Purpose, Track


@dataclass(frozen=True)
class Category:
    """A sub-class of the taxonomy. ``lead`` and ``support`` are department codes, or empty."""

    code: str
    parent: str
    name_zh: str
    name_en: str
    lead: str
    support: tuple[str, ...]
    track: Track
    priority: str


@dataclass(frozen=True)
class ClockRule:
    """A legal clock: ``amount`` of ``unit`` from its start. ``article`` is for people."""

    id: str
    regime: str
    name_zh: str
    amount: float
    unit: str
    article: str
    status: str


@dataclass(frozen=True)
class Department:
    """A kind of authority, e.g. WJ 卫生健康."""

    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Refusal:
    """A ground on which a complaint is not accepted, and the right channel to name (信访工作条例 art. 31)."""

    code: str
    name_zh: str
    name_en: str
    channel_zh: str
    channel_en: str
    source: str


@dataclass(frozen=True)
class Regime:
    """Which clock serves a purpose; ``*`` matches anything, the first row that fits applies."""

    purpose: Purpose
    track: str
    channel: str
    department: str
    clock: str
    status: str


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files(__name__).joinpath(name).read_text("utf-8").splitlines()))


@cache
def categories() -> dict[str, Category]:
    """Sub-classes by code."""
    return {
        row["code"]: Category(
            row["code"],
            row["parent"],
            row["name_zh"],
            row["name_en"],
            row["lead"],
            tuple(code for code in row["support"].split(",") if code),
            Track(row["track"]),
            row["priority"],
        )
        for row in _rows("taxonomy.csv")
        if row["level"] == "2"
    }


@cache
def clock_rules() -> dict[str, ClockRule]:
    """Clocks by id."""
    rules: dict[str, ClockRule] = {}
    regime = ""
    for row in _rows("clocks.csv"):
        regime = regime if row["regime"] == "ditto" else row["regime"]
        rules[row["id"]] = ClockRule(
            row["id"], regime, row["clock"], float(row["amount"]), row["unit"], row["article"], row["status"]
        )
    return rules


@cache
def departments() -> dict[str, Department]:
    """Departments by code."""
    return {row["code"]: Department(row["code"], row["name_zh"], row["name_en"]) for row in _rows("departments.csv")}


@cache
def refusals() -> dict[str, Refusal]:
    """Refusal grounds R01–R13 by code."""
    return {
        row["code"]: Refusal(
            row["code"], row["name_zh"], row["name_en"], row["channel_zh"], row["channel_en"], row["source"]
        )
        for row in _rows("refusals.csv")
    }


@cache
def regimes() -> tuple[Regime, ...]:
    """The regime table in its order."""
    return tuple(
        Regime(Purpose(row["purpose"]), row["track"], row["channel"], row["department"], row["clock"], row["status"])
        for row in _rows("regimes.csv")
    )


def clock_for(purpose: Purpose, track: Track, channel: Channel, department: str | None) -> ClockRule:
    """The clock that serves a purpose; raises LookupError when the table has no row for it."""
    for row in regimes():
        if row.purpose is purpose and all(
            pattern in ("*", value)
            for pattern, value in ((row.track, track), (row.channel, channel), (row.department, department or ""))
        ):
            return clock_rules()[row.clock]
    raise LookupError(f"no clock for {purpose} on track {track}, channel {channel}, department {department}")
