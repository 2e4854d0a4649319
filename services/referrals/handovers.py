"""Kinds of hand-over: which are permitted between two units, and what each does to the clocks. Pure.

The matrix is rules.md §3 (transfers.csv), the clocks' fates are handovers.csv: data that the deploying agency confirms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from contracts.lifecycle import HANDOVER_CLOCKS, RULE, Act, HandoverKind, Purpose
from contracts.messages import ClockEffect, ClockFate
from contracts.reference import Ground, Handover, Paper, Transfer
from contracts.reference.tables import MAJOR, RETURN
from services.referrals.domain import Hop, Refusal, Unit, UnitKind, propose

_KINDS: dict[str, tuple[HandoverKind, ...]] = {
    "WITHIN": (HandoverKind.DISPATCH, HandoverKind.ASSIGN, HandoverKind.REPORT_UP),
    "REPORT_CRIME": (HandoverKind.REFER,),
}
_POLICE = "GA"
_LEAVES = frozenset({"JJ", _POLICE})
"""Receivers that handle in their own proceedings: what goes to them is referred, and has left us."""

BASIS: dict[Act, str] = {Act.DESIGNATE: "信访工作条例 24", Act.HAND_TO_DESK: "信访工作条例 23"}
"""The legal ground of hand-overs that are in no matrix."""

_CASE_CLOCKS = frozenset(Purpose) - HANDOVER_CLOCKS


@dataclass(frozen=True)
class Permit:
    """A permitted kind of hand-over; ``leader_approval``: a leader says yes first; ``condition`` for people."""

    kind: HandoverKind
    leader_approval: bool
    condition: str
    source: str


def side(unit: Unit) -> str:
    """How the matrix names a unit: desks as HOTLINE, institutions as YY, departments by their code."""
    if unit.kind is UnitKind.INSTITUTION:
        return "YY"
    return unit.department or "HOTLINE"


def permits(sender: Unit, receiver: Unit, matrix: Iterable[Transfer]) -> tuple[Permit, ...]:
    """The kinds that the matrix permits, in its order; the most exact rows alone count."""
    pair = (side(sender), side(receiver))
    rows = tuple(matrix)
    for wanted in (pair, (pair[0], "*"), ("*", "*")):
        found = [row for row in rows if (row.sender, row.receiver) == wanted]
        if found:
            return tuple(
                Permit(kind, row.leader_approval, row.condition, row.source)
                for row in found
                for kind in _KINDS.get(row.act) or (HandoverKind(row.act),)
                if kind is not HandoverKind.REPORT_UP or row.act == "REPORT_UP" or _above(receiver, sender)
            )
    return ()


def _above(unit: Unit, other: Unit) -> bool:
    return unit.unit_id in other.path[:-1]


def judge(receiver: Unit, hop: Hop, matrix: Iterable[Transfer]) -> Permit | Refusal | None:
    """The permit of a hand-over, or why it may not go; None where the matrix has no say (desks, designation)."""
    if hop.to_desk or hop.sender is None or hop.act in (None, Act.DESIGNATE, Act.ADD_SUPPORT, Act.REPORT_MAJOR):
        return None
    refers = hop.act in (Act.REFER, Act.PROPOSE_REFERRAL)
    leaves = not receiver.on_system or (receiver.department in _LEAVES)
    if leaves and not refers and not (receiver.on_system and side(hop.sender) == "HOTLINE"):
        return Refusal.OFF_SYSTEM
    if refers and not leaves:
        return Refusal.ON_SYSTEM
    found = permits(hop.sender, receiver, matrix)
    if not found:
        return Refusal.NOT_PERMITTED
    permit = next((permit for permit in found if hop.kind in (None, permit.kind)), None)
    if permit is None:
        return Refusal.KIND_NOT_PERMITTED
    if permit.leader_approval and not hop.approved and hop.act is not Act.PROPOSE_REFERRAL:
        return Refusal.NEEDS_APPROVAL
    return permit


def ground_use(act: Act, kind: HandoverKind | None) -> str | None:
    """What a legal ground must serve here (grounds.csv, ``kinds``); None for an act without such a ground."""
    match act:
        case Act.DISPATCH | Act.TRANSFER:
            return kind.value if kind is not None else None
        case Act.REFER | Act.PROPOSE_REFERRAL:
            return HandoverKind.REFER.value
        case Act.REQUEST_RETURN:
            return RETURN
        case Act.MARK_MAJOR:
            return MAJOR
    return None


def refuse_ground(
    code: str | None, use: str | None, receiver: Unit | None, table: Mapping[str, Ground]
) -> Refusal | None:
    """Why the ground does not carry the hand-over; None when it does, or none is named."""
    if code is None or use is None:
        return None
    ground = table.get(code)
    if ground is None:
        return Refusal.UNKNOWN_GROUND
    fits = receiver is None or "*" in ground.receivers or receiver.department in ground.receivers
    return None if use in ground.kinds and fits else Refusal.WRONG_GROUND


def verified_first(permit: Permit | None, receiver: Unit) -> bool:
    """A suspected crime: two officers verify it before the leader decides, and papers go along (国务院令第310号 art. 5,
    6). The police also take what is no such case: a report by a hospital, a clue from the hotline."""
    return permit is not None and permit.leader_approval and receiver.department == _POLICE


def refuse_papers(
    given: Iterable[str], permit: Permit | None, receiver: Unit, table: Mapping[str, Paper]
) -> str | None:
    """Why a referral can't go with these papers: a code; None when none is missing, and all are of the table."""
    brought = set(given)
    own = {paper.code for paper in table.values() if paper.department == receiver.department}
    if not brought <= own:
        return "UNKNOWN_PAPER"
    needed = {code for code in own if table[code].required} if verified_first(permit, receiver) else set()
    return None if needed <= brought else "MISSING_PAPERS"


@dataclass(frozen=True)
class Candidate:
    """A unit as a candidate for a hand-over: the kinds by which it may receive the case, or why it may not."""

    unit: Unit
    permits: tuple[Permit, ...]
    refusal: Refusal | None


def candidates(
    units: Iterable[Unit], hop: Hop, matrix: Iterable[Transfer], agreed: str | None = None
) -> list[Candidate]:
    """Candidates as domain.propose ranks them, judged by the matrix too; refused ones come last.

    ``agreed``: the unit that a leader has said yes to.
    """
    rows = tuple(matrix)
    found: list[Candidate] = []
    for proposal in propose(units, hop):
        wanted = replace(hop, approved=proposal.unit.unit_id == agreed)
        judged = judge(proposal.unit, wanted, rows) if proposal.refusal is None else None
        refusal = judged if isinstance(judged, Refusal) else proposal.refusal
        usable = isinstance(judged, Permit) or refusal is Refusal.NEEDS_APPROVAL
        permitted = permits(hop.sender, proposal.unit, rows) if usable and hop.sender is not None else ()
        found.append(Candidate(proposal.unit, permitted, refusal))
    return sorted(found, key=lambda option: option.refusal is not None)


def effects(
    act: Act, kind: HandoverKind | None, purposes: Iterable[Purpose], table: Iterable[Handover]
) -> tuple[ClockEffect, ...]:
    """What a hand-over does to each clock of the case that runs; one that no row names ends where the act stops it."""
    rows = tuple(table)

    def fate(purpose: Purpose) -> ClockFate:
        fit = [row for row in rows if row.act == act and row.purpose is purpose and row.kind in ("*", kind)]
        exact = next((row for row in fit if row.kind != "*"), fit[0] if fit else None)
        if exact is None:
            return ClockFate.STOP if purpose in RULE[act].stops else ClockFate.CARRY
        return ClockFate(exact.fate)

    return tuple(ClockEffect(purpose=purpose, fate=fate(purpose)) for purpose in purposes if purpose in _CASE_CLOCKS)
