"""What other services' events lead to here. Thin adapters: parse, and call the service in the inbox transaction."""

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.cases import CaseTransitioned
from contracts.complaints import CodeReissued, ComplaintSubmitted, RightsAnswered, RightsAsked
from services.chassis.bus import Received, parse
from services.notifications import service

COMPLAINTS_CONSUMER = "notifications.complaints"
CASES_CONSUMER = "notifications.cases"


async def on_complaint(session: AsyncSession, received: Received) -> None:
    """complaints.events: new complaints and codes; supplements and ratings come back as steps of the case."""
    event = parse(received)
    if isinstance(event, ComplaintSubmitted):
        await service.on_submitted(session, received.id, event)
    elif isinstance(event, CodeReissued):
        await service.on_reissued(session, received.id, event)
    elif isinstance(event, RightsAsked | RightsAnswered):
        await service.on_rights(session, received.id, event)


async def on_case(session: AsyncSession, received: Received) -> None:
    """cases.events: every step."""
    event = parse(received)
    if isinstance(event, CaseTransitioned):
        await service.on_transition(session, received.id, event)
