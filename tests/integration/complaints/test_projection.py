"""The projection of case events: whatever their order and however often they come, the end is the same."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from contracts.cases import CaseTransitioned
from contracts.lifecycle import Act, Purpose
from services.chassis.db import Database
from services.complaints.projection import project
from tests.integration.complaints.people import DUE, answered, deadline, step


async def apply(db: Database, events: list[CaseTransitioned]) -> None:
    for event in events:
        async with db.session() as session:
            await project(session, event)


async def state(admin: "asyncpg.Connection[Any]", case_id: UUID) -> Any:
    case = await admin.fetchrow("SELECT sequence, stage FROM cases WHERE case_id = $1", case_id)
    steps = await admin.fetch(
        "SELECT sequence, act, to_stage, at, desk, holder, due_at, outcome FROM timeline WHERE case_id = $1"
        " ORDER BY sequence",
        case_id,
    )
    return tuple(case), [tuple(row) for row in steps]


async def test_any_order_with_repeats_ends_the_same(db: Database, admin: "asyncpg.Connection[Any]") -> None:
    choice = random.Random(7)
    complaint = uuid4()
    wanted = None
    for _ in range(12):
        case_id = uuid4()
        events = answered(case_id, complaint)
        shuffled = events + choice.sample(events, k=4)
        if wanted is not None:
            choice.shuffle(shuffled)
        await apply(db, shuffled)
        found = await state(admin, case_id)
        wanted = wanted or found
        assert found == wanted
    assert wanted is not None
    assert wanted[0] == (9, "PENDING_VISIT")
    assert [row[1] for row in wanted[1]] == ["REGISTER", "ACCEPT", "DISPATCH", "SIGN", "REVIEW_PASS"]


async def test_a_case_of_a_complaint_that_we_do_not_hold_is_no_error(
    db: Database, admin: "asyncpg.Connection[Any]"
) -> None:
    case_id = uuid4()
    await apply(db, answered(case_id, uuid4())[:1])
    assert await admin.fetchval("SELECT count(*) FROM complaint_cases WHERE case_id = $1", case_id) == 0


async def test_a_recount_moves_the_date_that_is_shown_and_no_other(
    db: Database, admin: "asyncpg.Connection[Any]"
) -> None:
    case_id, complaint = uuid4(), uuid4()
    later = DUE + timedelta(days=1)

    async def shown() -> Any:
        row = await admin.fetchrow("SELECT purpose, due_at FROM cases WHERE case_id = $1", case_id)
        return tuple(row)

    def recount(sequence: int, purpose: Purpose) -> CaseTransitioned:
        return step(case_id, complaint, sequence, Act.RECOUNT, deadline=deadline(purpose, later))

    await apply(db, [step(case_id, complaint, 4, Act.DISPATCH)])
    await apply(db, [recount(5, Purpose.SIGN), recount(6, Purpose.ACKNOWLEDGE)])
    assert await shown() == ("HANDLE", DUE)
    await apply(db, [recount(7, Purpose.HANDLE)])
    assert await shown() == ("HANDLE", later)
