"""The ledger: one row per notice whatever is delivered how often in which order, and settled for ever."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contracts.cases import CaseTransitioned, WorkingMoment
from contracts.clock import BusinessClock
from contracts.complaints import ComplaintSubmitted, ContactWay
from contracts.lifecycle import Act, Stage
from services.chassis.clock import read_clock, write_clock
from services.chassis.db import Database, Principal
from services.notifications import service
from tests.integration.notifications.helpers import rows
from tests.unit.notifications.events import DESK, HOLDER, deadline, submitted, transitioned


async def take(db: Database, event_id: UUID, event: ComplaintSubmitted | CaseTransitioned) -> None:
    """As a consumer does, without its inbox: the ledger itself must stand repetition."""
    async with db.session() as session:
        if isinstance(event, ComplaintSubmitted):
            await service.on_submitted(session, event_id, event)
        else:
            await service.on_transition(session, event_id, event)


def life(complaint: ComplaintSubmitted) -> list[CaseTransitioned]:
    """A case from registration to an overdue handling."""
    case = {"case_id": complaint.case_ids[0], "complaint_ids": (complaint.complaint_id,)}
    return [
        transitioned(Act.REGISTER, Stage.SUBMITTED, Stage.TRIAGE, sequence=1, holder=None, **case),
        transitioned(Act.ACCEPT, Stage.TRIAGE, Stage.PENDING_DISPATCH, sequence=2, holder=None, **case),
        transitioned(Act.DISPATCH, Stage.PENDING_DISPATCH, Stage.DISPATCHED, sequence=3, **case),
        transitioned(Act.SIGN, Stage.DISPATCHED, Stage.SIGNED, sequence=4, **case),
        transitioned(Act.OVERDUE, Stage.SIGNED, Stage.SIGNED, sequence=5, told=False, deadline=deadline(), **case),
    ]


EXPECTED = sorted(
    [
        (0, "RECEIPT", "reporter"),
        (1, "REGISTERED", "reporter"),
        (1, "NEW_TASK", DESK.unit_id),
        (2, "ACCEPTED", "reporter"),
        (2, "NEW_TASK", DESK.unit_id),
        (3, "HANDED_OVER", "reporter"),
        (3, "NEW_TASK", HOLDER.unit_id),
        (4, "SIGNED", "reporter"),
        (5, "OVERDUE", HOLDER.unit_id),
        (5, "OVERDUE", DESK.unit_id),
    ]
)


async def ledger(db: Database, case_id: UUID) -> list[tuple[int, str, str]]:
    found = await rows(db, "SELECT * FROM notices WHERE case_id = :case_id", case_id=case_id)
    return sorted((row.sequence, row.template, row.unit_id or "reporter") for row in found)


async def announced(db: Database) -> int:
    (row,) = await rows(db, "SELECT count(*) AS number, count(DISTINCT event_id) AS distinct_ids FROM outbox")
    assert row.number == row.distinct_ids
    return int(row.number)


@pytest.mark.parametrize("seed", range(5))
async def test_any_order_and_any_repetition_gives_the_same_ledger(db: Database, seed: int) -> None:
    """At least once, and two topics that nothing orders against each other."""
    complaint = submitted(ways=(ContactWay.SMS,))
    events = [(uuid4(), event) for event in (complaint, *life(complaint))]
    shuffled = random.Random(seed).choices(events, k=25) + events
    random.Random(seed + 100).shuffle(shuffled)
    for event_id, event in shuffled:
        await take(db, event_id, event)
    assert await ledger(db, complaint.case_ids[0]) == EXPECTED
    assert await rows(db, "SELECT 1 FROM notices WHERE settled_at IS NULL") == []
    assert await announced(db) == len([entry for entry in EXPECTED if entry[2] == "reporter"])
    assert len(await rows(db, "SELECT * FROM officer_notices")) == 5


async def test_the_same_step_under_another_event_id_makes_no_second_notice(db: Database) -> None:
    """An event written again after a restore tells the same step."""
    complaint = submitted()
    for _ in range(2):
        for event in (complaint, *life(complaint)):
            await take(db, uuid4(), event)
    assert await ledger(db, complaint.case_ids[0]) == EXPECTED


async def test_everything_at_once_on_many_connections(db: Database) -> None:
    """A step that finds no recipient and a complaint that finds no waiting notice must not pass each other."""
    complaints = [submitted(ways=()) for _ in range(12)]
    work = [(uuid4(), event) for complaint in complaints for event in (complaint, *life(complaint))] * 2
    random.Random(7).shuffle(work)
    gate = asyncio.Semaphore(12)

    async def one(event_id: UUID, event: ComplaintSubmitted | CaseTransitioned) -> None:
        async with gate:
            await take(db, event_id, event)

    await asyncio.gather(*(one(*item) for item in work))
    for complaint in complaints:
        assert await ledger(db, complaint.case_ids[0]) == EXPECTED
    assert await rows(db, "SELECT 1 FROM notices WHERE settled_at IS NULL") == []


async def test_a_step_that_comes_before_its_complaint_waits_for_it(db: Database) -> None:
    complaint = submitted()
    accepted = life(complaint)[1]
    await take(db, uuid4(), accepted)
    (waiting,) = await rows(db, "SELECT * FROM notices WHERE unit_id IS NULL")
    assert (waiting.state, waiting.way) == ("PENDING_RECIPIENT", None)
    await take(db, uuid4(), complaint)
    states = {row.template: row.state for row in await rows(db, "SELECT * FROM notices WHERE unit_id IS NULL")}
    assert states == {"RECEIPT": "PENDING", "ACCEPTED": "PENDING"}


async def test_a_complaint_that_never_comes_ends_its_notices_as_failed(db: Database) -> None:
    await take(db, uuid4(), life(submitted())[1])
    async with db.session() as session:
        assert await service.give_up_waiting(session, timedelta(days=1)) == 0
        assert await service.give_up_waiting(session, timedelta(seconds=-1)) == 1
    (row,) = await rows(db, "SELECT * FROM notices WHERE unit_id IS NULL")
    assert (row.state, row.reason) == ("FAILED", "RECIPIENT_UNKNOWN")


async def test_nobody_can_change_or_remove_a_settled_notice(db: Database) -> None:
    complaint = submitted(ways=())
    await take(db, uuid4(), complaint)
    with pytest.raises(DBAPIError, match="a settled notice does not change"):
        async with db.session() as session:
            await session.execute(text("UPDATE notices SET state = 'PENDING', settled_at = NULL, settled_wall = NULL"))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with db.session() as session:
            await session.execute(text("DELETE FROM notices"))


async def test_an_unset_principal_sees_nothing_and_officers_their_units_only(db: Database) -> None:
    complaint = submitted()
    for event in (complaint, *life(complaint)):
        await take(db, uuid4(), event)
    counts = {}
    for name, principal in {
        "desk": Principal("officer", "a1", (DESK.unit_id,)),
        "holder": Principal("officer", "a2", (HOLDER.unit_id,)),
        "other": Principal("officer", "a3", ("wj-999999",)),
        "none": Principal("officer", "a4", ()),
        "public": Principal("public"),
    }.items():
        async with db.read(principal) as session:
            counts[name] = [
                (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
                for table in ("officer_notices", "notices", "recipients")
            ]
    assert counts == {
        "desk": [3, 0, 0],
        "holder": [2, 0, 0],
        "other": [0, 0, 0],
        "none": [0, 0, 0],
        "public": [0, 0, 0],
    }


async def test_a_reminder_is_seen_when_its_unit_works_and_once(db: Database) -> None:
    async with db.read() as session:
        now = (await read_clock(session)).to_business(datetime.now(UTC))
    moments = (WorkingMoment(unit_id=HOLDER.unit_id, at=now + timedelta(hours=9)),)
    event = transitioned(
        Act.OVERDUE, Stage.HANDLING, Stage.HANDLING, told=False, deadline=deadline(), at=now, remind_at=moments
    )
    event_id = uuid4()
    await take(db, event_id, event)
    await take(db, event_id, event)

    async def seen() -> list[tuple[str, datetime]]:
        found = await rows(
            db, "SELECT unit_id, at FROM officer_notices WHERE case_id = :id ORDER BY id", id=event.case_id
        )
        return [(row.unit_id, row.at) for row in found]

    async def release() -> int:
        async with db.session() as session:
            return await service.release_held(session)

    assert await seen() == [(DESK.unit_id, now)], "no moment is named for the desk: at once"
    assert await release() == 0
    async with db.session() as session:
        at_work = BusinessClock(anchor_wall=datetime.now(UTC), anchor_business=now + timedelta(hours=9), rate=1)
        await write_clock(session, at_work)
    assert await release() == 1
    assert await release() == 0
    assert await seen() == [(DESK.unit_id, now), (HOLDER.unit_id, now)]
    await take(db, event_id, event)
    assert len(await seen()) == 2
    assert await rows(db, "SELECT 1 FROM notices WHERE settled_at IS NULL") == []
    assert await announced(db) == 0, "officers' notices have no event"
