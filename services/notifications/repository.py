"""All SQL of the notices: the ledger and the sender's queue."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import one
from services.chassis.outbox import CHANNEL, Outgoing
from services.notifications.attempts import Next
from services.notifications.domain import Decision, Planned, Reason, State, Template

_OFFICER_LOCK = 0x6E02
ORDER_HELD_FOR = timedelta(days=1)
"""A later notice waits for an earlier one to the same recipient, but not for ever."""


@dataclass(frozen=True)
class Settled:
    """A notice that has just become terminal: what NoticeSettled says."""

    notice_id: UUID
    case_id: UUID
    template: Template
    recipient: str
    way: str
    state: State
    reason: str | None
    attempts: int
    possibly_repeated: bool
    at: datetime


@dataclass(frozen=True)
class Claimed:
    """A notice that this process is about to send. ``attempt_id`` proves the claim."""

    notice_id: UUID
    attempt_id: UUID
    template: Template
    data: dict[str, str]
    attempts: int
    refusals: int
    trying_for: timedelta
    possibly_repeated: bool
    contact_token: UUID | None
    case_number: str
    language: str


async def drop_asked(session: AsyncSession, complaint_id: UUID, now: datetime) -> list[Settled]:
    """End what still waits to tell the address left before of a request: it would go to the new one, whose owner
    asked. ``now`` is business time."""
    found = await session.execute(
        text(
            "UPDATE notices SET state = 'SKIPPED', way = COALESCE(way, 'TRACKING'), reason = :reason,"
            " settled_at = :now, settled_wall = clock_timestamp(), attempt_id = NULL, lease_until = NULL"
            " WHERE complaint_id = :id AND template = :template AND settled_at IS NULL RETURNING *"
        ),
        {
            "id": complaint_id,
            "template": Template.RIGHTS_ASKED.value,
            "reason": Reason.CONTACT_CHANGED.value,
            "now": now,
        },
    )
    return [settled for row in found if (settled := _settled(row))]


async def seat(session: AsyncSession, case_id: UUID, sequence: int, unit_ids: Iterable[str]) -> None:
    """Note which units have a guarded case since this step; an older step changes nothing."""
    await session.execute(
        text(
            "INSERT INTO restricted_cases (case_id, sequence, unit_ids) VALUES (:case_id, :sequence, :unit_ids)"
            " ON CONFLICT (case_id) DO UPDATE SET sequence = excluded.sequence, unit_ids = excluded.unit_ids"
            " WHERE restricted_cases.sequence < excluded.sequence"
        ),
        {"case_id": case_id, "sequence": sequence, "unit_ids": sorted(set(unit_ids))},
    )


def ended(notice_id: UUID, planned: Planned, decision: Decision | None, now: datetime) -> Settled | None:
    """A new notice as it is when it ends with its decision; None when it goes on. ``now`` is business time."""
    if decision is None or decision.state is State.PENDING:
        return None
    return Settled(
        notice_id,
        planned.case_id,
        planned.template,
        planned.recipient,
        decision.way.value,
        decision.state,
        decision.reason,
        0,
        False,
        now,
    )


# What ends at once is told in the same statement; officers see theirs in it too.
_ADD_NOTICE = f"""
WITH entered AS (
    INSERT INTO notices (notice_id, event_id, case_id, complaint_id, unit_id, sequence, template, recipient, way, data,
        state, reason, settled_at, settled_wall, hold_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13::timestamptz,
        CASE WHEN $13::timestamptz IS NOT NULL THEN clock_timestamp() END, $21::timestamptz)
    ON CONFLICT DO NOTHING RETURNING notice_id, unit_id, case_id, template, data
), shown AS (
    INSERT INTO officer_notices (notice_id, unit_id, case_id, template, data, at)
    SELECT notice_id, unit_id, case_id, template, data, $14::timestamptz FROM entered
    WHERE unit_id IS NOT NULL AND $13::timestamptz IS NOT NULL
    ON CONFLICT DO NOTHING
), told AS (
    INSERT INTO outbox (topic, key, event_id, type, headers, payload)
    SELECT $15::text, $16::text, $17::uuid, $18::text, $19::jsonb, $20::bytea FROM entered WHERE $17::uuid IS NOT NULL
    RETURNING id
)
SELECT (SELECT pg_notify('{CHANNEL}', '') FROM told) FROM entered
"""  # noqa: S608 a constant only


async def add_notice(
    session: AsyncSession,
    notice_id: UUID,
    event_id: UUID,
    planned: Planned,
    decision: Decision | None,
    *,
    at: datetime,
    settled: Settled | None,
    event: Outgoing | None,
) -> bool:
    """Enter a notice into the ledger, for officers into their list too; False when it was there before.

    Without a decision it waits for its recipient. ``at`` is the step's business time; ``settled`` and the ``event``
    that says so are for a notice that ends here.
    """
    row = await one(
        session,
        _ADD_NOTICE,
        notice_id,
        event_id,
        planned.case_id,
        planned.complaint_id,
        planned.unit_id,
        planned.sequence,
        planned.template.value,
        planned.recipient,
        decision.way.value if decision else None,
        json.dumps(planned.data, ensure_ascii=False),
        (decision.state if decision else State.PENDING_RECIPIENT).value,
        decision.reason.value if decision and decision.reason else None,
        settled.at if settled else None,
        at,
        *(event or (None,) * 6),
        planned.hold_until,
    )
    return row is not None


async def waiting_for(session: AsyncSession, complaint_id: UUID) -> list[tuple[UUID, Template]]:
    """Notices that came before their complaint, oldest step first."""
    found = await session.execute(
        text(
            "SELECT notice_id, template FROM notices WHERE complaint_id = :id AND state = 'PENDING_RECIPIENT'"
            " ORDER BY sequence, notice_id"
        ),
        {"id": complaint_id},
    )
    return [(row.notice_id, Template(row.template)) for row in found]


async def release(session: AsyncSession, notice_id: UUID, decision: Decision, now: datetime) -> Settled | None:
    """The recipient of a waiting notice is known now. ``now`` is business time; returns it when it ends here."""
    row = (
        await session.execute(
            text(
                "UPDATE notices SET state = :state, way = :way, reason = :reason, settled_at = :settled_at,"
                " settled_wall = CASE WHEN :terminal THEN clock_timestamp() END, next_attempt_at = clock_timestamp()"
                " WHERE notice_id = :id AND state = 'PENDING_RECIPIENT' RETURNING *"
            ),
            {
                "id": notice_id,
                "state": decision.state.value,
                "way": decision.way.value,
                "reason": decision.reason.value if decision.reason else None,
                "settled_at": None if decision.state is State.PENDING else now,
                "terminal": decision.state is not State.PENDING,
            },
        )
    ).first()
    return _settled(row)


async def give_up_waiting(
    session: AsyncSession, older_than: timedelta, now: datetime, limit: int = 200
) -> list[Settled]:
    """Fail notices whose complaint has not come within ``older_than``. ``now`` is business time."""
    found = await session.execute(
        text(
            "UPDATE notices SET state = 'FAILED', way = 'TRACKING', reason = :reason, settled_at = :now,"
            " settled_wall = clock_timestamp() WHERE notice_id IN (SELECT notice_id FROM notices"
            " WHERE state = 'PENDING_RECIPIENT' AND created_at < clock_timestamp() - CAST(:older_than AS interval)"
            " LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING *"
        ),
        {"reason": Reason.RECIPIENT_UNKNOWN.value, "now": now, "older_than": older_than, "limit": limit},
    )
    return [settled for row in found if (settled := _settled(row))]


async def any_held(session: AsyncSession, now: datetime) -> bool:
    """Is a reminder due to be shown at business time ``now``?"""
    row = await one(session, "SELECT 1 FROM notices WHERE state = 'PENDING' AND hold_until <= $1 LIMIT 1", now)
    return row is not None


_RELEASE = """
WITH due AS (
    SELECT notice_id FROM notices WHERE state = 'PENDING' AND hold_until <= :now
    ORDER BY hold_until, sequence, notice_id LIMIT :limit FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE notices n SET state = 'DELIVERED', settled_at = :now, settled_wall = clock_timestamp()
    FROM due WHERE n.notice_id = due.notice_id RETURNING n.*
), shown AS (
    INSERT INTO officer_notices (notice_id, unit_id, case_id, template, data, at, moment)
    SELECT notice_id, unit_id, case_id, template, data, CAST(data->>'at' AS timestamptz), hold_until FROM ended
    ORDER BY hold_until, sequence, notice_id
)
SELECT * FROM ended
"""


async def release_held(session: AsyncSession, now: datetime, limit: int = 200) -> list[Settled]:
    """Put reminders that were held until ``now`` (business time) before their units. Ask after `lock_officer_order`."""
    found = await session.execute(text(_RELEASE), {"now": now, "limit": limit})
    return [settled for row in found if (settled := _settled(row))]


async def lock_officer_order(session: AsyncSession) -> None:
    """Until the transaction ends nobody else gets an id: ids grow in commit order, and "after id N" misses none."""
    await one(session, "SELECT pg_advisory_xact_lock($1, 0)", _OFFICER_LOCK)


_CLAIM = """
WITH due AS (
    SELECT n.notice_id, n.state FROM notices n
    WHERE n.hold_until IS NULL AND ((n.state = 'PENDING' AND n.next_attempt_at <= clock_timestamp())
        OR (n.state = 'SENDING' AND n.lease_until <= clock_timestamp()))
      AND NOT n.notice_id = ANY(:busy)
      AND NOT EXISTS (
        SELECT 1 FROM notices e WHERE e.recipient = n.recipient AND e.settled_at IS NULL
          AND (e.sequence, e.notice_id) < (n.sequence, n.notice_id)
          AND (e.first_attempt_at IS NULL
            OR e.first_attempt_at > clock_timestamp() - CAST(:order_held_for AS interval)))
    ORDER BY n.next_attempt_at LIMIT :limit FOR UPDATE OF n SKIP LOCKED
)
UPDATE notices n SET state = 'SENDING', attempts = n.attempts + 1, attempt_id = gen_random_uuid(),
    first_attempt_at = COALESCE(n.first_attempt_at, clock_timestamp()),
    lease_until = clock_timestamp() + CAST(:lease AS interval),
    possibly_repeated = n.possibly_repeated OR due.state = 'SENDING',
    reason = CASE WHEN due.state = 'SENDING' THEN :interrupted ELSE n.reason END
FROM due, recipients r WHERE n.notice_id = due.notice_id AND r.complaint_id = n.complaint_id
RETURNING n.notice_id, n.attempt_id, n.template, n.data, n.attempts, n.refusals, n.possibly_repeated,
    CASE WHEN 'EMAIL' = ANY (r.ways) THEN r.contact_token END AS contact_token,
    clock_timestamp() - n.first_attempt_at AS trying_for, r.case_number, r.language
"""


async def claim(session: AsyncSession, *, limit: int, lease: timedelta, busy: Collection[UUID]) -> list[Claimed]:
    """Take due notices for sending; each counts an attempt once this transaction is committed.

    One whose lease ran out was in the hands of a process that ended: it may have been sent, so it is marked. ``busy``
    are those that this process still holds. A recipient's notices go one after the other in the order of the steps.
    """
    found = await session.execute(
        text(_CLAIM),
        {
            "limit": limit,
            "lease": lease,
            "busy": list(busy),
            "order_held_for": ORDER_HELD_FOR,
            "interrupted": Reason.INTERRUPTED.value,
        },
    )
    return [
        Claimed(
            row.notice_id,
            row.attempt_id,
            Template(row.template),
            as_data(row.data),
            row.attempts,
            row.refusals,
            row.trying_for,
            row.possibly_repeated,
            row.contact_token,
            row.case_number,
            row.language,
        )
        for row in found
    ]


async def record_attempt(
    session: AsyncSession, claimed: Claimed, following: Next, *, code: int | None, refused: bool, now: datetime
) -> tuple[bool, Settled | None]:
    """Write what became of an attempt. ``now`` is business time, ``code`` the SMTP reply code.

    Returns (False, None) when the claim was lost to another process meanwhile, and the notice when it has settled.
    """
    terminal = following.state is not State.PENDING
    row = (
        await session.execute(
            text(
                "UPDATE notices SET state = :state, reason = :reason, last_code = :code,"
                " refusals = refusals + CAST(:refused AS integer),"
                " possibly_repeated = possibly_repeated OR :repeated, attempt_id = NULL, lease_until = NULL,"
                " next_attempt_at = clock_timestamp() + CAST(:delay AS interval), settled_at = :settled_at,"
                " settled_wall = CASE WHEN :terminal THEN clock_timestamp() END"
                " WHERE notice_id = :id AND state = 'SENDING' AND attempt_id = :attempt_id RETURNING *"
            ),
            {
                "id": claimed.notice_id,
                "attempt_id": claimed.attempt_id,
                "state": following.state.value,
                "reason": following.reason.value if following.reason else None,
                "code": code,
                "refused": int(refused),
                "repeated": following.possibly_repeated,
                "delay": following.delay,
                "settled_at": now if terminal else None,
                "terminal": terminal,
            },
        )
    ).first()
    return row is not None, _settled(row)


def _settled(row: Any) -> Settled | None:
    if row is None or row.settled_at is None:
        return None
    return Settled(
        row.notice_id,
        row.case_id,
        Template(row.template),
        row.recipient,
        row.way,
        State(row.state),
        row.reason,
        row.attempts,
        row.possibly_repeated,
        row.settled_at,
    )


async def unsettled(session: AsyncSession) -> Mapping[str, tuple[int, float]]:
    """By state: how many notices have not ended, and the age of the oldest in seconds; less those held on purpose."""
    found = await session.execute(
        text(
            "SELECT state, count(*) AS number, EXTRACT(epoch FROM clock_timestamp() - min(created_at))::float AS age"
            " FROM notices WHERE settled_at IS NULL AND hold_until IS NULL GROUP BY state"
        )
    )
    return {row.state: (row.number, row.age) for row in found}


def as_data(value: Any) -> dict[str, str]:
    """A jsonb column's value; the driver gives text or the object."""
    data: dict[str, str] = json.loads(value) if isinstance(value, str) else value
    return data
