"""The calendar changes under running clocks: what moved is a step, what did not is none, and timers follow."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle

from contracts.lifecycle import Act, Purpose, Stage
from contracts.messages import SIGNAL_CALENDAR_CHANGED, UPDATE_ACT, ActResult, CaseState
from tests.workflow.conftest import Bench
from tests.workflow.office import command, new_case

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def do(bench: Bench, handle: WorkflowHandle, *acts: Act, **fields: object) -> CaseState:  # type: ignore[type-arg]
    for act in acts:
        given = command(await bench.state(handle), act, **fields)
        await handle.execute_update(UPDATE_ACT, given, id=str(given.command_id), result_type=ActResult)
    return await bench.state(handle)


async def recounted(bench: Bench, handle: WorkflowHandle, times: int = 1) -> CaseState:  # type: ignore[type-arg]
    """Signal, and wait until the office was asked and the case stands still."""
    before = bench.office.recounts
    for _ in range(times):
        await handle.signal(SIGNAL_CALENDAR_CHANGED)
    async with asyncio.timeout(10):
        while bench.office.recounts == before:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    return await bench.until(handle, lambda state: state.sequence >= bench.office.steps[-1].sequence)


async def test_only_the_deadline_that_moved_is_recorded_with_the_one_before(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT, Act.DISPATCH)
    old = {clock.deadline.purpose: clock.deadline for clock in state.clocks}
    bench.office.moves = {Purpose.HANDLE: timedelta(days=2)}
    after = await recounted(bench, handle)
    step = bench.office.steps[-1]
    assert (step.act, step.sequence) == (Act.RECOUNT, state.sequence + 1)
    assert step.deadline_before == old[Purpose.HANDLE]
    assert step.deadline is not None
    assert step.deadline.due_at == old[Purpose.HANDLE].due_at + timedelta(days=2)
    assert step.deadline.started_at == old[Purpose.HANDLE].started_at
    new = {clock.deadline.purpose: clock.deadline for clock in after.clocks}
    assert new == {**old, Purpose.HANDLE: step.deadline}
    assert (after.stage, after.task) == (state.stage, state.task)
    assert after.changed_sequence == state.changed_sequence, "what an officer looks at is not out of date"


async def test_told_twice_or_for_nothing_it_does_nothing(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await bench.state(handle)
    assert (await recounted(bench, handle)).sequence == state.sequence
    bench.office.moves = {Purpose.ACKNOWLEDGE: timedelta(days=1)}
    assert (await recounted(bench, handle, times=3)).sequence == state.sequence + 1
    assert (await recounted(bench, handle)).sequence == state.sequence + 1
    assert bench.office.acts == [Act.REGISTER, Act.RECOUNT]


async def test_the_timer_follows_a_deadline_that_moved_away(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT, Act.DISPATCH)
    bench.office.moves = {Purpose.SIGN: timedelta(days=2)}
    await recounted(bench, handle)
    await bench.forward(handle, 1.5)
    assert (await bench.state(handle)).stage is Stage.DISPATCHED
    await bench.forward(handle, 1.6)
    assert (await bench.until(handle, lambda state: state.stage is Stage.SIGNED)).stage is Stage.SIGNED


async def test_a_deadline_that_moved_into_the_past_is_due_at_once(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await bench.forward(handle, 10)
    bench.office.moves = {Purpose.ACKNOWLEDGE: timedelta(days=-6)}
    await recounted(bench, handle)
    assert bench.office.acts == [Act.REGISTER, Act.RECOUNT, Act.OVERDUE]


async def test_an_overdue_clock_that_got_more_time_is_overdue_no_longer_and_warns_again(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await bench.forward(handle, 16)
    overdue = await bench.until(handle, lambda state: any(clock.overdue for clock in state.clocks))
    assert overdue.clocks[0].warned
    bench.office.moves = {Purpose.ACKNOWLEDGE: timedelta(days=15)}
    after = await recounted(bench, handle)
    assert (after.clocks[0].warned, after.clocks[0].overdue) == (False, False)
    await bench.forward(handle, 15)
    await bench.until(handle, lambda state: state.clocks[0].overdue)
    assert bench.office.acts[-3:] == [Act.RECOUNT, Act.DUE_SOON, Act.OVERDUE]
