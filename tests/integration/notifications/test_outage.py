"""A mail server that is down for long: the sender tries on, and afterwards everything has gone, and gone once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from services.chassis.db import Database, execute
from services.notifications.attempts import MAX_DELAY
from tests.integration.notifications.helpers import (
    FakeVault,
    Mailserver,
    Sending,
    mails,
    message_ids,
    no_unsettled,
    owed,
    rows,
    steps,
    until,
)

OUTAGE = timedelta(minutes=10)
STEP = timedelta(seconds=20)


async def passes(db: Database, time: timedelta) -> None:
    """Time passes for the ledger: all its instants move into the past by as much."""
    columns = ("created_at", "first_attempt_at", "next_attempt_at", "lease_until")
    moved = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
    async with db.session() as session:
        await execute(session, f"UPDATE notices SET {moved} WHERE settled_at IS NULL", time)


async def nothing_is_due(db: Database) -> bool:
    """Has the sender tried everything that it may try now?"""
    return not await rows(
        db,
        "SELECT 1 FROM notices n WHERE state = 'SENDING' OR (state = 'PENDING' AND next_attempt_at <= clock_timestamp()"
        " AND NOT EXISTS (SELECT 1 FROM notices e WHERE e.recipient = n.recipient AND e.settled_at IS NULL"
        " AND e.sequence < n.sequence))",
    )


async def each_settled_mail_is_announced_once(db: Database) -> None:
    """One terminal row, one event."""
    settled = await rows(db, "SELECT notice_id::text AS id FROM notices WHERE way = 'EMAIL' AND settled_at IS NOT NULL")
    announced = await rows(
        db,
        "SELECT event->>'notice_id' AS id FROM (SELECT convert_from(payload, 'UTF8')::jsonb AS event FROM outbox) sent"
        " WHERE event->>'way' = 'EMAIL'",
    )
    assert Counter(row.id for row in announced) == Counter(row.id for row in settled)


async def test_after_ten_minutes_without_mail_server_each_notice_goes_once_and_has_one_terminal_row(
    db: Database, vault: FakeVault, mailserver: Mailserver, sending: Sending
) -> None:
    mailserver.stop()
    async with sending():
        total = 0
        elapsed = timedelta()
        while elapsed < OUTAGE:
            if elapsed < OUTAGE / 2:  # complaints come in all the while
                total += 1 + await steps(db, await owed(db, vault))
            await until(lambda: nothing_is_due(db))
            await passes(db, STEP)
            elapsed += STEP
        await until(lambda: nothing_is_due(db))
        waiting = await mails(db)
        assert len(waiting) == total
        assert {(state, repeated) for state, _, _, repeated in waiting} == {("PENDING", False)}
        await each_settled_mail_is_announced_once(db)
        longest = max(attempts for _, _, attempts, _ in waiting)
        assert 12 <= longest <= 20, "1, 2, 4 … 32 s, then once a minute: no hammering, no giving up"
        mailserver.start()
        while not await no_unsettled(db):
            await passes(db, MAX_DELAY)
            await until(lambda: nothing_is_due(db))
    assert set(message_ids(mailserver).values()) == {1}
    assert len(mailserver.taken) == total
    assert {(state, repeated) for state, _, _, repeated in await mails(db)} == {("DELIVERED", False)}
    await each_settled_mail_is_announced_once(db)
