"""A step's place that holds another content: the case goes on waiting for an operator, and never ends by it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ActivityError, ApplicationError

from contracts.clock import BusinessClock
from contracts.lifecycle import Act, Stage
from contracts.messages import (
    CONFLICTING_CONTENT,
    SIGNAL_CLOCK_CHANGED,
    SIGNAL_REPORTER,
    CaseState,
    ReporterMessage,
    workflow_id,
)
from tests.workflow.conftest import Bench
from tests.workflow.office import command, new_case
from tests.workflow.test_complaint_case import do, in_stage, send

pytestmark = pytest.mark.asyncio(loop_scope="session")


def takes_next_place(bench: Bench, state: CaseState) -> None:
    """Another content stands where the case's next step belongs, as after a restore from too old a copy."""
    last = bench.office.steps[-1]
    other = {"facts": state.facts, "sequence": state.sequence + 1, "at": last.at - timedelta(days=1)}
    bench.office.steps.append(last.model_copy(update=other))


async def failing(handle: WorkflowHandle) -> str:  # type: ignore[type-arg]
    """Why the workflow's task fails, as soon as it does; the workflow itself runs on."""
    async with asyncio.timeout(20):
        while True:
            history = await handle.fetch_history()
            ends = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED)
            found = next((event for event in history.events if event.event_type in ends), None)
            if found is not None:
                assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
                return found.workflow_task_failed_event_attributes.failure.message
            await asyncio.sleep(0.02)


@asynccontextmanager
async def cleared(handle: WorkflowHandle) -> AsyncIterator[None]:  # type: ignore[type-arg]
    """The case is taken away at the end: its task would be tried for ever."""
    try:
        yield
    finally:
        await handle.terminate("the test is over")


async def test_a_registration_whose_place_is_taken_waits_for_an_operator(bench: Bench) -> None:
    await bench.start(new_case())
    state = new_case()
    takes_next_place(bench, state)
    handle = await bench.client.start_workflow(
        "ComplaintCase", state, id=workflow_id(state.facts.case_id), task_queue=bench.queue
    )
    async with cleared(handle):
        assert "place" in await failing(handle)


async def test_a_word_of_the_reporter_whose_place_is_taken_waits_for_an_operator(bench: Bench) -> None:
    handle = await bench.start(new_case())
    async with cleared(handle):
        takes_next_place(bench, await bench.until(handle, in_stage(Stage.TRIAGE)))
        message = ReporterMessage(message_id=uuid4(), act=Act.SUPPLEMENT)
        await handle.signal(SIGNAL_REPORTER, message)
        assert "place" in await failing(handle)


async def test_a_lapse_whose_place_is_taken_waits_for_an_operator(bench: Bench) -> None:
    handle = await bench.start(new_case())
    async with cleared(handle):
        takes_next_place(bench, await do(bench, handle, Act.REJECT))
        start = datetime(2026, 1, 1, tzinfo=UTC)
        bench.office.clock = BusinessClock(anchor_wall=start, anchor_business=start + timedelta(days=40), rate=1.0)
        await handle.signal(SIGNAL_CLOCK_CHANGED)
        assert "place" in await failing(handle)


async def test_an_officer_learns_that_the_place_is_taken_and_the_case_goes_on(bench: Bench) -> None:
    handle = await bench.start(new_case())
    takes_next_place(bench, await bench.until(handle, in_stage(Stage.TRIAGE)))
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await send(handle, command(await bench.state(handle), Act.ACCEPT))
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, ApplicationError)
    assert caught.value.cause.cause.type == CONFLICTING_CONTENT
    bench.office.steps.pop()
    assert (await do(bench, handle, Act.ACCEPT)).stage is Stage.PENDING_DISPATCH
