"""Units and where a case may go: pure rules of competence, place and who must never receive it.

Competence by category follows the task table of the reference taxonomy; place by GB/T 2260 prefixes; 信访工作条例
art. 30 keeps a report from whom it accuses and from every unit below.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from contracts.cases import UnitRef
from contracts.lifecycle import Act, HandoverKind, Track
from contracts.reference import Category

MECHANISM_LEAD = "WJ"
"""The health commission leads where the taxonomy names nobody (国卫医急发〔2023〕10号)."""


class UnitKind(StrEnum):
    """What a unit is in the life of a case."""

    DESK = "DESK"
    RESTRICTED_DESK = "RESTRICTED_DESK"
    DEPARTMENT = "DEPARTMENT"
    INSTITUTION = "INSTITUTION"
    CONFERENCE = "CONFERENCE"
    """信访工作联席会议: designates where there is no common superior (信访工作条例 art. 24)."""


class Level(StrEnum):
    """The administrative level of a unit."""

    NATIONAL = "NATIONAL"
    PROVINCE = "PROVINCE"
    CITY = "CITY"
    COUNTY = "COUNTY"


DESK_OF: dict[Track, UnitKind] = {Track.GENERAL: UnitKind.DESK, Track.INTEGRITY: UnitKind.RESTRICTED_DESK}


@dataclass(frozen=True)
class Unit:
    """A unit of the tree. ``path`` holds the ids from the root down to the unit itself."""

    unit_id: str
    name: str
    level: Level
    kind: UnitKind
    region: str
    path: tuple[str, ...]
    department: str | None = None
    active: bool = True
    on_system: bool = True
    """False: it works on paper or in a system of its own; packages go out, receipt and answer are keyed in."""
    successor_id: str | None = None
    stands_for: tuple[str, ...] = ()
    """Units that are no more and that it or one above it succeeds."""
    successor_asked: str | None = None
    """The successor that an administrator asked for, and another has not confirmed."""

    def ref(self) -> UnitRef:
        """The unit as contracts name it."""
        return UnitRef(unit_id=self.unit_id, name=self.name, region=self.region)


class Refusal(StrEnum):
    """Why a unit may not receive a case, or be linked to it."""

    UNKNOWN_UNIT = "UNKNOWN_UNIT"
    SUCCEEDED = "SUCCEEDED"
    SAME_UNIT = "SAME_UNIT"
    ACCUSED = "ACCUSED"
    UNLINKED = "UNLINKED"
    NOT_A_DESK = "NOT_A_DESK"
    NOT_COMPETENT = "NOT_COMPETENT"
    WRONG_PLACE = "WRONG_PLACE"
    DESK_ACCUSED = "DESK_ACCUSED"
    NO_DESK_ABOVE = "NO_DESK_ABOVE"
    NOT_PERMITTED = "NOT_PERMITTED"
    KIND_NOT_PERMITTED = "KIND_NOT_PERMITTED"
    NEEDS_APPROVAL = "NEEDS_APPROVAL"
    OFF_SYSTEM = "OFF_SYSTEM"
    ON_SYSTEM = "ON_SYSTEM"
    NOT_SUPERIOR = "NOT_SUPERIOR"
    UNKNOWN_GROUND = "UNKNOWN_GROUND"
    WRONG_GROUND = "WRONG_GROUND"


@dataclass(frozen=True)
class Hop:
    """A hand-over to judge: what decides about the case, where it stands, and whom it accuses."""

    track: Track
    category: Category
    region: str
    sender: Unit | None
    to_desk: bool
    linked: bool
    respondents: tuple[str, ...]
    act: Act | None = None
    kind: HandoverKind | None = None
    approved: bool = False
    restricted: bool = False

    @property
    def guarded(self) -> bool:
        """Whom the case accuses must not receive it: a report, and what passed by a superior."""
        return self.track is Track.INTEGRITY or self.restricted


def region_prefix(region: str) -> str:
    """The digits of a division code that say where: PP, PPCC or PPCCDD; empty for the whole country."""
    if region in ("000000", "100000"):
        return ""
    if region.endswith("0000"):
        return region[:2]
    return region[:4] if region.endswith("00") else region


def covers(outer: str, inner: str) -> bool:
    """True when the division ``inner`` is ``outer`` or lies in it."""
    return region_prefix(inner).startswith(region_prefix(outer))


def same_line(one: str, other: str) -> bool:
    """True when one of two divisions lies in the other."""
    return covers(one, other) or covers(other, one)


def ancestors(region: str) -> tuple[str, ...]:
    """The division itself, then those above it, nearest first, up to the country."""
    prefix = region_prefix(region)
    above = [prefix[:length].ljust(6, "0") for length in (6, 4, 2) if length <= len(prefix)]
    return (*above, "000000", "100000")


def accused(unit: Unit, respondents: Iterable[str]) -> bool:
    """True when the unit is a respondent, stands below one, or succeeds one (信访工作条例 art. 30)."""
    return not frozenset((*unit.path, *unit.stands_for)).isdisjoint(respondents)


def competent(unit: Unit, hop: Hop) -> bool:
    """True for a department that leads or supports in the category, and for whom a GENERAL case is about."""
    if unit.kind is UnitKind.DEPARTMENT:
        return unit.department in (hop.category.lead or MECHANISM_LEAD, *hop.category.support, *_clues(hop))
    return unit.kind is UnitKind.INSTITUTION and hop.track is Track.GENERAL and unit.unit_id in hop.respondents


def _clues(hop: Hop) -> tuple[str, ...]:
    """Departments that take a clue whatever the category's lead: police, tax, discipline inspection (rules.md §1.9)."""
    wanted = {"GA": hop.category.crime_check, "SW": hop.category.tax_check, "JJ": hop.track is Track.INTEGRITY}
    return tuple(department for department, true in wanted.items() if true)


def in_place(unit: Unit, hop: Hop) -> bool:
    """True on the line of the case's division; after a hand-over elsewhere, on that of the sender's."""
    return same_line(unit.region, _region_now(hop.region, hop.sender))


def _region_now(region: str, has_it: Unit | None) -> str:
    """The case's division, or that of who has it once it was handed elsewhere."""
    return region if has_it is None or same_line(has_it.region, region) else has_it.region


def refuse(unit: Unit | None, hop: Hop) -> Refusal | None:
    """Why ``unit`` may not receive the case; None when it may. What protects the reporter is judged first."""
    if unit is None or not unit.active:
        return Refusal.SUCCEEDED if unit is not None and unit.successor_id else Refusal.UNKNOWN_UNIT
    if hop.sender is not None and hop.sender.unit_id == unit.unit_id:
        return Refusal.SAME_UNIT
    if hop.guarded and accused(unit, hop.respondents):
        return Refusal.ACCUSED
    if hop.act is Act.REPORT_MAJOR:
        return _refuse_superior(unit, hop)
    if hop.to_desk:
        wanted = UnitKind.RESTRICTED_DESK if hop.guarded else UnitKind.DESK
        return None if unit.kind is wanted else Refusal.NOT_A_DESK
    if hop.track is Track.INTEGRITY and not hop.linked:
        return Refusal.UNLINKED
    if unit.kind not in (UnitKind.DEPARTMENT, UnitKind.INSTITUTION):
        return Refusal.NOT_COMPETENT
    if hop.act in (Act.DESIGNATE, Act.ADD_SUPPORT):
        # The designation itself makes it competent (信访工作条例 art. 24); a helper needn't be.
        institution = unit.kind is UnitKind.INSTITUTION and hop.track is Track.INTEGRITY
        return Refusal.NOT_COMPETENT if institution else None
    if not competent(unit, hop):
        return Refusal.NOT_COMPETENT
    return None if in_place(unit, hop) else Refusal.WRONG_PLACE


def _refuse_superior(unit: Unit, hop: Hop) -> Refusal | None:
    """Why a major clue may not be reported to the unit: it stands above the sender, as the sender's own line or the
    health authority does, or is the joint conference (信访工作条例 art. 25), to which no guarded case goes."""
    sender = hop.sender
    if sender is None or not (unit.unit_id in sender.path[:-1] or covers(unit.region, sender.region)):
        return Refusal.NOT_SUPERIOR
    higher = unit.unit_id in sender.path[:-1] or unit.region != sender.region
    match unit.kind:
        case UnitKind.DEPARTMENT:
            above = higher or sender.kind is UnitKind.INSTITUTION
            fits = above and unit.department in (sender.department, MECHANISM_LEAD)
        case UnitKind.CONFERENCE:
            fits = not hop.guarded
        case _:
            fits = higher and unit.kind is sender.kind
    if not fits or unit.kind is UnitKind.INSTITUTION:
        return Refusal.NOT_SUPERIOR
    unlinked = hop.track is Track.INTEGRITY and not hop.linked
    return Refusal.UNLINKED if unlinked and unit.kind is not UnitKind.RESTRICTED_DESK else None


def refuse_link(desk: Unit | None, guarded: bool, found: Sequence[Unit], wanted: Iterable[str]) -> Refusal | None:
    """Why these units can't be linked as respondents; None when they can.

    A desk that is itself accused must not go on with a guarded case: the desk above links (信访工作条例 art. 28, 30).
    """
    known = {unit.unit_id for unit in found}
    wanted = tuple(wanted)
    if any(unit_id not in known for unit_id in wanted):
        return Refusal.UNKNOWN_UNIT
    if guarded and desk is not None and accused(desk, wanted):
        return Refusal.DESK_ACCUSED
    return None


def desk_for(track: Track, region: str, units: Iterable[Unit]) -> Unit | None:
    """The desk that registers: that of the division, else of the nearest division above; None when nobody serves it."""
    by_region: dict[str, Unit] = {}
    for unit in sorted(units, key=lambda unit: unit.unit_id):
        if unit.kind is DESK_OF[track] and unit.active:
            by_region.setdefault(unit.region, unit)
    return next((by_region[place] for place in ancestors(region) if place in by_region), None)


def arbiter(
    bounced: Sequence[Unit], desk: Unit, guarded: bool, region: str, respondents: Sequence[str], units: Iterable[Unit]
) -> Unit:
    """Who designates: the nearest common superior of the units that returned the case, else the joint conference of
    the nearest division that holds them all, else the desk itself (信访工作条例 art. 24). Never one whom a guarded case
    accuses."""
    barred = respondents if guarded else ()
    every = [unit for unit in units if unit.active and unit.on_system and not accused(unit, barred)]
    known = {unit.unit_id: unit for unit in every}
    shared = [unit_id for unit_id in bounced[0].path[:-1] if all(unit_id in unit.path[:-1] for unit in bounced)]
    superior = next((known[unit_id] for unit_id in reversed(shared) if unit_id in known), None)
    if superior is not None and superior.kind is UnitKind.DEPARTMENT:
        return superior
    conferences = {unit.region: unit for unit in every if unit.kind is UnitKind.CONFERENCE}
    above = (place for place in ancestors(_region_now(region, desk)) if place in conferences)
    return next((conferences[place] for place in above if all(covers(place, unit.region) for unit in bounced)), desk)


def desk_above(desk: Unit, respondents: Iterable[str], units: Iterable[Unit]) -> Unit | None:
    """The nearest restricted desk above a desk that is neither accused nor below who is; None when there is none."""
    accused_ids = tuple(respondents)
    desks = {
        unit.region: unit
        for unit in units
        if unit.kind is UnitKind.RESTRICTED_DESK and unit.active and not accused(unit, accused_ids)
    }
    own = region_prefix(desk.region)
    above = [place for place in ancestors(desk.region) if region_prefix(place) != own]
    return next((desks[place] for place in above if place in desks), None)


@dataclass(frozen=True)
class Proposal:
    """A unit as a candidate, with why not when it is refused."""

    unit: Unit
    refusal: Refusal | None


def propose(units: Iterable[Unit], hop: Hop) -> list[Proposal]:
    """Candidates best first: allowed, then the lead, then of the case's own division, then deeper in the tree.

    Refused ones are named only where a dispatcher could think of them: accused, unlinked, or in the wrong place.
    """
    telling = {Refusal.ACCUSED, Refusal.UNLINKED, Refusal.WRONG_PLACE}
    helps = hop.act in (Act.DESIGNATE, Act.ADD_SUPPORT)
    here = _region_now(hop.region, hop.sender)

    def rank(found: Proposal) -> tuple[bool, bool, bool, int, str]:
        unit = found.unit
        lead = unit.department == (hop.category.lead or MECHANISM_LEAD)
        return (found.refusal is not None, not lead, unit.region != here, -len(unit.path), unit.unit_id)

    judged = [Proposal(unit, refuse(unit, hop)) for unit in units]
    kept = [
        found
        for found in judged
        if (found.refusal is None and (not helps or same_line(found.unit.region, here)))
        or (found.refusal in telling and (hop.to_desk or _thinkable(found.unit, hop)))
    ]
    return sorted(kept, key=rank)


def accusable(units: Iterable[Unit], region: str) -> list[Unit]:
    """Whom a case may be about, the likely ones first: institutions, then departments, those of its own place ahead."""
    kinds = (UnitKind.INSTITUTION, UnitKind.DEPARTMENT)
    return sorted(
        (unit for unit in units if unit.active and unit.kind in kinds),
        key=lambda unit: (not same_line(unit.region, region), kinds.index(unit.kind), unit.region, unit.unit_id),
    )


def _thinkable(unit: Unit, hop: Hop) -> bool:
    return (
        competent(unit, hop)
        or unit.unit_id in hop.respondents
        or (unit.kind is UnitKind.INSTITUTION and accused(unit, hop.respondents))
    )
