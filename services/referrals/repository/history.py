"""Recording one step of a case: case row, task, visibility, history, published text and event in one statement."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.judge import tasks_beside
from contracts.lifecycle import Act, Purpose, Stage, TaskKind
from contracts.messages import ActResult, RunningClock, Transition
from contracts.model import canonical_json
from services.chassis import audit
from services.chassis.outbox import CHANNEL, Outgoing
from services.referrals.repository.sql import as_json, execute, one

GENESIS = "0" * 64
"""The previous hash of a case's first step."""

CHAIN = "history/"
"""Begins the name of a case's history among the audit's chains; the case's id follows."""

STEPS = "huiyin_steps"
"""The channel on which a commit tells of a step: case, track, then the units whose lists it changes. Ids only."""

TASK_CLOCKS: dict[TaskKind, tuple[Purpose, ...]] = {
    TaskKind.TRIAGE: (Purpose.ACKNOWLEDGE, Purpose.HANDLE),
    TaskKind.DISPATCH: (Purpose.HANDLE,),
    TaskKind.SIGN: (Purpose.SIGN,),
    TaskKind.RETURN: (Purpose.HANDLE,),
    TaskKind.DESIGNATE: (Purpose.DESIGNATE,),
    TaskKind.HANDLE: (Purpose.REDO, Purpose.HANDLE),
    TaskKind.REFERRAL: (Purpose.ANSWER, Purpose.RECEIPT, Purpose.DISPOSAL),
    TaskKind.REVIEW: (Purpose.REDO, Purpose.HANDLE, Purpose.ANSWER),
    TaskKind.VISIT: (Purpose.VISIT,),
    TaskKind.VERIFY: (Purpose.REDO, Purpose.HANDLE),
    TaskKind.APPROVE: (Purpose.DECIDE_REFERRAL, Purpose.REDO, Purpose.HANDLE),
    TaskKind.SUPPORT: (Purpose.SUPPORT,),
}
"""The clock by which a task is due: the first of these that runs."""

TELLS_NOTE = frozenset({Act.REQUEST_SUPPLEMENT, Act.REJECT, Act.GRANT_EXTENSION})
"""Acts whose note the reporter reads: a question, the reasons of a refusal, those of a longer period."""


@dataclass(frozen=True)
class Head:
    """Where the record of a case stands: its last step."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class Content:
    """A step in its canonical form, and the SHA-256 (hex) of that."""

    text: str
    hash: str

    @classmethod
    def of(cls, step: Transition) -> "Content":
        """The content of a step."""
        canonical = canonical_json(step)
        return cls(canonical.decode(), hashlib.sha256(canonical).hexdigest())


def chained(previous: str, content: str, recorded_at: datetime) -> str:
    """The hash of a history row: SHA-256 over the previous row's hash and the content hash, as bytes, and when it was
    recorded, in microseconds."""
    recorded = str(audit.microseconds(recorded_at)).encode()
    return hashlib.sha256(bytes.fromhex(previous) + bytes.fromhex(content) + recorded).hexdigest()


def chained_untimed(previous: str, content: str) -> str:
    """The hash of a row of the first form: when it was recorded stood beside it."""
    return hashlib.sha256(bytes.fromhex(previous) + bytes.fromhex(content)).hexdigest()


async def head(session: AsyncSession, case_id: UUID) -> Head:
    """The head of a case's record, locked until the transaction ends; sequence 0 for an unknown case."""
    row = await one(session, "SELECT sequence, last_hash FROM cases WHERE case_id = $1 FOR UPDATE", case_id)
    return Head(row["sequence"], row["last_hash"]) if row else Head(0, GENESIS)


async def recorded(session: AsyncSession, case_id: UUID, sequence: int) -> Transition | None:
    """A recorded step, read as this version understands it: what an older version wrote equals what is said again.

    Ask after `head`, in a statement of its own: a joined row would be as old as the wait for the lock.
    """
    row = await one(
        session, "SELECT transition FROM case_history WHERE case_id = $1 AND sequence = $2", case_id, sequence
    )
    return Transition.model_validate_json(row["transition"]) if row else None


async def was_split(session: AsyncSession, case_id: UUID, unit_id: str) -> bool:
    """Did an officer of the unit split the case (拆单)?"""
    split = "SELECT 1 AS yes FROM case_history WHERE case_id = $1 AND act = 'SPLIT' AND unit_id = $2"
    return await one(session, split, case_id, unit_id) is not None


_WRITE = f"""
WITH the_case AS (
    INSERT INTO cases (case_id, case_number, complaint_ids, channel, track, category, region, named, respondent_count,
        submitted_at, sequence, changed_sequence, stage, desk_id, holder_id, linked, redo_count, outcome, satisfaction,
        public_document, clocks, last_hash, updated_at, course, restricted, urgent)
    VALUES ($1, $2, $3::uuid[], $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::text, $15::text, $16, $17, $18, $19,
        $20::jsonb, $21::jsonb, $22::text, $23, $32::jsonb, $33, $34)
    ON CONFLICT (case_id) DO UPDATE SET complaint_ids = excluded.complaint_ids, track = excluded.track,
        category = excluded.category, sequence = excluded.sequence,
        changed_sequence = excluded.changed_sequence, stage = excluded.stage, desk_id = excluded.desk_id,
        holder_id = excluded.holder_id, linked = excluded.linked, redo_count = excluded.redo_count,
        outcome = excluded.outcome, satisfaction = excluded.satisfaction, public_document = excluded.public_document,
        clocks = excluded.clocks, last_hash = excluded.last_hash, updated_at = excluded.updated_at,
        course = excluded.course, restricted = excluded.restricted, urgent = excluded.urgent
), step AS (
    INSERT INTO case_history (case_id, sequence, act, account_id, unit_id, at, command_id, transition, content_hash,
        prev_hash, hash, recorded_at, form)
    VALUES ($1, $11, $24, $25, $26, $23, $27::uuid, $28, $29, $30, $22, $46, 2)
), unsealed AS (
    INSERT INTO audit_pending (chain, sequence, hash) VALUES ('{CHAIN}' || $1::uuid, $11, $22)
), open_tasks AS (
    INSERT INTO tasks (case_id, kind, unit_id, role, assignee, opened_sequence, main, opened_at, due_at, urgent)
    SELECT $1, t.kind, t.unit_id, t.role, t.assignee, t.opened_sequence, t.main, $23, t.due_at, $34
    FROM jsonb_to_recordset($31::jsonb) AS t(kind text, unit_id text, role text, assignee text,
        opened_sequence integer, main boolean, due_at timestamptz)
    ON CONFLICT (case_id, kind, unit_id) DO UPDATE SET role = excluded.role,
        assignee = excluded.assignee, opened_sequence = excluded.opened_sequence, due_at = excluded.due_at,
        urgent = excluded.urgent,
        opened_at = CASE WHEN tasks.opened_sequence = excluded.opened_sequence THEN tasks.opened_at
                         ELSE excluded.opened_at END
), done_tasks AS (
    DELETE FROM tasks AS t WHERE t.case_id = $1 AND NOT EXISTS (
        SELECT 1 FROM jsonb_to_recordset($31::jsonb) AS o(kind text, unit_id text)
        WHERE o.kind = t.kind AND o.unit_id = t.unit_id)
), seats AS (
    INSERT INTO case_units (case_id, unit_id, part)
    SELECT $1, unit_id, part FROM jsonb_to_recordset($35::jsonb) AS p(unit_id text, part text)
    ON CONFLICT (case_id, unit_id) DO UPDATE SET part = excluded.part
), past AS (
    UPDATE case_units AS u SET part = 'PAST' WHERE case_id = $1 AND part <> 'PAST' AND NOT EXISTS (
        SELECT 1 FROM jsonb_to_recordset($35::jsonb) AS p(unit_id text) WHERE p.unit_id = u.unit_id)
), unlinked AS (
    DELETE FROM case_respondents WHERE case_id = $1 AND unit_id <> ALL ($36::text[])
), linked AS (
    INSERT INTO case_respondents SELECT $1, unnest($36::text[]) ON CONFLICT DO NOTHING
), cleared AS (
    DELETE FROM case_excluded WHERE case_id = $1 AND account_id <> ALL ($37::text[])
), excluded_accounts AS (
    INSERT INTO case_excluded SELECT $1, unnest($37::text[]) ON CONFLICT DO NOTHING
), published AS (
    UPDATE documents SET published_sequence = $11
    WHERE document_id = $38::uuid AND case_id = $1 AND published_sequence IS NULL
), settled AS (
    UPDATE commands SET state = 'DONE', result = $39::jsonb, settled_at = now() WHERE command_id = $27::uuid
), event AS (
    INSERT INTO outbox (topic, key, event_id, type, headers, payload) VALUES ($40, $41, $42, $43, $44::jsonb, $45)
)
SELECT pg_notify('{CHANNEL}', ''), pg_notify('{STEPS}', (jsonb_build_array(
    $1::uuid, $5::text = 'INTEGRITY' OR $33::boolean) || (
    SELECT jsonb_agg(unit_id ORDER BY unit_id) FROM (
        SELECT unit_id FROM jsonb_to_recordset($35::jsonb) AS p(unit_id text)
        UNION SELECT unit_id FROM case_units WHERE case_id = $1 AND part <> 'PAST'
    ) AS told
))::text)
"""  # noqa: S608 constants only


async def write(
    session: AsyncSession,
    step: Transition,
    *,
    content: Content,
    previous: str,
    recorded_at: datetime,
    publishes: UUID | None,
    event: Outgoing,
) -> None:
    """Record a step on top of the row with hash ``previous``, and the event that tells of it.

    ``content`` is the step's own; ``publishes`` the document that the reporter may read from now on. The
    sealer is told of the row in the same statement.
    """
    facts, digest = step.facts, chained(previous, content.hash, recorded_at)
    result = (
        ActResult(command_id=step.command_id, sequence=step.sequence, stage=step.to_stage) if step.command_id else None
    )
    await execute(
        session,
        _WRITE,
        facts.case_id,
        facts.case_number,
        list(facts.complaint_ids),
        facts.channel.value,
        facts.track.value,
        facts.category,
        facts.region,
        facts.named,
        facts.respondent_count,
        facts.submitted_at,
        step.sequence,
        step.changed_sequence,
        step.to_stage.value,
        step.desk.unit_id,
        step.holder.unit_id if step.holder else None,
        step.linked,
        step.redo_count,
        step.outcome.value if step.outcome else None,
        step.satisfaction,
        as_json(step.public_document) if step.public_document else None,
        "[" + ",".join(as_json(clock) for clock in step.clocks) + "]",
        digest,
        step.at,
        step.act.value,
        step.actor.account_id,
        step.actor.unit_id,
        step.command_id,
        content.text,
        content.hash,
        previous,
        _tasks(step),
        as_json(step.course),
        step.course.restricted,
        step.course.urgent,
        json.dumps([{"unit_id": unit_id, "part": part} for unit_id, part in _parts(step).items()]),
        list(step.respondent_units),
        list(step.course.barred),
        publishes,
        as_json(result) if result else None,
        *event,
        recorded_at,
    )


def _tasks(step: Transition) -> str:
    """The open tasks as JSON rows: the main one, and those beside it."""
    main = [(step.task, True)] if step.task else []
    beside = [(task, False) for task in tasks_beside(step.course, step.holder, step.desk)]
    return json.dumps(
        [
            {**task.model_dump(mode="json"), "main": is_main, "due_at": _task_due(task.kind, step.clocks)}
            for task, is_main in main + beside
        ]
    )


def _task_due(kind: TaskKind, clocks: tuple[RunningClock, ...]) -> str | None:
    running = {clock.deadline.purpose: clock.deadline.due_at for clock in clocks if not clock.suspended}
    due = next((running[purpose] for purpose in TASK_CLOCKS[kind] if purpose in running), None)
    return due.isoformat() if due else None


def _parts(step: Transition) -> dict[str, str]:
    """The units with a part in the case now; of a unit with several parts the first counts."""
    course = step.course
    seats = [(step.desk, "DESK"), (step.holder, "HOLDER"), (course.arbiter, "ARBITER"), (course.receiver, "RECEIVER")]
    seats += [(support.unit, "SUPPORT") for support in course.supports]
    seats.append((course.major.superior if course.major else None, "SUPERIOR"))
    parts: dict[str, str] = {}
    for unit, part in seats:
        if unit is not None:
            parts.setdefault(unit.unit_id, part)
    return parts


def published_document(step: Transition) -> UUID | None:
    """The document that this step tells the reporter: a reviewed reply, a question, or the reasons of a refusal."""
    passed = step.act is Act.REVIEW_PASS or (step.act is Act.REPLY and step.to_stage is Stage.PENDING_VISIT)
    if passed and step.public_document is not None:
        return step.public_document.document_id
    if step.act in TELLS_NOTE and step.note is not None:
        return step.note.document_id
    return None
