"""A Temporal dev server that can skip time, one for all workflow tests."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from contracts.messages import QUERY_STATE, QUEUE_REFERRALS, CaseState, workflow_id
from tests.workflow.office import Office
from workflows import ports
from workflows.complaint_case import ComplaintCase


def temporal_binary() -> str:
    """The dev server that came with the environment."""
    beside = Path(sys.executable).parent / "temporal"
    return str(beside) if beside.exists() else shutil.which("temporal") or "temporal"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        data_converter=pydantic_data_converter,
        dev_server_existing_path=temporal_binary(),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
            "--log-level",
            "error",
        ],
    ) as started:
        yield started


class Bench:
    """One running case with its office."""

    def __init__(self, environment: WorkflowEnvironment, office: Office, queue: str) -> None:
        self.environment = environment
        self.office = office
        self.queue = queue

    @property
    def client(self) -> Client:
        return self.environment.client

    async def start(self, state: CaseState) -> WorkflowHandle[ComplaintCase, None]:
        handle = await self.client.start_workflow(
            ComplaintCase.run, state, id=workflow_id(state.facts.case_id), task_queue=self.queue
        )
        await self.until(handle, lambda now: now.sequence > state.sequence)
        return handle

    async def state(self, handle: WorkflowHandle[ComplaintCase, None]) -> CaseState:
        return await handle.query(QUERY_STATE, result_type=CaseState)

    async def until(self, handle, condition, seconds: float = 10.0) -> CaseState:  # type: ignore[no-untyped-def]
        """Wait until the state meets a condition; fails with the last state when it does not in time."""
        async with asyncio.timeout(seconds):
            while True:
                now = await self.state(handle)
                if condition(now):
                    return now
                await asyncio.sleep(0.02)

    async def forward(self, handle: WorkflowHandle[ComplaintCase, None], days: float) -> None:
        """Let the case's clock run ahead."""
        await self.environment.fast_forward(handle, timedelta(days=days))


@asynccontextmanager
async def open_bench(
    environment: WorkflowEnvironment, *, far: bool = False, sandboxed: bool = True
) -> AsyncIterator[Bench]:
    """A bench whose workflow's own worker can do what is asked of it; when ``far``, it can only record."""
    office = Office()
    stubs = [port for port in vars(ports).values() if hasattr(port, "__temporal_activity_definition")]
    recording = [port for port in stubs if port is not ports.record_transition] + [office.record_transition]
    queue = f"cases-{uuid4()}"
    async with (
        Worker(
            environment.client,
            task_queue=queue,
            workflows=[ComplaintCase],
            workflow_runner=SandboxedWorkflowRunner() if sandboxed else UnsandboxedWorkflowRunner(),
            activities=recording if far else office.activities(),  # type: ignore[arg-type]
        ),
        Worker(environment.client, task_queue=QUEUE_REFERRALS, activities=office.activities()),  # type: ignore[arg-type]
    ):
        yield Bench(environment, office, queue)


@pytest_asyncio.fixture(loop_scope="session")
async def bench(environment: WorkflowEnvironment) -> AsyncIterator[Bench]:
    async with open_bench(environment) as opened:
        yield opened
