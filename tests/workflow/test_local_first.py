"""The workflow's own worker does steps at once; what fails there is left to the queue, and nothing happens twice."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from contracts.lifecycle import Act, Stage
from tests.workflow.conftest import Bench, open_bench
from tests.workflow.office import new_case
from tests.workflow.test_complaint_case import TO_VISIT, do

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def far(environment: WorkflowEnvironment) -> AsyncIterator[Bench]:
    """The workflow's worker can't do anything that is asked of it."""
    async with open_bench(environment, far=True) as opened:
        yield opened


async def events(handle: WorkflowHandle) -> Counter[str]:
    """How many events of each kind the run has; activity tasks are those of the queue, markers those done here."""
    kinds = [EventType.Name(event.event_type) for event in (await handle.fetch_history()).events]
    return Counter(kind.removeprefix("EVENT_TYPE_") for kind in kinds)


async def test_nothing_goes_to_the_queue_while_the_own_worker_can_do_it(bench: Bench) -> None:
    handle = await bench.start(new_case())
    assert (await do(bench, handle, *TO_VISIT)).stage is Stage.PENDING_VISIT
    found = await events(handle)
    assert found["ACTIVITY_TASK_SCHEDULED"] == 0
    assert found["MARKER_RECORDED"] > len(TO_VISIT)


async def test_what_the_own_worker_cannot_do_the_queue_does(far: Bench) -> None:
    handle = await far.start(new_case())
    assert (await do(far, handle, *TO_VISIT)).stage is Stage.PENDING_VISIT
    assert Counter(far.office.acts) == Counter([Act.REGISTER, *TO_VISIT])
    assert (await events(handle))["ACTIVITY_TASK_SCHEDULED"] == (await events(handle))["ACTIVITY_TASK_COMPLETED"] > 0


async def test_a_step_that_fails_here_once_is_done_by_the_queue_once(bench: Bench) -> None:
    handle = await bench.start(new_case())
    bench.office.fail_next = ["database away"]
    await do(bench, handle, Act.ACCEPT, Act.DISPATCH)
    assert Counter(bench.office.acts) == Counter([Act.REGISTER, Act.ACCEPT, Act.DISPATCH])
    assert (await events(handle))["ACTIVITY_TASK_SCHEDULED"] == 1


async def test_a_run_that_began_before_keeps_to_the_queue(bench: Bench) -> None:
    handle = await bench.start(new_case().model_copy(update={"local_first": False}))
    await do(bench, handle, Act.ACCEPT)
    found = await events(handle)
    assert (found["MARKER_RECORDED"], found["ACTIVITY_TASK_SCHEDULED"]) == (0, found["ACTIVITY_TASK_COMPLETED"])
