"""record_transition on PostgreSQL: one commit, idempotent by content, no gap, a chain that can be checked."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError

from contracts.cases import CaseTransitioned, Deadline, UnitRef
from contracts.course import Course, Major
from contracts.lifecycle import LADDER, Act, Channel, Party, Purpose, Role, Stage, TaskKind, Track
from contracts.messages import Actor, CaseFacts, RunningClock, Task, Transition
from services.chassis.db import SYSTEM, Database
from services.referrals.activities import Activities
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.repository import cases, history
from services.referrals.repository.sql import one, rows
from tests.integration.referrals.office import steps_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
DESK = UnitRef(unit_id="desk", name="济南市受理台", region="370100")
WJ = UnitRef(unit_id="wj", name="济南市卫健委", region="370100")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture
def db(still_db: Database) -> Database:
    return still_db


@pytest.fixture
def activities(db: Database) -> Activities:
    return Activities(steps_of(db, StateCouncilCalendar()))


def first_step(**changes: object) -> Transition:
    facts = CaseFacts(
        case_id=uuid4(), case_number="HYRECORD1", complaint_ids=(uuid4(),), channel=Channel.WEB, track=Track.GENERAL,
        category="0802", region="370102", named=True, respondent_count=1, submitted_at=NOON,
    )  # fmt: skip
    values: dict[str, object] = {
        "facts": facts, "sequence": 1, "changed_sequence": 1, "act": Act.REGISTER, "actor": Actor(party=Party.SYSTEM),
        "at": NOON, "from_stage": Stage.SUBMITTED, "to_stage": Stage.TRIAGE, "desk": DESK,
        "task": Task(kind=TaskKind.TRIAGE, unit_id="desk", role=Role.CLERK, opened_sequence=1),
    }  # fmt: skip
    return Transition(**{**values, **changes})  # type: ignore[arg-type]


def following(step: Transition, **changes: object) -> Transition:
    return step.model_copy(
        update={
            "sequence": step.sequence + 1,
            "changed_sequence": step.sequence + 1,
            "act": Act.CLAIM,
            "from_stage": step.to_stage,
            "at": step.at + timedelta(hours=1),
            **changes,
        }
    )


def overdue_clock(due_at: datetime) -> RunningClock:
    deadline = Deadline(
        purpose=Purpose.HANDLE, clock_id="HOSP-2", article="x", started_at=NOON, due_at=due_at, due_soon_at=due_at,
        provisional=False, calendar_version="t",
    )  # fmt: skip
    return RunningClock(deadline=deadline, warned=True, overdue=True)


async def counted(db: Database, step: Transition) -> tuple[int, int]:
    """Rows of the case in history and outbox."""
    async with db.read(SYSTEM) as session:
        steps = await one(session, "SELECT count(*) AS n FROM case_history WHERE case_id = $1", step.facts.case_id)
        events = await one(session, "SELECT count(*) AS n FROM outbox WHERE key = $1", str(step.facts.case_id))
    assert steps is not None
    assert events is not None
    return steps["n"], events["n"]


async def test_a_step_is_case_task_history_and_event_at_once(activities: Activities, db: Database) -> None:
    step = first_step()
    recorded = await activities.record_transition(step)
    assert recorded.sequence == 1
    async with db.read(SYSTEM) as session:
        case = await cases.get(session, step.facts.case_id)
        chain = await cases.chain(session, step.facts.case_id)
        event = await one(session, "SELECT payload FROM outbox WHERE key = $1", str(step.facts.case_id))
        seats = await rows(session, "SELECT unit_id, part FROM case_units WHERE case_id = $1", step.facts.case_id)
    assert case is not None
    assert case.task is not None
    assert (case.stage, case.sequence, case.task.kind) == (Stage.TRIAGE, 1, TaskKind.TRIAGE)
    assert [(seat["unit_id"], seat["part"]) for seat in seats] == [("desk", "DESK")]
    assert event is not None
    told = CaseTransitioned.model_validate_json(bytes(event["payload"]))
    assert (told.act, told.told, told.history_hash) == (Act.REGISTER, True, chain[0]["hash"])


async def test_the_same_step_again_changes_nothing(activities: Activities, db: Database) -> None:
    step = first_step()
    assert await activities.record_transition(step) == await activities.record_transition(step)
    assert await counted(db, step) == (1, 1)


async def test_the_same_step_at_the_same_moment_is_written_once(activities: Activities, db: Database) -> None:
    step = first_step()
    await activities.record_transition(step)
    second = following(step)
    done = await asyncio.gather(*(activities.record_transition(second) for _ in range(8)))
    assert {recorded.sequence for recorded in done} == {2}
    assert await counted(db, step) == (2, 2)


async def test_another_content_for_a_taken_sequence_is_a_conflict(activities: Activities, db: Database) -> None:
    step = first_step()
    await activities.record_transition(step)
    with pytest.raises(ApplicationError) as refused:
        await activities.record_transition(step.model_copy(update={"to_stage": Stage.CLOSED}))
    assert refused.value.type == "ConflictingContent"
    assert refused.value.non_retryable
    assert await counted(db, step) == (1, 1)


@pytest.mark.parametrize("sequence", [2, 3, 9])
async def test_a_gap_is_refused(activities: Activities, db: Database, sequence: int) -> None:
    unknown = first_step(sequence=sequence)
    with pytest.raises(ApplicationError) as refused:
        await activities.record_transition(unknown)
    assert refused.value.type == "ConflictingContent"
    known = first_step()
    await activities.record_transition(known)
    with pytest.raises(ApplicationError):
        await activities.record_transition(following(known).model_copy(update={"sequence": sequence + 1}))
    assert await counted(db, unknown) == (0, 0)
    assert await counted(db, known) == (1, 1)


async def test_the_chain_holds_and_shows_a_changed_row(activities: Activities, db: Database) -> None:
    step = first_step()
    second = following(step)
    third = following(second, act=Act.ACCEPT, to_stage=Stage.PENDING_DISPATCH)
    for each in (step, second, third):
        await activities.record_transition(each)
    async with db.read(SYSTEM) as session:
        chain = await cases.chain(session, step.facts.case_id)
    previous = history.GENESIS
    for row in chain:
        content = sha256(row["transition"].encode()).hexdigest()
        assert row["content_hash"] == content
        assert row["prev_hash"] == previous
        previous = history.chained(previous, content, row["recorded_at"])
        assert row["hash"] == previous
    assert [row["sequence"] for row in chain] == [1, 2, 3]


async def test_history_is_append_only_for_the_service_itself(activities: Activities, db: Database) -> None:
    step = first_step()
    await activities.record_transition(step)
    for statement in (
        "UPDATE case_history SET act = 'REJECT' WHERE case_id = $1",
        "DELETE FROM case_history WHERE case_id = $1",
        "TRUNCATE case_history",
    ):
        connection = await asyncpg.connect(db.dsn)
        try:
            await connection.execute("SELECT set_config('huiyin.role', 'system', false)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement, *([step.facts.case_id] if "$1" in statement else []))
        finally:
            await connection.close()


async def test_units_that_had_the_case_become_past_and_the_task_follows(activities: Activities, db: Database) -> None:
    step = first_step()
    holder = Task(kind=TaskKind.SIGN, unit_id="wj", role=Role.HANDLER, opened_sequence=2)
    sent = following(step, act=Act.DISPATCH, to_stage=Stage.DISPATCHED, holder=WJ, task=holder)
    other = UnitRef(unit_id="desk2", name="青岛市受理台", region="370200")
    away = following(sent, act=Act.HAND_TO_DESK, to_stage=Stage.TRIAGE, desk=other, holder=None, task=None)
    for each in (step, sent, away):
        await activities.record_transition(each)
    async with db.read(SYSTEM) as session:
        seats = await rows(session, "SELECT unit_id, part FROM case_units WHERE case_id = $1", step.facts.case_id)
        case = await cases.get(session, step.facts.case_id)
    assert {seat["unit_id"]: seat["part"] for seat in seats} == {"desk": "PAST", "wj": "PAST", "desk2": "DESK"}
    assert case is not None
    assert case.task is None


async def test_an_overdue_clock_learns_its_ladder_with_the_record_and_each_step_names_whom_it_is_told(
    db: Database, activities: Activities
) -> None:
    first = first_step()
    await activities.record_transition(first)
    clock = overdue_clock(datetime(2026, 3, 11, 16, tzinfo=UTC))  # Wednesday the 11th, 24:00
    hospital = UnitRef(unit_id="hospital", name="历下区人民医院", region="370102")
    late = following(first, act=Act.OVERDUE, clocks=(clock,), deadline=clock.deadline, holder=hospital)
    said = await activities.record_transition(late)
    assert await activities.record_transition(late) == said, "asked again, the same ladder"
    (ladder,) = said.ladders
    assert [rung.act for rung in ladder.rungs] == list(LADDER)
    red = next(rung for rung in ladder.rungs if rung.act is Act.RED_CARD)
    assert red.at == datetime(2026, 3, 19, 16, tzinfo=UTC)
    climbed = clock.model_copy(update={"rungs": ladder.rungs})
    step = following(late, act=Act.RED_CARD, at=red.at, clocks=(climbed,))
    assert (await activities.record_transition(step)).ladders == ()
    async with db.read(SYSTEM) as session:
        found = await rows(session, "SELECT payload FROM outbox WHERE key = $1", str(first.facts.case_id))
    event = next(
        event for row in found if (event := CaseTransitioned.model_validate_json(row["payload"])).act is Act.RED_CARD
    )
    assert [unit.unit_id for unit in event.concerned] == ["hospital", "desk", "wj-a"]
    assert {moment.unit_id for moment in event.remind_at} == {"hospital", "desk", "wj-a"}
    assert not event.told


async def test_the_authority_above_is_told_that_a_clue_is_major_no_more(db: Database, activities: Activities) -> None:
    first = first_step()
    county = UnitRef(unit_id="wj-a", name="历下区卫健局", region="370102")
    reported = Course(major=Major(ground="XF-25", reported=True, superior=WJ))
    told = following(first, act=Act.REPORT_MAJOR, holder=county, course=reported)
    lifted = following(told, act=Act.LIFT_MAJOR, course=Course())
    for step in (first, told, lifted):
        await activities.record_transition(step)
    async with db.read(SYSTEM) as session:
        found = await rows(session, "SELECT payload FROM outbox WHERE key = $1", str(first.facts.case_id))
    events = [CaseTransitioned.model_validate_json(row["payload"]) for row in found]
    concerned = next(event.concerned for event in events if event.act is Act.LIFT_MAJOR)
    assert {unit.unit_id for unit in concerned} == {"desk", "wj-a", "wj"}


async def test_of_a_succession_the_reporter_is_told_by_the_new_name_of_who_has_the_case(
    db: Database, activities: Activities
) -> None:
    first = first_step()
    held = following(first, holder=WJ)
    heir = UnitRef(unit_id="wj-a", name="历下区卫健局", region="370102")
    succeeded = following(held, act=Act.SUCCEED, holder=heir)
    quiet = following(succeeded, act=Act.SUCCEED)
    for step in (first, held, succeeded, quiet):
        await activities.record_transition(step)
    async with db.read(SYSTEM) as session:
        found = await rows(session, "SELECT payload FROM outbox WHERE key = $1 ORDER BY id", str(first.facts.case_id))
    told = [CaseTransitioned.model_validate_json(row["payload"]) for row in found]
    assert [(event.told, event.holder) for event in told[2:]] == [(True, heir), (False, heir)]
