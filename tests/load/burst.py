"""Many deadlines at the same instant: when each is on record, and how fast all drain beside bare timers.

A case is put straight to where it waits for its deadline: its first step is recorded through the service's own code,
and its workflow starts with the state that it carries then, which is any workflow's input.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from contracts.cases import Deadline, UnitRef
from contracts.clock import wall_clock
from contracts.lifecycle import Act, Channel, Party, Purpose, Role, Stage, TaskKind, Track
from contracts.messages import (
    QUEUE_CASES,
    WORKFLOW_TYPE,
    Actor,
    CaseFacts,
    CaseState,
    RunningClock,
    Task,
    Transition,
    workflow_id,
)
from services.chassis.db import Database, rows
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.service.steps import Steps
from tests.load import bare
from tests.load.client import quantile

HANDS = 16
"""How many cases are sown at a time."""
LOOK_SECONDS = 1.0

T = TypeVar("T")


@dataclass(frozen=True)
class Burst:
    """What came of ``count`` deadlines at one instant: seconds from it to each record, in order."""

    count: int
    late: tuple[float, ...]
    twice: int

    @property
    def p99(self) -> float:
        """Seconds after which 99 of 100 are on record."""
        return quantile(list(self.late), 0.99)

    @property
    def rate(self) -> float:
        """Records per second from the instant to the last one."""
        return len(self.late) / self.late[-1] if self.late else 0.0


def waiting_case(desk: UnitRef, due_at: datetime) -> tuple[CaseState, Transition]:
    """A case in triage whose clock ends at ``due_at``: what its workflow carries, and the step that led there."""
    now = datetime.now(UTC)
    facts = CaseFacts(
        case_id=uuid4(),
        case_number=f"HYDUE{uuid4().hex[:10].upper()}",
        complaint_ids=(uuid4(),),
        channel=Channel.WEB,
        track=Track.GENERAL,
        category="0802",
        region=desk.region,
        named=False,
        respondent_count=1,
        submitted_at=now,
    )
    deadline = Deadline(
        purpose=Purpose.HANDLE,
        clock_id="XF-DONE",
        article="measured",
        started_at=now,
        due_at=due_at,
        due_soon_at=due_at,
        provisional=False,
        calendar_version=StateCouncilCalendar().version,  # counted by another one, it would be counted anew
    )
    state = CaseState(
        facts=facts,
        sequence=1,
        changed_sequence=1,
        stage=Stage.TRIAGE,
        desk=desk,
        task=Task(kind=TaskKind.TRIAGE, unit_id=desk.unit_id, role=Role.CLERK, opened_sequence=1),
        clocks=(RunningClock(deadline=deadline),),
        business_clock=wall_clock(now),
        own_worker=True,
    )
    step = Transition(
        facts=facts,
        sequence=1,
        changed_sequence=1,
        act=Act.REGISTER,
        actor=Actor(party=Party.SYSTEM),
        at=now,
        from_stage=Stage.SUBMITTED,
        to_stage=Stage.TRIAGE,
        desk=desk,
        task=state.task,
        clocks=state.clocks,
    )
    return state, step


async def sow(steps: Steps, client: Client, desk: UnitRef, count: int, due_at: datetime) -> list[UUID]:
    """``count`` cases that wait for ``due_at``; their ids. Raises TimeoutError when it has come before all wait."""

    async def one() -> UUID:
        state, step = waiting_case(desk, due_at)
        await steps.record(step)
        case_id = state.facts.case_id
        await client.start_workflow(WORKFLOW_TYPE, state, id=workflow_id(case_id), task_queue=QUEUE_CASES)
        return case_id

    found = await _many(one, count)
    _in_time(due_at)
    return found


async def overdue(db: Database, case_ids: Sequence[UUID]) -> list[tuple[UUID, datetime]]:
    """Every OVERDUE that is on record for these cases, with when it was recorded; the earliest first."""
    async with db.read() as session:
        found = await rows(
            session,
            "SELECT case_id, recorded_at FROM case_history WHERE act = 'OVERDUE' AND case_id = ANY($1::uuid[])"
            " ORDER BY recorded_at",
            case_ids,
        )
    return [(row["case_id"], row["recorded_at"]) for row in found]


async def ours(steps: Steps, client: Client, desk: UnitRef, count: int, lead: timedelta) -> Burst:
    """``count`` cases due together, ``lead`` from now; waits until every one has its record."""
    due_at = datetime.now(UTC) + lead
    case_ids = await sow(steps, client, desk, count, due_at)
    await asyncio.sleep((due_at - datetime.now(UTC)).total_seconds())
    records: list[tuple[UUID, datetime]] = []
    async with asyncio.timeout(_patience(count)):
        while len({case_id for case_id, _ in records}) < count:
            await asyncio.sleep(LOOK_SECONDS)
            records = await overdue(steps.db, case_ids)
    late = tuple((recorded_at - due_at).total_seconds() for _, recorded_at in records)
    return Burst(count, late[:count], len(records) - count)


async def floor(client: Client, count: int, lead: timedelta, cached: int) -> Burst:
    """The same number of bare timers with one activity each, in one worker without codec, database or events.

    Its cache holds ``cached`` workflows, as that of the measured worker does.
    """
    rung: list[float] = []

    @activity.defn(name=bare.RING)
    async def ring() -> None:
        rung.append(time.time())

    due_at = datetime.now(UTC) + lead

    async def one() -> None:
        await client.start_workflow(bare.BareDue.run, due_at.timestamp(), id=f"due/{uuid4()}", task_queue=bare.QUEUE)

    async with Worker(
        client, task_queue=bare.QUEUE, workflows=[bare.BareDue], activities=[ring], max_cached_workflows=cached
    ):
        await _many(one, count)
        _in_time(due_at)
        await asyncio.sleep((due_at - datetime.now(UTC)).total_seconds())
        async with asyncio.timeout(_patience(count)):
            while len(rung) < count:
                await asyncio.sleep(LOOK_SECONDS)
    return Burst(count, tuple(sorted(at - due_at.timestamp() for at in rung))[:count], len(rung) - count)


async def _many(work: Callable[[], Awaitable[T]], count: int) -> list[T]:
    hands = asyncio.Semaphore(HANDS)

    async def run() -> T:
        async with hands:
            return await work()

    return list(await asyncio.gather(*(run() for _ in range(count))))


def _patience(count: int) -> float:
    """Seconds after which a burst is not slow but stuck."""
    return 60 + count / 2


def _in_time(due_at: datetime) -> None:
    if datetime.now(UTC) >= due_at:
        raise TimeoutError("the deadlines came before every case waited for them: give them more time (--lead)")
