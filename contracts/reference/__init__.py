"""Reference data: taxonomy, clocks, regimes, departments and the rest, from the CSV files beside this one.

An agency's own directory of the same files lies above the shipped data (``use``): its rows are added, and replace
those of the same key and date. Of the rows of a key the one applies whose ``effective_from`` is the latest that has
come; before the first one, the first. What a date parameter leaves out is today.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from contracts.lifecycle import Channel, Purpose, Track
from contracts.reference.model import (
    Category,
    CategoryClass,
    ClockRule,
    Department,
    Disposal,
    Division,
    Escalation,
    Ground,
    Handover,
    OpeningPurpose,
    OutcomeType,
    Paper,
    Recusal,
    Refusal,
    Regime,
    Retention,
    Sanction,
    Satisfaction,
    Suspension,
    Transfer,
    UnitLevel,
    WorkingHours,
)
from contracts.reference.store import Store, shipped
from contracts.reference.tables import BadReference, Finding, Line

__all__ = [
    "BadReference",
    "Category",
    "CategoryClass",
    "ClockRule",
    "Department",
    "Disposal",
    "Division",
    "Escalation",
    "Finding",
    "Ground",
    "Handover",
    "OpeningPurpose",
    "OutcomeType",
    "Paper",
    "Recusal",
    "Refusal",
    "Regime",
    "Retention",
    "Sanction",
    "Satisfaction",
    "Suspension",
    "Transfer",
    "UnitLevel",
    "WorkingHours",
    "applicable",
    "categories",
    "category_classes",
    "clock_for",
    "clock_of_version",
    "clock_rule",
    "clock_rules",
    "departments",
    "disposals",
    "escalation",
    "grounds",
    "handovers",
    "local_divisions",
    "opening_purposes",
    "outcomes",
    "papers",
    "recusals",
    "refusals",
    "regimes",
    "retention",
    "sanctions",
    "satisfaction_levels",
    "suspensions",
    "transfers",
    "unit_levels",
    "use",
    "working_hours",
]

_CHINA = timezone(timedelta(hours=8))
_store: Store = shipped()


def use(directory: Path | None) -> None:
    """Lay an agency's directory above the shipped data; None takes it away. Raises BadReference and changes nothing."""
    global _store
    _store = shipped() if directory is None else shipped().under(directory)
    for cached in (_on, _clock_versions, _rules_on, _categories_on, _escalation_on, _regimes_on):
        cached.cache_clear()


@cache
def _on(name: str, day: date) -> tuple[Line, ...]:
    return tuple(_store.on(name, day))


def _today() -> date:
    return datetime.now(_CHINA).date()


def _day(on: date | datetime | None) -> date:
    if on is None:
        return _today()
    return on.astimezone(_CHINA).date() if isinstance(on, datetime) else on


def _row(line: Line) -> dict[str, Any]:
    values = line.values
    return {
        "source": values["source"],
        "status": values["status"],
        "effective_from": values["effective_from"],
        "version": line.version,
    }


def _named(line: Line, *names: str) -> dict[str, Any]:
    return _row(line) | {name: line.values[name] for name in names}


def _clock(line: Line) -> ClockRule:
    values = dict(line.values)
    return ClockRule(
        name_zh=values.pop("clock_zh"), name_en=values.pop("clock_en"), **values, version=line.version
    )  # fmt: skip


@cache
def _clock_versions() -> dict[str, tuple[ClockRule, ...]]:
    return {key[0]: tuple(_clock(line) for line in lines) for key, lines in _store.versions("clocks").items()}


@cache
def _rules_on(on: date) -> dict[str, ClockRule]:
    return {line.key[0]: _clock(line) for line in _on("clocks", on)}


@cache
def _categories_on(on: date) -> tuple[dict[str, CategoryClass], dict[str, Category]]:
    classes: dict[str, CategoryClass] = {}
    found: dict[str, Category] = {}
    for line in _on("taxonomy", on):
        values = line.values
        if values["level"] == "1":
            classes[values["code"]] = CategoryClass(**_named(line, "code", "name_zh", "name_en"))
            continue
        found[values["code"]] = Category(
            **_named(line, "code", "parent", "name_zh", "name_en", "lead", "support", "priority", "basis"),
            track=Track(values["track"]),
            crime_check=values["crime_check"],
            tax_check=values["tax_check"],
        )
    return classes, found


@cache
def _escalation_on(on: date) -> dict[str, Escalation]:
    names = ("step", "purposes", "after_amount", "after_unit", "level", "tells")
    return {line.key[0]: Escalation(**_named(line, *names)) for line in _on("escalation", on)}


@cache
def _regimes_on(on: date) -> tuple[Regime, ...]:
    names = ("track", "category", "channel", "department", "family", "clock", "article")
    return tuple(Regime(**_named(line, *names), purpose=Purpose(line.values["purpose"])) for line in _on("regimes", on))


def categories(on: date | datetime | None = None) -> dict[str, Category]:
    """Sub-classes by code."""
    return _categories_on(_day(on))[1]


def category_classes(on: date | datetime | None = None) -> dict[str, CategoryClass]:
    """The classes above them by code."""
    return _categories_on(_day(on))[0]


def clock_rules(on: date | datetime | None = None) -> dict[str, ClockRule]:
    """Clocks by id."""
    return _rules_on(_day(on))


def clock_rule(clock_id: str, on: date | datetime | None = None) -> ClockRule | None:
    """The clock as it applies to what starts on a day; None when there is no such clock."""
    versions = _clock_versions().get(clock_id)
    if not versions:
        return None
    day = _day(on)
    return next((rule for rule in reversed(versions) if rule.effective_from <= day), versions[0])


def clock_of_version(clock_id: str, version: str) -> ClockRule | None:
    """The wording of a clock that a deadline was set by, also one that has been replaced since."""
    line = _store.wording("clocks", (clock_id,), version)
    return _clock(line) if line else None


def departments(on: date | datetime | None = None) -> dict[str, Department]:
    """Departments by code."""
    lines = _on("departments", _day(on))
    return {line.key[0]: Department(**_named(line, "code", "name_zh", "name_en", "note")) for line in lines}


def refusals(on: date | datetime | None = None) -> dict[str, Refusal]:
    """Refusal grounds R01–R13 by code."""
    names = ("code", "name_zh", "name_en", "channel_zh", "channel_en")
    return {line.key[0]: Refusal(**_named(line, *names)) for line in _on("refusals", _day(on))}


def regimes(on: date | datetime | None = None) -> tuple[Regime, ...]:
    """The regime table in its order, an agency's own rows first."""
    return _regimes_on(_day(on))


def unit_levels(on: date | datetime | None = None) -> tuple[UnitLevel, ...]:
    """Levels of the hierarchy from the top."""
    names = ("code", "rank", "name_zh", "name_en", "code_length")
    levels = (UnitLevel(**_named(line, *names)) for line in _on("unit_levels", _day(on)))
    return tuple(sorted(levels, key=lambda level: level.rank))


def transfers(on: date | datetime | None = None) -> tuple[Transfer, ...]:
    """The permitted transfers (who may hand what to whom, and how)."""
    names = ("sender", "receiver", "act", "leader_approval", "condition")
    return tuple(Transfer(**_named(line, *names)) for line in _on("transfers", _day(on)))


def handovers(on: date | datetime | None = None) -> tuple[Handover, ...]:
    """What hand-overs do to the clocks of a case."""
    names = ("act", "kind", "fate", "article")
    return tuple(
        Handover(**_named(line, *names), purpose=Purpose(line.values["purpose"])) for line in _on("handovers", _day(on))
    )


def grounds(on: date | datetime | None = None) -> dict[str, Ground]:
    """Legal grounds of hand-overs and returns, by code."""
    names = ("code", "name_zh", "name_en", "instrument", "article", "kinds", "receivers")
    return {line.key[0]: Ground(**_named(line, *names)) for line in _on("grounds", _day(on))}


def papers(on: date | datetime | None = None) -> dict[str, Paper]:
    """Papers that go along with a referral, by code."""
    names = ("code", "department", "required", "name_zh", "name_en", "article")
    return {line.key[0]: Paper(**_named(line, *names)) for line in _on("papers", _day(on))}


def opening_purposes(on: date | datetime | None = None) -> dict[str, OpeningPurpose]:
    """What a reporter's identity may be opened for, by code."""
    lines = _on("opening_purposes", _day(on))
    names = ("code", "name_zh", "name_en", "fields", "decide_minutes", "open_minutes", "article")
    return {line.key[0]: OpeningPurpose(**_named(line, *names)) for line in lines}


def recusals(on: date | datetime | None = None) -> dict[str, Recusal]:
    """Why an officer keeps away from a case, by code."""
    names = ("code", "name_zh", "name_en", "article")
    return {line.key[0]: Recusal(**_named(line, *names)) for line in _on("recusals", _day(on))}


def retention(on: date | datetime | None = None) -> dict[str, Retention]:
    """How long each class of data is kept, by class."""
    names = ("data_class", "amount", "unit", "name_zh", "name_en", "article")
    return {line.key[0]: Retention(**_named(line, *names)) for line in _on("retention", _day(on))}


def suspensions(on: date | datetime | None = None) -> dict[str, Suspension]:
    """Grounds on which a clock may stand still, by code."""
    lines = _on("suspensions", _day(on))
    names = ("code", "name_zh", "name_en", "clocks", "through", "through_source", "through_status", "article")
    return {line.key[0]: Suspension(**_named(line, *names)) for line in lines}


def disposals(on: date | datetime | None = None) -> dict[str, Disposal]:
    """What receivers of referrals say they did, by code."""
    names = ("code", "department", "name_zh", "name_en", "article")
    return {line.key[0]: Disposal(**_named(line, *names)) for line in _on("disposals", _day(on))}


def escalation(on: date | datetime | None = None) -> dict[str, Escalation]:
    """The escalation ladder: its steps by their act."""
    return _escalation_on(_day(on))


def outcomes(on: date | datetime | None = None) -> dict[str, OutcomeType]:
    """办结类型 by code."""
    lines = _on("outcomes", _day(on))
    return {line.key[0]: OutcomeType(**_named(line, "code", "name_zh", "name_en")) for line in lines}


def satisfaction_levels(on: date | datetime | None = None) -> dict[int, Satisfaction]:
    """Levels of 好差评 by number."""
    names = ("level", "name_zh", "name_en", "satisfied")
    return {line.values["level"]: Satisfaction(**_named(line, *names)) for line in _on("satisfaction", _day(on))}


def sanctions(on: date | datetime | None = None) -> tuple[Sanction, ...]:
    """The sanction ladder from its mildest step."""
    names = ("level", "name_zh", "name_en", "authority")
    steps = (Sanction(**_named(line, *names)) for line in _on("sanctions", _day(on)))
    return tuple(sorted(steps, key=lambda step: step.level))


def working_hours(unit_id: str, on: date | datetime | None = None) -> WorkingHours:
    """When a unit works; what is set for ``*`` where the unit has nothing of its own."""
    names = ("unit", "morning_from", "morning_to", "afternoon_from", "afternoon_to")
    found = {line.key[0]: line for line in _on("working_hours", _day(on))}
    return WorkingHours(**_named(found.get(unit_id) or found["*"], *names))


def local_divisions(on: date | datetime | None = None) -> Mapping[str, Division]:
    """Divisions beside those of GB/T 2260: functional zones, corps, demonstration."""
    lines = _on("divisions", _day(on))
    return {line.key[0]: Division(**_named(line, "code", "name_zh", "parent")) for line in lines}


def applicable(
    purpose: Purpose,
    track: Track,
    channel: Channel,
    department: str | None,
    *,
    category: str | None = None,
    on: date | datetime | None = None,
) -> tuple[tuple[Regime, ClockRule], ...]:
    """The clocks that serve a purpose side by side, each with the regime that says so, in the table's order."""
    found: dict[str, tuple[Regime, ClockRule]] = {}
    for row in regimes(on):
        if (
            row.purpose is purpose
            and row.family not in found
            and row.track in ("*", track)
            and row.channel in ("*", channel)
            and row.department in ("*", department or "")
            and (row.category == "*" or (category or "").startswith(row.category))
        ):
            rule = clock_rule(row.clock, on)
            assert rule is not None  # checked when the tables were read
            found[row.family] = (row, rule)
    return tuple(found.values())


def clock_for(
    purpose: Purpose,
    track: Track,
    channel: Channel,
    department: str | None,
    *,
    category: str | None = None,
    on: date | datetime | None = None,
) -> ClockRule:
    """The first clock that serves a purpose; raises LookupError when the table has no row for it."""
    found = applicable(purpose, track, channel, department, category=category, on=on)
    if not found:
        raise LookupError(f"no clock for {purpose} on track {track}, channel {channel}, department {department}")
    return found[0][1]
