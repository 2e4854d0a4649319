"""What officers and our other services may read: their transactions, on the right principal's behalf."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from contracts.sessions import Standing
from services.chassis.clock import read_clock
from services.chassis.db import Database, Principal
from services.notifications import ledger
from services.notifications.domain import BETWEEN_US_AND_REPORTER, TERMINAL
from services.notifications.domain import Template as Template
from services.notifications.ledger import Delivery, OfficerNotice, Tally

TERMINAL_NAMES = frozenset(state.value for state in TERMINAL)


def _principal(officer: Standing) -> Principal:
    return Principal("officer", officer.account_id, officer.unit_ids, officer.restricted, officer.barred_cases)


async def officer_notices(
    db: Database, officer: Standing, *, unit_id: str | None, beyond: int, unread: bool, limit: int
) -> list[OfficerNotice]:
    """The notices of the officer's own unit, or of ``unit_id`` if it is one that the officer may see."""
    async with db.read(_principal(officer)) as session:
        return await ledger.officer_notices(
            session,
            (unit_id or officer.unit_id or "",),
            barred=officer.barred_cases,
            beyond=beyond,
            unread=unread,
            limit=limit,
        )


def digests(notices: Sequence[OfficerNotice]) -> list[list[OfficerNotice]]:
    """Unread reminders of a unit that waited for the same moment, where there are several; the earliest first."""
    groups: dict[tuple[str, datetime], list[OfficerNotice]] = {}
    for notice in notices:
        if notice.moment is not None and notice.read_at is None:
            groups.setdefault((notice.unit_id, notice.moment), []).append(notice)
    return [groups[key] for key in sorted(groups, key=lambda key: key[1]) if len(groups[key]) > 1]


async def mark_read(db: Database, officer: Standing, notice_id: int) -> OfficerNotice | None:
    """Mark as read; None when the officer may not see it."""
    async with db.session(_principal(officer)) as session:
        now = (await read_clock(session)).to_business(datetime.now(UTC))
        return await ledger.mark_read(session, notice_id, officer.account_id, now, barred=officer.barred_cases)


async def deliveries(db: Database, officer: Standing | None, case_id: UUID) -> list[Delivery]:
    """The ledger of a case: for a service (no officer) always, for an officer when a unit of theirs was told of it."""
    if officer is not None:
        if case_id in officer.barred_cases:
            return []
        async with db.read(_principal(officer)) as session:
            if not await ledger.was_told(session, case_id):
                return []
    async with db.read() as session:
        return await ledger.deliveries(session, case_id, without=_untold(officer))


async def tallies(db: Database, officer: Standing | None) -> list[Tally]:
    """The whole ledger, counted; for an officer of the cases that `deliveries` shows, as it shows them: or a count
    would tell that somebody has just filed."""
    cases = None
    if officer is not None:
        async with db.read(_principal(officer)) as session:
            cases = await ledger.told_cases(session, barred=officer.barred_cases)
    async with db.read() as session:
        return await ledger.tallies(session, without=_untold(officer), cases=cases)


def _untold(officer: Standing | None) -> list[str]:
    return [] if officer is None else [template.value for template in BETWEEN_US_AND_REPORTER]
