"""What happens to notices: owed, released, settled. Works inside the caller's transaction and never commits."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.cases import CaseTransitioned
from contracts.complaints import CodeReissued, ComplaintSubmitted, RightsAnswered, RightsAsked
from contracts.notifications import DeliveryState, NoticeSettled
from contracts.topics import NOTIFICATIONS
from services.chassis.clock import read_clock
from services.chassis.db import after_commit
from services.chassis.outbox import Outgoing, outgoing, write
from services.notifications import metrics, repository, repository_recipients
from services.notifications.attempts import Next, Outcome, Result, after
from services.notifications.domain import (
    BETWEEN_US_AND_REPORTER,
    Decision,
    Planned,
    Recipient,
    State,
    Way,
    code_for,
    decide,
    notice_id,
    notices_for,
    receipt_for,
    recipient_of,
    rights_notice,
)
from services.notifications.repository import Claimed, Settled

IN_APP = Decision(State.DELIVERED, Way.IN_APP)
HELD = Decision(State.PENDING, Way.IN_APP)
_PRIVATE = "PRIVATE"
"""As metrics name what officers are not told of."""


async def on_submitted(session: AsyncSession, event_id: UUID, event: ComplaintSubmitted) -> None:
    """A complaint came in: its receipt is owed, and what waited for its recipient goes on."""
    now = await _business_now(session)
    recipient = recipient_of(event)
    await repository_recipients.lock_complaints(session, [event.complaint_id])
    await repository_recipients.add_recipient(session, recipient)
    receipt = receipt_for(event)
    await _owe(session, event_id, receipt, decide(receipt.template, recipient), now)
    for waiting, template in await repository.waiting_for(session, event.complaint_id):
        await _announce(session, await repository.release(session, waiting, decide(template, recipient), now))


async def on_reissued(session: AsyncSession, event_id: UUID, event: CodeReissued) -> None:
    """A query code was issued anew: the notice that brings it is owed."""
    await _owe_reporter(session, event_id, code_for(event), event.complaint_id)


async def on_rights(session: AsyncSession, event_id: UUID, event: RightsAsked | RightsAnswered) -> None:
    """A request about the reporter's data: told, and the ways to reach the reporter follow what was granted."""
    await repository_recipients.lock_complaints(session, [event.complaint_id])
    if isinstance(event, RightsAnswered) and event.contact_changed:
        await repository_recipients.change_recipient(session, event)
        for settled in await repository.drop_asked(session, event.complaint_id, await _business_now(session)):
            await _announce(session, settled)
    await _owe_reporter(session, event_id, rights_notice(event), event.complaint_id)


async def _owe_reporter(session: AsyncSession, event_id: UUID, planned: Planned, complaint_id: UUID) -> None:
    now = await _business_now(session)
    await repository_recipients.lock_complaints(session, [complaint_id])
    recipient = (await repository_recipients.recipients(session, [complaint_id])).get(complaint_id)
    await _owe(session, event_id, planned, decide(planned.template, recipient) if recipient else None, now)


async def on_transition(session: AsyncSession, event_id: UUID, event: CaseTransitioned) -> None:
    """A case took a step: reporters' notices are owed (or wait for their complaint), officers see theirs at once."""
    if event.guarded:
        units = (event.desk, event.holder or event.desk)
        await repository.seat(session, event.case_id, event.sequence, (unit.unit_id for unit in units))
    planned = notices_for(event)
    if not planned:
        return
    now = await _business_now(session)
    # Before the complaints' locks, by every event of a batch: the other way round two batches wait for one another.
    await repository.lock_officer_order(session)
    complaints = [notice.complaint_id for notice in planned if notice.complaint_id is not None]
    known: dict[UUID, Recipient] = {}
    if complaints:
        await repository_recipients.lock_complaints(session, complaints)
        known = await repository_recipients.recipients(session, complaints)
    for notice in planned:
        if notice.complaint_id is not None:
            recipient = known.get(notice.complaint_id)
            await _owe(session, event_id, notice, decide(notice.template, recipient) if recipient else None, now)
    for notice in (notice for notice in planned if notice.unit_id is not None):
        held = notice.hold_until is not None and notice.hold_until > now
        await _owe(session, event_id, notice, HELD if held else IN_APP, now, at=event.at)


async def finish_attempt(session: AsyncSession, claimed: Claimed, outcome: Outcome) -> tuple[Next, bool]:
    """Write what became of an attempt. Returns what follows, and False when another process had taken it over."""
    refused = outcome.result is Result.REFUSED
    following = after(outcome, claimed.attempts, claimed.trying_for, claimed.refusals + refused)
    now = await _business_now(session)
    held, settled = await repository.record_attempt(
        session, claimed, following, code=outcome.code, refused=refused, now=now
    )
    await _announce(session, settled)
    return following, held


async def release_held(session: AsyncSession) -> int:
    """Show the reminders whose units work by now; returns how many."""
    now = await _business_now(session)
    if not await repository.any_held(session, now):
        return 0
    await repository.lock_officer_order(session)
    released = await repository.release_held(session, now)
    for notice in released:
        _count(session, notice)
    return len(released)


async def give_up_waiting(session: AsyncSession, wait: timedelta) -> int:
    """Fail notices whose complaint never came; returns how many."""
    settled = await repository.give_up_waiting(session, wait, await _business_now(session))
    for notice in settled:
        await _announce(session, notice)
    return len(settled)


async def _owe(
    session: AsyncSession,
    event_id: UUID,
    planned: Planned,
    decision: Decision | None,
    now: datetime,
    *,
    at: datetime | None = None,
) -> None:
    """Enter a notice, and tell of a reporter's when it ends at once. ``at``: when the step was, for officers."""
    chosen = notice_id(event_id, planned.recipient, planned.template)
    settled = repository.ended(chosen, planned, decision, now)
    event = _outgoing(settled) if settled and planned.complaint_id is not None and _told(settled) else None
    new = await repository.add_notice(
        session, chosen, event_id, planned, decision, at=at or now, settled=settled, event=event
    )
    if new and settled is not None:
        _count(session, settled)


async def _announce(session: AsyncSession, settled: Settled | None) -> None:
    if settled is None:
        return
    if _told(settled):
        await write(session, _outgoing(settled))
    _count(session, settled)


def _told(settled: Settled) -> bool:
    """Whether the bus hears of it: a copy of the topic would tell which guess at a reporter's name was right."""
    return settled.template not in BETWEEN_US_AND_REPORTER


def _outgoing(settled: Settled) -> Outgoing:
    event = NoticeSettled(
        notice_id=settled.notice_id,
        case_id=settled.case_id,
        template=settled.template.value,
        recipient=settled.recipient,
        way=settled.way,
        state=DeliveryState(settled.state.value),
        reason=settled.reason,
        attempts=settled.attempts,
        possibly_repeated=settled.possibly_repeated,
        at=settled.at,
    )
    return outgoing(
        NOTIFICATIONS,
        str(settled.case_id),
        event,
        subject=str(settled.notice_id),
        event_id=uuid5(settled.notice_id, "settled"),
    )


def _count(session: AsyncSession, settled: Settled) -> None:
    template = _PRIVATE if settled.template in BETWEEN_US_AND_REPORTER else settled.template.value
    labels = (settled.state.value, settled.way, template, settled.reason or "")
    after_commit(session, metrics.notices_settled_total.labels(*labels).inc)


async def _business_now(session: AsyncSession) -> datetime:
    return (await read_clock(session)).to_business(datetime.now(UTC))
