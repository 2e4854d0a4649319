"""The activity worker: serves the queue ``referrals`` as long as the process lives, through Temporal's absence."""

import asyncio

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from contracts.messages import QUEUE_REFERRALS
from services.chassis import temporal
from services.chassis.outages import engine_away
from services.chassis.settings import Settings
from services.referrals.activities import Activities

_RETRY_SECONDS = 1.0
_POLLS = 16
"""A task that finds no poll waiting is written to the server's database and read again."""
_log = structlog.get_logger("huiyin.worker")


async def serve_activities(settings: Settings, activities: Activities, concurrent: int = 24) -> None:
    """For ever. A worker needs a server to begin with; once begun it waits out outages by itself."""
    while True:
        client = await _connected(settings)
        worker = Worker(
            client,
            task_queue=QUEUE_REFERRALS,
            activities=activities.all(),
            max_concurrent_activities=concurrent,
            max_concurrent_activity_task_polls=_POLLS,
        )
        try:
            await worker.run()
        except RuntimeError as error:
            # The worker gives up when polling fails for good, e.g. a namespace that is not there yet.
            _log.warning("worker_stopped", engine="temporal", exc_info=error)
        await asyncio.sleep(_RETRY_SECONDS)


async def _connected(settings: Settings) -> Client:
    while True:
        try:
            return await temporal.connect(settings)
        except Exception as error:
            if engine_away(error) is None:
                raise
            _log.warning("temporal_away", engine="temporal", wait_seconds=_RETRY_SECONDS)
            await asyncio.sleep(_RETRY_SECONDS)
