"""What this service takes from other services' events: the steps of cases, for the reporter's timeline."""

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.cases import CaseTransitioned
from services.chassis.bus import Received, parse
from services.complaints.projection import project

TIMELINE = "complaints.timeline"


async def on_case(session: AsyncSession, received: Received) -> None:
    """A case took a step. Types that are nothing to reporters are left alone."""
    event = parse(received)
    if isinstance(event, CaseTransitioned):
        await project(session, event)
