"""The process that runs case workflows, and what they ask of this service: look-ups within the workflow task, records
as activities of the same queue. A look-up that fails here goes to the queue of activity_worker.py.
"""

import asyncio
import signal
from datetime import timedelta

import uvloop
from prometheus_client import start_http_server
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from contracts.messages import QUEUE_CASES
from services.chassis import garbage, telemetry, temporal
from services.chassis.crypto import load_keyring
from services.chassis.db import Database
from services.chassis.reference import use_reference
from services.chassis.settings import Settings, get_settings
from services.referrals.activities import Activities
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.service.steps import Steps
from services.referrals.service.texts import Texts
from workflows.complaint_case import ComplaintCase

POLLS = 16
"""A task that finds no poll waiting is written to the server's database and read again."""
GRACE = timedelta(seconds=10)
"""What a record in hand may take to its end when the process is told to stop."""
ACTIVITY_POLLS = 4
CONNECTION_SECONDS = 20.0
"""Below a record's thirty seconds."""
RECORDS = 100
"""A record is handed out with the workflow task that asks for it (eagerly) only while there is room: what finds none
goes through the server's queue, and costs it half as much again. Records wait for a database connection here."""


def make_worker(client: Client, settings: Settings, activities: Activities) -> Worker:
    """A worker for the queue ``cases``.

    The sandbox looks for what is not deterministic, and takes half of the worker's time for it. The workflow's tests
    run in it; here it is off unless ``worker_sandbox`` is set.
    """
    return Worker(
        client,
        task_queue=QUEUE_CASES,
        workflows=[ComplaintCase],
        activities=activities.all(),
        workflow_runner=SandboxedWorkflowRunner() if settings.worker_sandbox else UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.worker_cached_workflows,
        max_concurrent_workflow_tasks=settings.worker_concurrent_tasks,
        max_concurrent_workflow_task_polls=POLLS,
        max_concurrent_activities=RECORDS,
        max_concurrent_local_activities=_hands(settings),
        max_concurrent_activity_task_polls=ACTIVITY_POLLS,
        graceful_shutdown_timeout=GRACE,
    )


def _hands(settings: Settings) -> int:
    return (settings.db_pool_size + settings.db_max_overflow) // 2


async def main() -> None:
    """Run until told to stop; workflow tasks in hand are finished first."""
    settings = get_settings()
    telemetry.setup("referrals", settings)
    use_reference(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    client = await temporal.connect(settings)
    # Connections that overflow are closed after each use; who finds none free waits for it in turn.
    db = Database(
        settings.dsn("referrals"),
        pool_size=2 * _hands(settings),
        max_overflow=0,
        name="referrals-worker",
        pool_timeout=CONNECTION_SECONDS,
    )
    activities = Activities(Steps(db, StateCouncilCalendar(), Texts(db, load_keyring(settings.keys_dir, "referrals"))))
    garbage.settle()
    async with make_worker(client, settings, activities):
        server, thread = start_http_server(settings.worker_metrics_port, settings.host)
        await stop.wait()
        await asyncio.to_thread(server.shutdown)
        thread.join()
    await db.close()


if __name__ == "__main__":
    uvloop.run(main())
