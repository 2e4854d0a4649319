"""What a new case takes from those it is linked to, such as a report of retaliation from the case before it."""

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.complaints import ComplaintSubmitted
from contracts.course import Course
from services.referrals.repository import cases


async def inherited(session: AsyncSession, event: ComplaintSubmitted) -> tuple[Course, tuple[str, ...]]:
    """The course a case begins with, and the units that it accuses from the start.

    Whoever a linked case accuses never learns of the new one (信访工作条例 art. 30). An officer still has to link the
    units before the case is accepted; on a report linking only adds.
    """
    linked = event.linked_case_ids
    barred = await cases.barred(session, linked) if linked else cases.Barred()
    return Course(urgent=event.urgent, linked_cases=linked, excluded=barred.accounts), barred.units
