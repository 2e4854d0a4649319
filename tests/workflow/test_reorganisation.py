"""Units that are merged and officers who leave, under a running case: whoever comes after takes over, on record."""

import pytest
from temporalio.client import WorkflowHandle

from contracts.lifecycle import Act, Party, Purpose, Stage, Track
from contracts.messages import (
    SIGNAL_DEPARTURE,
    SIGNAL_SUCCESSION,
    UPDATE_ACT,
    ActResult,
    CaseState,
    Departure,
    Succession,
)
from tests.workflow.conftest import Bench
from tests.workflow.office import ACCUSED, DESK, DISCIPLINE, HEALTH, INSURANCE, OTHER_DESK, SUPERIOR, command, new_case

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def do(bench: Bench, handle: WorkflowHandle, *acts: Act, **fields: object) -> CaseState:  # type: ignore[type-arg]
    for act in acts:
        given = command(await bench.state(handle), act, **fields)
        await handle.execute_update(UPDATE_ACT, given, id=str(given.command_id), result_type=ActResult)
    return await bench.state(handle)


async def at_work(bench: Bench, track: Track = Track.GENERAL) -> WorkflowHandle:  # type: ignore[type-arg]
    handle = await bench.start(new_case(track))
    await do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT, Act.DISPATCH, Act.SIGN, Act.CLAIM)
    return handle


async def told(bench: Bench, handle: WorkflowHandle, word: Succession) -> CaseState:  # type: ignore[type-arg]
    before = await bench.state(handle)
    await handle.signal(SIGNAL_SUCCESSION, word)
    return await bench.until(handle, lambda now: now.sequence > before.sequence)


async def test_the_successor_holds_the_case_with_the_officer_who_has_it_in_hand_and_the_clocks_run_on(
    bench: Bench,
) -> None:
    handle = await at_work(bench)
    await do(bench, handle, Act.ADD_SUPPORT)
    before = await bench.state(handle)
    state = await told(bench, handle, Succession(unit_id=HEALTH.unit_id, successor=SUPERIOR))
    assert state.holder == SUPERIOR
    assert before.task is not None
    assert state.task == before.task.model_copy(update={"unit_id": SUPERIOR.unit_id})
    assert before.task.assignee is not None
    assert (state.stage, state.clocks) == (before.stage, before.clocks)
    state = await told(bench, handle, Succession(unit_id=INSURANCE.unit_id, successor=DISCIPLINE))
    assert [support.unit for support in state.course.supports] == [DISCIPLINE]
    step = bench.office.steps[-1]
    assert (step.act, step.actor.party) == (Act.SUCCEED, Party.SYSTEM)
    # What was said twice is heard once.
    await handle.signal(SIGNAL_SUCCESSION, Succession(unit_id=INSURANCE.unit_id, successor=DISCIPLINE))
    assert (await do(bench, handle, Act.BEGIN)).sequence == state.sequence + 1


async def test_the_successor_of_a_respondent_is_one_too(bench: Bench) -> None:
    handle = await at_work(bench)
    state = await told(bench, handle, Succession(unit_id=ACCUSED.unit_id, successor=SUPERIOR))
    assert set(state.respondent_units) == {ACCUSED.unit_id, SUPERIOR.unit_id}
    assert state.holder == HEALTH


async def test_a_report_leaves_at_once_who_succeeds_the_accused(bench: Bench) -> None:
    handle = await at_work(bench, Track.INTEGRITY)
    word = Succession(unit_id=ACCUSED.unit_id, successor=HEALTH, accused_ids=(HEALTH.unit_id,))
    state = await told(bench, handle, word)
    assert (state.holder, state.stage) == (None, Stage.PENDING_DISPATCH)
    assert state.task is not None
    assert (state.task.unit_id, state.task.assignee) == (DESK.unit_id, None)
    assert Purpose.HANDLE in {clock.deadline.purpose for clock in state.clocks}


async def test_a_report_at_a_desk_that_succeeds_the_accused_goes_to_the_restricted_desk_above(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    await do(bench, handle, Act.LINK_RESPONDENTS)
    word = Succession(unit_id=ACCUSED.unit_id, successor=DESK, accused_ids=(DESK.unit_id,), desk=OTHER_DESK)
    state = await told(bench, handle, word)
    assert (state.desk, state.stage) == (OTHER_DESK, Stage.TRIAGE)
    assert state.task is not None
    assert (state.task.unit_id, state.task.assignee) == (OTHER_DESK.unit_id, None)


async def test_a_general_case_stays_with_whom_it_is_about(bench: Bench) -> None:
    handle = await at_work(bench)
    word = Succession(unit_id=ACCUSED.unit_id, successor=HEALTH, accused_ids=(HEALTH.unit_id,))
    assert (await told(bench, handle, word)).holder == HEALTH


@pytest.mark.parametrize("heir", ["officer-2", None])
async def test_the_task_of_an_officer_who_left_goes_to_a_colleague_or_back_to_the_queue(
    bench: Bench, heir: str | None
) -> None:
    handle = await at_work(bench)
    before = await bench.state(handle)
    assert before.task is not None
    assert before.task.assignee == "officer-1"
    await handle.signal(SIGNAL_DEPARTURE, Departure(account_id="somebody-else", heir_id=heir))
    await handle.signal(SIGNAL_DEPARTURE, Departure(account_id="officer-1", heir_id=heir))
    state = await bench.until(handle, lambda now: now.sequence > before.sequence)
    assert state.task == before.task.model_copy(update={"assignee": heir})
    assert bench.office.steps[-1].act is Act.HAND_ON
    assert state.sequence == before.sequence + 1


async def test_nobody_who_is_excluded_takes_a_task_over(bench: Bench) -> None:
    handle = await at_work(bench)
    await do(bench, handle, Act.LINK_PERSONS, respondent_accounts=("officer-2",))
    before = await bench.state(handle)
    await handle.signal(SIGNAL_DEPARTURE, Departure(account_id="officer-1", heir_id="officer-2"))
    state = await bench.until(handle, lambda now: now.sequence > before.sequence)
    assert state.task is not None
    assert state.task.assignee is None
