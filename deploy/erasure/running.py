"""Erasing what the manifest names: begun on record, carried out in every database, ended with a deletion record.

It may be stopped anywhere: what was begun is found begun, and doing it again does the rest.
"""

from __future__ import annotations

import hashlib
import json
from calendar import monthrange
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from contracts.messages import workflow_id
from contracts.reference import Retention, retention
from deploy.commands.terminal import owners_database
from deploy.erasure.holds import EraseRefused, find_case, held, record
from deploy.erasure.manifest import ERASED, FILES, WORKFLOW, DataClass
from services.chassis import audit, temporal
from services.chassis.clock import read_clock
from services.chassis.db import SYSTEM, Database, execute, one, rows
from services.chassis.settings import Settings
from services.complaints.evidence import EvidenceStore

CLASSES: tuple[DataClass, ...] = ("IDENTITY", "NOTICE", "CONTENT")
RETENTION = "RETENTION"
_LOCK = 0x4875_6979_696E
_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Wanted:
    """A class of a case's data that is to go, and why."""

    case_id: UUID
    data_class: DataClass
    reason: str


@dataclass(frozen=True)
class Gone:
    """What went: rows by table, files, runs of the workflow."""

    wanted: Wanted
    counts: Mapping[str, int]
    digest: str


class Eraser:
    """Works as the owner of the services' tables. Made by `eraser`."""

    def __init__(self, databases: Mapping[str, Database], files: EvidenceStore, client: Client) -> None:
        self._databases = databases
        self._files = files
        self._client = client

    async def due(self, now: datetime | None = None) -> list[Wanted]:
        """What has been kept for its whole period and is not held. ``now``: default the business time."""
        found: list[Wanted] = []
        async with self._databases["referrals"].session(SYSTEM) as session:
            today = now or (await read_clock(session)).to_business(datetime.now(UTC))
            for data_class in CLASSES:
                line = retention(today)[data_class]
                cases = await rows(session, _DUE, data_class, kept_until(line, today))
                found += [Wanted(row["case_id"], data_class, RETENTION) for row in cases]
        return found

    async def all_of(self, named: str, reason: str) -> list[Wanted]:
        """Everything of one case, before its time. Raises EraseRefused while it is open or held."""
        async with self._databases["referrals"].session(SYSTEM) as session:
            case_id = await find_case(session, named)
            await _check(session, case_id)
            done = await _erased(session, case_id)
        return [Wanted(case_id, data_class, reason) for data_class in CLASSES if data_class not in done]

    async def erase(self, wanted: Wanted) -> Gone:
        """Do it. Raises EraseRefused, EngineAway, and the databases' errors; again does the rest."""
        complaint_ids = await self._begin(wanted)
        for service, database in self._databases.items():
            if service != "referrals":
                async with database.session(SYSTEM) as session:
                    counts = await _carry_out(session, service, wanted, complaint_ids)
                await self._count(wanted, counts)
        if wanted.data_class == FILES:
            removed = sum([await self._files.forget(complaint_id) for complaint_id in complaint_ids])
            await self._count(wanted, {"files": removed})
        if wanted.data_class == WORKFLOW:
            await self._count(wanted, {"temporal.runs": await self._forget_workflow(wanted.case_id)})
        async with self._databases["referrals"].session(SYSTEM) as session:
            counts = await _carry_out(session, "referrals", wanted, complaint_ids)
            return await _end(session, wanted, counts)

    async def _begin(self, wanted: Wanted) -> Sequence[UUID]:
        """Put it on record, with the complaints that go: those whose every other case has lost this class."""
        async with self._databases["complaints"].read(SYSTEM) as session:
            links = await rows(session, _LINKS, wanted.case_id)
        async with self._databases["referrals"].session(SYSTEM) as session:
            case = await _check(session, wanted.case_id)
            begun = await one(session, _BEGUN, wanted.case_id, wanted.data_class)
            if begun is not None:
                return list(begun["complaint_ids"])
            erased = {row["case_id"] for row in await rows(session, _ERASED_CASES, wanted.data_class)}
            linked = {complaint_id: {wanted.case_id} for complaint_id in case["complaint_ids"]}
            for row in (*links, *await rows(session, _CASES_OF, list(linked))):
                linked.setdefault(row["complaint_id"], set()).update(row["case_ids"])
            going = sorted(complaint_id for complaint_id, cases in linked.items() if cases <= {*erased, wanted.case_id})
            await execute(
                session,
                "INSERT INTO erasures (case_id, data_class, complaint_ids, last_hash, reason, actor)"
                " VALUES ($1, $2, $3, $4, $5, $6)",
                wanted.case_id,
                wanted.data_class,
                going,
                case["last_hash"],
                wanted.reason,
                audit.operator(),
            )
        return going

    async def _forget_workflow(self, case_id: UUID) -> int:
        """Delete every run of the case's workflow. Raises EraseRefused while one is open."""
        name, runs = workflow_id(case_id), 0
        async for run in self._client.list_workflows(f'WorkflowId = "{name}"'):
            if run.status == WorkflowExecutionStatus.RUNNING:
                raise EraseRefused("the case's workflow is still open")
            try:
                await self._client.workflow_service.delete_workflow_execution(
                    DeleteWorkflowExecutionRequest(
                        namespace=self._client.namespace,
                        workflow_execution=WorkflowExecution(workflow_id=name, run_id=run.run_id),
                    )
                )
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # its retention was quicker
                    raise
            runs += 1
        return runs

    async def _count(self, wanted: Wanted, counts: Mapping[str, int]) -> None:
        async with self._databases["referrals"].session(SYSTEM) as session:
            await _add(session, wanted, counts)


@asynccontextmanager
async def eraser(settings: Settings) -> AsyncIterator[Eraser]:
    """Connects to everything that holds something of a case; one at a time. Raises EraseRefused, EngineAway."""
    async with AsyncExitStack() as stack:
        services = ("complaints", "notifications", "referrals")
        databases = {name: await stack.enter_async_context(owners_database(name, settings)) for name in services}
        client = await temporal.connect(settings)
        lock = await stack.enter_async_context(owners_database("referrals", settings))
        session = await stack.enter_async_context(lock.session(SYSTEM))
        taken = await one(session, "SELECT pg_try_advisory_xact_lock($1) AS mine", _LOCK)
        if taken is None or not taken["mine"]:
            raise EraseRefused("another erasure is running")
        yield Eraser(databases, EvidenceStore(settings.evidence_dir), client)


def kept_until(line: Retention, now: datetime) -> datetime:
    """Cases archived before this moment are due: the period has passed, and the day on which it ended (UTC+8)."""
    today = now.astimezone(_CHINA).date()
    if line.unit == "calendar_day":
        day = today - timedelta(days=line.amount)
    else:
        months = today.year * 12 + today.month - 1 - line.amount * (12 if line.unit == "year" else 1)
        year, month = months // 12, months % 12 + 1
        day = today.replace(year=year, month=month, day=min(today.day, monthrange(year, month)[1]))
    return datetime.combine(day, time(), _CHINA)


async def _check(session: AsyncSession, case_id: UUID) -> asyncpg.Record:
    """The case, locked. Raises EraseRefused while it must stay."""
    case = await one(session, _CASE, case_id)
    if case is None:
        raise EraseRefused("there is no such case any more")
    if case["stage"] != "ARCHIVED":
        raise EraseRefused(f"the case is {case['stage']}: what is not archived is not erased")
    if await held(session, case_id):
        raise EraseRefused("a legal hold is on this case")
    return case


async def _erased(session: AsyncSession, case_id: UUID) -> set[str]:
    done = "SELECT data_class FROM erasures WHERE case_id = $1 AND done_at IS NOT NULL"
    return {row["data_class"] for row in await rows(session, done, case_id)}


async def _carry_out(
    session: AsyncSession, service: str, wanted: Wanted, complaint_ids: Iterable[UUID]
) -> dict[str, int]:
    await execute(session, "SELECT set_config('huiyin.erasing', 'on', true)")
    counts: dict[str, int] = {}
    for item in ERASED:
        if item.database == service and item.data_class == wanted.data_class:
            counts[item.name] = await execute(session, item.sql, wanted.case_id, list(complaint_ids))
    return counts


async def _add(session: AsyncSession, wanted: Wanted, counts: Mapping[str, int]) -> dict[str, int]:
    """Add to what went; all of it."""
    found = await one(session, _BEGUN + " FOR UPDATE", wanted.case_id, wanted.data_class)
    assert found is not None
    total: dict[str, int] = dict(found["counts"])
    for name, number in counts.items():
        total[name] = total.get(name, 0) + number
    await execute(
        session,
        "UPDATE erasures SET counts = $3 WHERE case_id = $1 AND data_class = $2",
        wanted.case_id,
        wanted.data_class,
        json.dumps(total),
    )
    return total


async def _end(session: AsyncSession, wanted: Wanted, counts: Mapping[str, int]) -> Gone:
    total = await _add(session, wanted, counts)
    row = await one(session, _BEGUN, wanted.case_id, wanted.data_class)
    assert row is not None
    told = [str(wanted.case_id), wanted.data_class, sorted(map(str, row["complaint_ids"])), row["last_hash"], total]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    await execute(
        session,
        "UPDATE erasures SET done_at = clock_timestamp(), digest = $3 WHERE case_id = $1 AND data_class = $2",
        wanted.case_id,
        wanted.data_class,
        digest,
    )
    details: dict[str, str | int] = {"class": wanted.data_class, "reason": wanted.reason, "digest": digest}
    await record(session, "ERASED", wanted.case_id, **details, values=sum(total.values()))
    return Gone(wanted, total, digest)


_CASE = "SELECT stage, complaint_ids, last_hash FROM cases WHERE case_id = $1 FOR UPDATE"
_DUE = """
SELECT c.case_id FROM cases AS c JOIN case_history AS h ON h.case_id = c.case_id AND h.sequence = c.sequence
WHERE c.stage = 'ARCHIVED' AND h.at < $2
  AND NOT EXISTS (SELECT 1 FROM legal_holds AS l WHERE l.case_id = c.case_id AND l.lifted_at IS NULL)
  AND NOT EXISTS (
    SELECT 1 FROM erasures AS e WHERE e.case_id = c.case_id AND e.data_class = $1 AND e.done_at IS NOT NULL)
ORDER BY c.case_id
"""
_LINKS = """
SELECT complaint_id, array_agg(DISTINCT case_id) AS case_ids
FROM (SELECT complaint_id, case_id FROM complaint_cases UNION SELECT unnest(complaint_ids), case_id FROM cases) AS l
GROUP BY complaint_id HAVING bool_or(case_id = $1)
"""
_CASES_OF = """
SELECT complaint_id, array_agg(case_id) AS case_ids
FROM (SELECT unnest(complaint_ids) AS complaint_id, case_id FROM cases WHERE complaint_ids && $1::uuid[]) AS l
WHERE complaint_id = ANY ($1) GROUP BY complaint_id
"""
_BEGUN = "SELECT complaint_ids, last_hash, counts FROM erasures WHERE case_id = $1 AND data_class = $2"
_ERASED_CASES = "SELECT case_id FROM erasures WHERE data_class = $1 AND done_at IS NOT NULL"
