"""What of the reporter's identity a case's page shows: that there is one, and who asked for it, never what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from contracts.openings import OWN_DENIALS, Denial
from contracts.reference import OpeningPurpose, opening_purposes
from services.chassis.outages import EngineAway
from services.referrals.api.openings import OpeningView
from services.referrals.api.openings import view as shown
from services.referrals.refusal_text import Text
from services.referrals.refusals import TEXTS
from services.referrals.views import CaseView
from services.referrals.web.session import Visit


@dataclass(frozen=True)
class IdentityShown:
    """``away``: the vault can't be asked now. ``complaints``: by id, their place in the case from 1.
    ``unproved``: what to do before one may ask, decide or look."""

    away: bool = False
    items: Sequence[OpeningView] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    may_ask: bool = False
    unproved: Text | None = None
    purposes: Sequence[OpeningPurpose] = ()
    denials: Sequence[Denial] = ()
    complaints: Mapping[UUID, int] = field(default_factory=dict)
    key: UUID = field(default_factory=uuid4)


async def identity_of(visit: Visit, view: CaseView) -> IdentityShown | None:
    """None for an anonymous complaint: there is nothing to ask the vault for."""
    complaints = {complaint_id: place for place, complaint_id in enumerate(view.facts.complaint_ids, 1)}
    if not view.facts.named and len(complaints) == 1:
        return None
    try:
        found = await visit.uses.openings.of_case(visit.who, view.case_id)
    except EngineAway:
        return IdentityShown(away=True)
    return IdentityShown(
        items=[shown(item, found.record.now, found.decidable, found.readable) for item in found.record.items],
        names=found.names,
        may_ask=found.may_ask,
        unproved=TEXTS[found.unproved] if found.unproved else None,
        purposes=list(opening_purposes().values()),
        denials=[denial for denial in Denial if denial not in OWN_DENIALS],
        complaints=complaints,
    )
