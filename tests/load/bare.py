"""The floor of a lifecycle: a bare workflow on the same Temporal server with the same Updates, activities and timers.

No payload codec, no validation, no database: what the engine itself takes.
"""

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

QUEUE = "bench-bare"
RING = "ring"
REGISTER = 4
UPDATES: tuple[int, ...] = (2, 2, 3, 1, 1, 1, 2)
RATE = 2
"""Activities per step of the measured lifecycle: register; link, accept, dispatch, sign, begin, reply, review; rate."""


@activity.defn
async def nothing(value: dict[str, str]) -> dict[str, str]:
    """An activity that does nothing."""
    return value


@workflow.defn
class Bare:
    """Waits on one timer; each Update runs the given number of activities and moves the timer."""

    def __init__(self) -> None:
        self._steps = 0
        self._rated = False
        self._lock = asyncio.Lock()

    @workflow.run
    async def run(self) -> None:
        """Serve until rated."""
        await self._activities(REGISTER)
        while not self._rated:
            seen = self._steps
            try:
                await workflow.wait_condition(
                    lambda seen=seen: self._rated or self._steps > seen,  # type: ignore[misc]
                    timeout=timedelta(days=5),
                )
            except TimeoutError:
                return
        await self._activities(RATE)

    @workflow.update
    async def act(self, activities: int) -> int:
        """One step."""
        async with self._lock:
            await self._activities(activities)
            self._steps += 1
            return self._steps

    @workflow.signal
    def rate(self) -> None:
        """The reporter's word, which ends it."""
        self._rated = True

    async def _activities(self, count: int) -> None:
        for _ in range(count):
            await workflow.execute_activity(nothing, {"k": "v"}, start_to_close_timeout=timedelta(seconds=30))


@workflow.defn
class BareDue:
    """Waits for an instant, given in seconds since 1970, and runs one activity of whoever measures."""

    @workflow.run
    async def run(self, due: float) -> None:
        """One timer, one activity."""
        await workflow.sleep(max(0.0, due - workflow.time()))
        await workflow.execute_activity(RING, start_to_close_timeout=timedelta(seconds=30))


async def main(address: str) -> None:
    """Work on the queue until stopped."""
    client = await Client.connect(address)
    async with Worker(client, task_queue=QUEUE, workflows=[Bare], activities=[nothing]):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
