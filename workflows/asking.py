"""How a case asks the referrals service: look-ups at once, records as tasks that outlive whoever carries them out."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from contracts.messages import CONFLICTING_CONTENT, QUEUE_REFERRALS, Recorded, Transition
    from workflows import ports

_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=20),
    non_retryable_error_types=[CONFLICTING_CONTENT],
)
_TIMEOUT = timedelta(seconds=30)
_ONCE = RetryPolicy(maximum_attempts=1)
_LOCAL_TIMEOUT = timedelta(seconds=5)
"""Below a workflow task's ten seconds: what takes longer is not waited for with a task in hand."""

R = TypeVar("R")


def is_conflict(error: ActivityError) -> bool:
    """True when a step was not recorded because its place holds another content."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == CONFLICTING_CONTENT


class Asking:
    """Of one run. ``own_worker``: the workflow's own worker does what is asked; else all goes to the queue."""

    def __init__(self, own_worker: bool) -> None:
        self._own_worker = own_worker

    async def look_up(self, port: Callable[..., Awaitable[R]], *argument: object) -> R:
        """What a look-up finds: within the workflow task, or else by the queue, which tries until it succeeds.

        Not for what writes: the input of a local activity is nowhere before the workflow task ends, and who comes
        after a worker that died in it would ask with another one.
        """
        if self._own_worker:
            try:
                near: R = await workflow.execute_local_activity(
                    port, args=argument, start_to_close_timeout=_LOCAL_TIMEOUT, retry_policy=_ONCE
                )
                return near
            except FailureError:
                workflow.logger.info("not done here, left to the queue", extra={"activity": port.__name__})
        answer: R = await workflow.execute_activity(
            port, args=argument, task_queue=QUEUE_REFERRALS, start_to_close_timeout=_TIMEOUT, retry_policy=_RETRY
        )
        return answer

    async def record(self, step: Transition) -> Recorded:
        """Tried until it is recorded, by the workers of the workflow's own queue.

        Raises ActivityError when the step's place holds another content.
        """
        return await workflow.execute_activity(
            ports.record_transition,
            step,
            task_queue=None if self._own_worker else QUEUE_REFERRALS,
            start_to_close_timeout=_TIMEOUT,
            retry_policy=_RETRY,
        )
