"""What the case workflow is told when it asks where a case may go: from units that were read before. Pure."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from contracts.cases import UnitRef
from contracts.lifecycle import RULE, Act, Stage, Track
from contracts.messages import (
    ArbiterRequest,
    BypassRequest,
    CaseFacts,
    GroundCheck,
    GroundVerdict,
    LinkCheck,
    LinkVerdict,
    MergeCheck,
    RouteCheck,
    RouteVerdict,
)
from contracts.reference import categories, grounds, papers, transfers
from contracts.reference import handovers as reference_handovers
from services.referrals import domain, handovers
from services.referrals.domain import Hop, Unit


class Main(Protocol):
    """The case that another is to be joined to."""

    @property
    def facts(self) -> CaseFacts: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def desk(self) -> UnitRef: ...


def route(check: RouteCheck, known: Mapping[str, Unit]) -> RouteVerdict:
    """Whether the unit may receive the case, by which kind of hand-over, and what that does to its clocks."""
    hop = Hop(
        track=check.track,
        category=categories()[check.category],
        region=check.region,
        sender=known.get(check.from_unit),
        to_desk=check.to_desk,
        linked=check.linked,
        respondents=check.respondent_units,
        act=check.act,
        kind=check.kind,
        approved=check.approved,
        restricted=check.restricted,
    )
    unit = known.get(check.unit_id)
    refusal = domain.refuse(unit, hop)
    permit = handovers.judge(unit, hop, transfers()) if unit is not None and refusal is None else None
    if isinstance(permit, domain.Refusal):
        refusal = permit
    if refusal is not None or unit is None:
        return RouteVerdict(refusal=(refusal or domain.Refusal.UNKNOWN_UNIT).value)
    if check.act is None:
        return RouteVerdict(unit=unit.ref())
    permit = permit if isinstance(permit, handovers.Permit) else None
    kind = permit.kind if permit is not None else None
    unfit = handovers.refuse_ground(check.ground, handovers.ground_use(check.act, kind), unit, grounds())
    if unfit is not None:
        return RouteVerdict(refusal=unfit.value)
    wanting = handovers.refuse_papers(check.papers, permit, unit, papers()) if check.act is Act.REFER else None
    if wanting is not None:
        return RouteVerdict(refusal=wanting)
    effects = handovers.effects(check.act, kind, check.purposes, reference_handovers())
    basis = permit.source if permit is not None else handovers.BASIS.get(check.act)
    verify = check.act is Act.PROPOSE_REFERRAL and handovers.verified_first(permit, unit)
    return RouteVerdict(unit=unit.ref(), kind=kind, basis=basis, effects=effects, verify=verify)


def ground(check: GroundCheck) -> GroundVerdict:
    """Whether the ground of an act that names no receiver is of the table, and serves it."""
    unfit = handovers.refuse_ground(check.ground, handovers.ground_use(check.act, None), None, grounds())
    return GroundVerdict(refusal=unfit.value if unfit else None)


def link(check: LinkCheck, desk_id: str, guarded: bool, known: Mapping[str, Unit]) -> LinkVerdict:
    """Whether the units can be linked to a case of this desk, and, even so, who with a part in it is accused then."""
    refusal = domain.refuse_link(known.get(desk_id), guarded, list(known.values()), check.unit_ids)
    holder = known.get(check.holder_id or "")
    others = (known[unit_id] for unit_id in check.other_ids if unit_id in known)
    return LinkVerdict(
        refusal=refusal.value if refusal else None,
        holder_accused=holder is not None and domain.accused(holder, check.unit_ids),
        accused_ids=tuple(unit.unit_id for unit in others if domain.accused(unit, check.unit_ids)),
    )


def arbiter(request: ArbiterRequest, every: Sequence[Unit]) -> RouteVerdict:
    """Who designates when these units have returned the case."""
    known = {unit.unit_id: unit for unit in every}
    bounced = [known[unit_id] for unit_id in request.unit_ids if unit_id in known]
    desk = known.get(request.desk_id)
    if desk is None or not bounced:
        return RouteVerdict(refusal=domain.Refusal.UNKNOWN_UNIT.value)
    guarded = request.track is Track.INTEGRITY or request.restricted
    found = domain.arbiter(bounced, desk, guarded, request.region, request.respondent_units, every)
    return RouteVerdict(unit=found.ref())


def bypass(request: BypassRequest, every: Sequence[Unit]) -> RouteVerdict:
    """The restricted desk above, which takes what concerns the desk's own house or its superior."""
    desk = next((unit for unit in every if unit.unit_id == request.desk_id), None)
    above = domain.desk_above(desk, request.respondent_units, every) if desk else None
    if above is None:
        return RouteVerdict(refusal=domain.Refusal.NO_DESK_ABOVE.value)
    return RouteVerdict(unit=above.ref())


def merge(check: MergeCheck, main: Main | None, *, split_here: bool = False, triaged: bool = False) -> RouteVerdict:
    """Whether the case may be joined to the main one: same track, at the same desk, open, not joined itself.

    The desk that split a part off (``split_here``) takes it back to the rest, a report at another desk by now, while it
    is untouched, in triage (``triaged``). To others the rest is as if it did not exist.
    """
    if main is None or main.facts.case_id == check.case_id:
        return RouteVerdict(refusal="NO_MAIN_CASE")
    own_part = check.origin_case_id == check.main_case_id
    if main.desk.unit_id != check.desk_id:
        if not (own_part and split_here):
            return RouteVerdict(refusal="NO_MAIN_CASE")
        if not triaged:
            return RouteVerdict(refusal="PART_TOUCHED")
    if not own_part and main.facts.track is not check.track:
        return RouteVerdict(refusal="OTHER_TRACK")
    if main.stage not in RULE[Act.ABSORB].stages:
        return RouteVerdict(refusal="MAIN_CASE_ENDED")
    return RouteVerdict(unit=main.desk)
