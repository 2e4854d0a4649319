"""The bridge: facts from the complaints service become case workflows and signals to them."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid5

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from contracts.complaints import (
    ComplaintRated,
    ComplaintSubmitted,
    ComplaintSupplemented,
    RightsAnswered,
    RightsAsked,
)
from contracts.course import Course
from contracts.lifecycle import Act
from contracts.messages import (
    QUEUE_CASES,
    SIGNAL_REPORTER,
    WORKFLOW_TYPE,
    CaseFacts,
    CaseState,
    ReporterMessage,
    workflow_id,
)
from services.chassis.bus import Received, parse
from services.referrals.service.inheriting import inherited

NAME = "referrals.bridge"
WORKERS = 8
"""How many complaints are bridged at a time: each waits for Temporal, and holds a database connection meanwhile."""

_bridged = Counter("huiyin_bridged_total", "What the bridge did: started, known, signalled, late", ["outcome"])
_log = structlog.get_logger("huiyin.bridge")


class Bridge:
    """Starts and signals case workflows. Every call may be repeated: Temporal and the workflow know ids seen before."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def handle(self, session: AsyncSession, received: Received) -> None:
        """The consumer's handler. Raises what Temporal raises when it is away: the event is tried again."""
        event = parse(received)
        if isinstance(event, ComplaintSubmitted):
            course, accused = await inherited(session, event)
            await self._each(event.case_ids, lambda case_id: self._open(case_id, event, course, accused))
        elif isinstance(event, ComplaintSupplemented):
            added = ReporterMessage(message_id=event.supplement_id, act=Act.SUPPLEMENT)
            await self._each(event.case_ids, lambda case_id: self._signal(case_id, added))
        elif isinstance(event, ComplaintRated):
            rated = ReporterMessage(message_id=event.rating_id, act=Act.RATE, satisfaction=event.satisfaction)
            await self._each(event.case_ids, lambda case_id: self._signal(case_id, rated))
        elif isinstance(event, RightsAsked | RightsAnswered):
            happened = _on_record(event)
            await self._each(event.case_ids, lambda case_id: self._signal(case_id, happened))

    @staticmethod
    async def _each(case_ids: tuple[UUID, ...], do: Callable[[UUID], Awaitable[None]]) -> None:
        for case_id in case_ids:
            await do(case_id)

    async def _open(self, case_id: UUID, event: ComplaintSubmitted, course: Course, accused: tuple[str, ...]) -> None:
        facts = CaseFacts(
            case_id=case_id,
            case_number=event.case_number,
            complaint_ids=(event.complaint_id,),
            channel=event.channel,
            track=event.track,
            category=event.category,
            region=event.region,
            named=event.named,
            respondent_count=event.respondent_count,
            submitted_at=event.at,
        )
        try:
            await self._client.start_workflow(
                WORKFLOW_TYPE,
                CaseState(facts=facts, course=course, respondent_units=accused, own_worker=True),
                id=workflow_id(case_id),
                task_queue=QUEUE_CASES,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError:
            # Its case was archived long ago: the event came again.
            _bridged.labels("known").inc()
            return
        _bridged.labels("started").inc()

    async def _signal(self, case_id: UUID, message: ReporterMessage) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id(case_id)).signal(SIGNAL_REPORTER, message)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # The complaint's first event was handled before this one (same key): so the case is archived.
            _bridged.labels("late").inc()
            _log.info("reporter_too_late", case_id=str(case_id), act=message.act.value)
            return
        _bridged.labels("signalled").inc()


def _on_record(event: RightsAsked | RightsAnswered) -> ReporterMessage:
    """What happened beside the case, for its history alone.

    A code that was issued anew is none of it: an officer who asks in a colleague's name would see that he was right.
    """
    if isinstance(event, RightsAsked):
        return ReporterMessage(message_id=event.request_id, act=Act.ASK_RIGHTS)
    return ReporterMessage(message_id=uuid5(event.request_id, "answered"), act=Act.ANSWER_RIGHTS)
