"""From case events to what reporters see: the newest state of each case, and the steps that may be told."""

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.cases import CaseTransitioned
from contracts.lifecycle import ENDED, LAPSE, Act, Track
from services.complaints import repository_cases
from services.complaints.repository import ANSWERS, TimelineRow
from services.complaints.repository_cases import Mirror
from services.complaints.wording import DEADLINE_ZH, WITH_NOTE

_WARNINGS = frozenset({Act.DUE_SOON, Act.OVERDUE})


async def project(session: AsyncSession, event: CaseTransitioned) -> None:
    """Take one step over. Steps may come twice and in any order: the newest state wins, a step is kept once."""
    await repository_cases.project(session, newest(event), told(event) if event.told else None, event.complaint_ids)


def newest(event: CaseTransitioned) -> Mirror:
    """The state after a step. A warning names the deadline that passed, and leaves the reporter's as it was."""
    deadline = event.deadline
    lapsed = deadline is not None and LAPSE.get(deadline.purpose) is event.act
    if deadline is None or lapsed or event.to_stage in ENDED or deadline.purpose not in DEADLINE_ZH:
        deadline = None
    return Mirror(
        case_id=event.case_id,
        sequence=event.sequence,
        stage=event.to_stage,
        due_at=deadline.due_at if deadline else None,
        purpose=str(deadline.purpose) if deadline else None,
        provisional=deadline.provisional if deadline else False,
        sets_deadline=event.act not in _WARNINGS,
        recounts=event.act == Act.RECOUNT,
        guarded=event.restricted or event.track != Track.GENERAL,
    )


def told(event: CaseTransitioned) -> TimelineRow:
    """The step as the timeline keeps it.

    A later step names the answer's text and outcome again; they stay with the answer, which not everyone may read who
    was joined before that step.
    """
    deadline, answers = event.deadline, event.act in ANSWERS
    document = event.public_document if answers or event.act in WITH_NOTE else None
    return TimelineRow(
        case_id=event.case_id,
        sequence=event.sequence,
        act=str(event.act),
        to_stage=str(event.to_stage),
        at=event.at,
        desk=event.desk.name,
        holder=event.holder.name if event.holder else None,
        due_at=deadline.due_at if deadline else None,
        purpose=str(deadline.purpose) if deadline else None,
        provisional=deadline.provisional if deadline else False,
        reason_code=event.reason_code,
        outcome=str(event.outcome) if event.outcome and answers else None,
        document_id=document.document_id if document else None,
        document_sha256=document.sha256 if document else None,
    )
