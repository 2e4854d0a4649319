"""Many deadlines at one instant and several workers: each is on record exactly once, and no lamp waits for it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration as DurationMessage
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from contracts.cases import UnitRef
from contracts.lifecycle import Role
from contracts.messages import QUEUE_REFERRALS
from services.chassis import temporal
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals import views
from services.referrals.activities import Activities
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.permissions import Officer
from services.referrals.repository import cases
from services.referrals.workflow_worker import make_worker
from tests.integration.referrals.office import steps_of
from tests.load.burst import overdue, sow

pytestmark = pytest.mark.asyncio(loop_scope="session")
COUNT = 300
WORKERS = 3
DESK = UnitRef(unit_id="desk", name="济南市受理台", region="370100")
CLERK = Officer("clerk.desk", "desk", frozenset({Role.CLERK}))


@pytest_asyncio.fixture(loop_scope="session")
async def alone(still_settings: Settings) -> Settings:
    """Settings with a Temporal namespace that only this test's workers look at."""
    name = f"burst-{uuid4().hex[:8]}"
    client = await temporal.connect(still_settings)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=name, workflow_execution_retention_period=DurationMessage(seconds=24 * 60 * 60)
        )
    )
    own = still_settings.model_copy(update={"temporal_namespace": name})
    async with asyncio.timeout(30):
        while not await _known(own):
            await asyncio.sleep(0.5)
    return own


async def _known(settings: Settings) -> bool:
    client = await temporal.connect(settings)
    try:
        await client.count_workflows()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


@asynccontextmanager
async def workers(settings: Settings, db: Database, count: int) -> AsyncIterator[None]:
    """``count`` workers of the case workflow, each with a client and a cache of its own, and as many of activities."""
    activities = Activities(steps_of(db, StateCouncilCalendar()))
    async with AsyncExitStack() as running:
        for _ in range(count):
            client = await temporal.connect(settings)
            await running.enter_async_context(make_worker(client, settings, activities))
            serving = Worker(client, task_queue=QUEUE_REFERRALS, activities=activities.all())
            await running.enter_async_context(serving)
        yield


async def lamps(db: Database, case_ids: list[UUID]) -> Counter[str]:
    """How many of the cases show which lamp now."""
    now = datetime.now(UTC)
    async with db.read(SYSTEM) as session:
        found = [await cases.get(session, case_id) for case_id in case_ids]
    return Counter(views.summary(case, CLERK.account_id, now).lamp for case in found if case is not None)


async def test_each_deadline_of_a_burst_is_recorded_once_by_three_workers_and_lamps_do_not_wait(
    alone: Settings, still_db: Database
) -> None:
    client = await temporal.connect(alone)
    due_at = datetime.now(UTC) + timedelta(seconds=25)
    async with workers(alone, still_db, WORKERS):
        case_ids = await sow(steps_of(still_db, StateCouncilCalendar()), client, DESK, COUNT, due_at)
        assert await lamps(still_db, case_ids) == {"NORMAL": COUNT}
        assert await overdue(still_db, case_ids) == []
    # Nobody works when the deadlines come: the lamps turn all the same.
    await asyncio.sleep(max(0.0, (due_at - datetime.now(UTC)).total_seconds()))
    assert await lamps(still_db, case_ids) == {"OVERDUE": COUNT}
    assert await overdue(still_db, case_ids) == []
    async with workers(alone, still_db, WORKERS):
        async with asyncio.timeout(60):
            while len({case_id for case_id, _ in await overdue(still_db, case_ids)}) < COUNT:
                await asyncio.sleep(0.5)
        await asyncio.sleep(2)  # time for a second firing, were there one
    recorded = Counter(case_id for case_id, _ in await overdue(still_db, case_ids))
    assert recorded == dict.fromkeys(case_ids, 1)
