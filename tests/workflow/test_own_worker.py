"""The workflow's own worker looks up and records. What it can't look up the queue does, and nothing happens twice."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from contracts.lifecycle import Act, Stage
from contracts.messages import QUEUE_REFERRALS
from tests.workflow.conftest import Bench, open_bench
from tests.workflow.office import new_case
from tests.workflow.test_complaint_case import TO_VISIT, do
from workflows import clocks, ports

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def far(environment: WorkflowEnvironment) -> AsyncIterator[Bench]:
    """The workflow's worker can record, and look up nothing."""
    async with open_bench(environment, far=True) as opened:
        yield opened


async def tasks(handle: WorkflowHandle) -> Counter[tuple[str, bool]]:
    """How often which activity was scheduled, and whether on the referrals queue."""
    found: Counter[tuple[str, bool]] = Counter()
    for event in (await handle.fetch_history()).events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            found[scheduled.activity_type.name, scheduled.task_queue.name == QUEUE_REFERRALS] += 1
    return found


async def test_every_record_is_a_task_and_no_look_up_is(bench: Bench) -> None:
    """A record's input stands in the history before it is carried out: a worker that dies leaves nobody guessing."""
    handle = await bench.start(new_case())
    assert (await do(bench, handle, *TO_VISIT)).stage is Stage.PENDING_VISIT
    assert await tasks(handle) == {(ports.RECORD_TRANSITION, False): 1 + len(TO_VISIT)}


async def test_what_the_own_worker_cannot_look_up_the_queue_does(far: Bench) -> None:
    handle = await far.start(new_case())
    assert (await do(far, handle, *TO_VISIT)).stage is Stage.PENDING_VISIT
    assert Counter(far.office.acts) == Counter([Act.REGISTER, *TO_VISIT])
    found = await tasks(handle)
    assert found[ports.ROUTE_INTAKE, True] == found[ports.CHECK_ROUTE, True] == 1
    assert found[ports.RECORD_TRANSITION, False] == 1 + len(TO_VISIT)


async def test_a_run_that_began_before_keeps_to_the_queue(bench: Bench) -> None:
    handle = await bench.start(new_case().model_copy(update={"own_worker": False}))
    await do(bench, handle, Act.ACCEPT)
    found = await tasks(handle)
    assert found[ports.RECORD_TRANSITION, True] == 2
    assert all(on_queue for _, on_queue in found)


async def test_a_workflow_task_that_fails_behind_a_record_records_nothing_anew(
    environment: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the worker dies after the commit and before its task's end: time has gone on when it is done again."""
    laddered, failures = clocks.laddered, ["once"]

    def fails_once(*given: Any) -> Any:
        if failures:
            failures.pop()
            raise RuntimeError("the worker dies")
        return laddered(*given)

    async with open_bench(environment, sandboxed=False) as bench:  # the sandbox has a `clocks` of its own
        handle = await bench.start(new_case())
        monkeypatch.setattr(clocks, "laddered", fails_once)
        assert (await do(bench, handle, Act.ACCEPT)).stage is Stage.PENDING_DISPATCH
        assert failures == []
        assert Counter(bench.office.acts) == Counter([Act.REGISTER, Act.ACCEPT])
        assert (await tasks(handle))[ports.RECORD_TRANSITION, False] == 2
