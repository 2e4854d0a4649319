"""The escalation ladder in the running case: its steps come in order, each once, and end with what they are about."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle

from contracts.lifecycle import LADDER, Act, Purpose, Stage, Supervision
from contracts.messages import SIGNAL_CALENDAR_CHANGED, UPDATE_ACT, ActResult, CaseState
from tests.workflow.conftest import Bench
from tests.workflow.office import command, new_case

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def do(bench: Bench, handle: WorkflowHandle, *acts: Act, **fields: object) -> CaseState:  # type: ignore[type-arg]
    for act in acts:
        given = command(await bench.state(handle), act, **fields)
        await handle.execute_update(UPDATE_ACT, given, id=str(given.command_id), result_type=ActResult)
    return await bench.state(handle)


def acts(bench: Bench) -> list[Act]:
    """The steps of the ladder on record."""
    return [act for act in bench.office.acts if act in LADDER]


async def reached(bench: Bench, handle: WorkflowHandle, act: Act) -> CaseState:  # type: ignore[type-arg]
    return await bench.until(handle, lambda _: act in bench.office.acts)  # type: ignore[no-any-return]


async def test_an_overdue_case_climbs_step_by_step_and_stays_what_the_officer_sees(bench: Bench) -> None:
    bench.office.climbs = True
    handle = await bench.start(new_case())
    seen = await bench.state(handle)
    await bench.forward(handle, 15.1)
    await reached(bench, handle, Act.URGE_NOTICE)
    assert acts(bench) == [Act.URGE_NOTICE]
    await bench.forward(handle, 1)
    await reached(bench, handle, Act.YELLOW_CARD)
    assert (await bench.state(handle)).course.supervision is Supervision.NONE
    await bench.forward(handle, 9)
    state = await bench.until(handle, lambda now: now.course.supervision is Supervision.LISTED)
    assert acts(bench) == [Act.URGE_NOTICE, Act.YELLOW_CARD, Act.RED_CARD, Act.LIST_CASE]
    await bench.forward(handle, 10)
    state = await bench.until(handle, lambda now: now.course.supervision is Supervision.RECTIFY)
    assert acts(bench) == list(LADDER)
    assert (state.stage, state.changed_sequence) == (Stage.TRIAGE, seen.changed_sequence)
    assert all(step.deadline is not None for step in bench.office.steps if step.act in LADDER)
    await bench.forward(handle, 100)
    await do(bench, handle, Act.LINK_RESPONDENTS)
    assert acts(bench) == list(LADDER), "nothing is said twice"


async def test_the_answer_ends_the_ladder(bench: Bench) -> None:
    bench.office.climbs = True
    handle = await bench.start(new_case())
    await bench.forward(handle, 15.1)
    await reached(bench, handle, Act.URGE_NOTICE)
    await do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT)
    await bench.forward(handle, 5)
    await do(bench, handle, Act.DISPATCH)
    assert acts(bench) == [Act.URGE_NOTICE]


async def test_a_deadline_that_moved_away_forgets_its_steps_and_takes_them_anew(bench: Bench) -> None:
    bench.office.climbs = True
    handle = await bench.start(new_case())
    await bench.forward(handle, 16.5)
    await reached(bench, handle, Act.YELLOW_CARD)
    bench.office.moves = {Purpose.ACKNOWLEDGE: timedelta(days=10)}
    await handle.signal(SIGNAL_CALENDAR_CHANGED)
    state = await bench.until(handle, lambda now: not now.clocks[0].overdue)
    assert (state.clocks[0].rungs, state.clocks[0].reached) == (None, ())
    await bench.forward(handle, 7)
    assert acts(bench) == [Act.URGE_NOTICE, Act.YELLOW_CARD]
    await bench.forward(handle, 3)
    await bench.until(handle, lambda _: len(acts(bench)) == 4)
    assert acts(bench)[2:] == [Act.URGE_NOTICE, Act.YELLOW_CARD]


async def test_a_deadline_that_moved_a_little_keeps_the_steps_that_hold(bench: Bench) -> None:
    bench.office.climbs = True
    handle = await bench.start(new_case())
    await bench.forward(handle, 17.5)
    await reached(bench, handle, Act.YELLOW_CARD)
    bench.office.moves = {Purpose.ACKNOWLEDGE: timedelta(days=2)}
    await handle.signal(SIGNAL_CALENDAR_CHANGED)
    state = await bench.until(handle, lambda now: now.clocks[0].deadline.calendar_version == "test.2")
    assert state.clocks[0].overdue
    assert state.clocks[0].reached == (Act.URGE_NOTICE,), "the yellow card is not due yet by the new date"
    await bench.forward(handle, 0.6)
    await bench.until(handle, lambda _: len(acts(bench)) == 3)
    assert acts(bench) == [Act.URGE_NOTICE, Act.YELLOW_CARD, Act.YELLOW_CARD]


async def test_a_suspended_clock_climbs_no_further(bench: Bench) -> None:
    bench.office.climbs = True
    handle = await bench.start(new_case())
    await do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT, Act.DISPATCH, Act.SIGN)
    await bench.forward(handle, 7.1)
    await reached(bench, handle, Act.URGE_NOTICE)
    await do(bench, handle, Act.SUSPEND_CLOCK)
    await bench.forward(handle, 5)
    await do(bench, handle, Act.RESUME_CLOCK)
    assert acts(bench) == [Act.URGE_NOTICE]
