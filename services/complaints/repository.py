"""All SQL of intake and of what reporters add. Every function runs in its caller's transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.envelope import Envelope, Event
from services.chassis.db import execute, one, rows, unbegun
from services.complaints.likeness import Marks

_CASE_NUMBER_UNIQUE = "complaints_case_number_key"


@dataclass(frozen=True)
class Claim:
    """A key that a request lays claim to, in its scope: hashed, as is the content it came with."""

    scope: str
    key_hash: bytes
    request_hash: bytes


@dataclass(frozen=True)
class Draft:
    """A complaint ready to be stored: everything that people wrote is sealed."""

    complaint_id: UUID
    case_id: UUID
    case_number: str
    query_code_hash: bytes
    channel: str
    track: str
    category: str
    region: str
    named: bool
    language: str
    case_key_wrapped: bytes
    narrative_sealed: bytes
    wants_sealed: bytes | None
    respondents_sealed: bytes | None
    content_hash: str
    client_id: str | None
    external_order: str | None
    submitted_at: datetime
    contact_token: UUID | None
    identity_sealed: bytes | None
    key: Claim
    order: Claim | None
    marks: Marks
    event: Event
    envelope: Envelope


class NumberTaken(Exception):
    """A random case number is in use: draw another one, in a new transaction."""


# One statement, one round trip: it says itself on whose behalf it writes (row-level security looks at that). An
# external order is claimed before the key, so that a known order claims nothing else. Without both claims nothing is
# written, and no row comes back. The relay is told after the commit (see wakeup.py): a NOTIFY in here would make
# PostgreSQL commit one intake at a time.
_ACCEPT = """
WITH principal AS MATERIALIZED (
    SELECT set_config('huiyin.role', 'system', true) AS role
), order_claim AS (
    INSERT INTO idempotency (scope, key_hash, request_hash, result_id)
    SELECT $1, $2, $5, $6 FROM principal WHERE role = 'system' AND $2::bytea IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING result_id
), key_claim AS (
    INSERT INTO idempotency (scope, key_hash, request_hash, result_id)
    SELECT $3, $4, $5, $6 FROM principal
    WHERE role = 'system' AND ($2::bytea IS NULL OR EXISTS (SELECT FROM order_claim))
    ON CONFLICT DO NOTHING RETURNING result_id
), complaint AS (
    INSERT INTO complaints (complaint_id, case_number, query_code_hash, channel, track, category, region, named,
        contact_token, language, case_key_wrapped, narrative_sealed, wants_sealed, respondents_sealed, content_hash,
        client_id, external_order, submitted_at)
    SELECT result_id, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23 FROM key_claim
), link AS (
    INSERT INTO complaint_cases (complaint_id, case_id) SELECT result_id, $24 FROM key_claim
), identity AS (
    INSERT INTO vault.sealed_identities (contact_token, complaint_id, sealed)
    SELECT $14, result_id, $25 FROM key_claim WHERE $14::uuid IS NOT NULL
), likeness AS (
    INSERT INTO likeness (complaint_id, reporter, sketch) SELECT result_id, $32::bytea[], $33 FROM key_claim
), marks AS (
    INSERT INTO likeness_marks (mark, complaint_id)
    SELECT DISTINCT unnest($34::bytea[]), result_id FROM key_claim
), event AS (
    INSERT INTO outbox (topic, key, event_id, type, headers, payload)
    SELECT $26, $27, $28, $29, $30::jsonb, $31 FROM key_claim
)
SELECT 1 FROM key_claim
"""


async def accept(session: AsyncSession, draft: Draft) -> bool:
    """Store a complaint, its case's id, its identity, its claims and its event; False when a claim was taken.

    Waits for a concurrent transaction that claims the same. Raises NumberTaken. Without an external order it commits
    by itself, unless the session has begun: nothing may follow it that could fail.
    """
    order, event, envelope = draft.order, draft.event, draft.envelope
    values = (
        order.scope if order else None,
        order.key_hash if order else None,
        draft.key.scope,
        draft.key.key_hash,
        draft.key.request_hash,
        draft.complaint_id,
        draft.case_number,
        draft.query_code_hash,
        draft.channel,
        draft.track,
        draft.category,
        draft.region,
        draft.named,
        draft.contact_token,
        draft.language,
        draft.case_key_wrapped,
        draft.narrative_sealed,
        draft.wants_sealed,
        draft.respondents_sealed,
        draft.content_hash,
        draft.client_id,
        draft.external_order,
        draft.submitted_at,
        draft.case_id,
        draft.identity_sealed,
        event.TOPIC.name,
        event.key,
        envelope.id,
        envelope.type,
        json.dumps(envelope.headers()),
        event.model_dump_json().encode(),
        list(draft.marks.reporter),
        draft.marks.sketch,
        list(draft.marks.all),
    )
    try:
        if order is not None:
            # Within the caller's transaction: the nonce is in it, and a key that came with another order undoes all.
            return await one(session, _ACCEPT, *values) is not None
        # A transaction of its own, in one round trip instead of three.
        return await unbegun(session).fetchrow(_ACCEPT, *values) is not None
    except (IntegrityError, asyncpg.UniqueViolationError) as error:
        if _CASE_NUMBER_UNIQUE in str(error):
            raise NumberTaken from error
        raise


async def claimed(session: AsyncSession, claim: Claim) -> tuple[bytes, UUID] | None:
    """The content's hash and the result of an earlier claim of this key."""
    row = await one(
        session,
        "SELECT request_hash, result_id FROM idempotency WHERE scope = $1 AND key_hash = $2",
        claim.scope,
        claim.key_hash,
    )
    return (row[0], row[1]) if row else None


async def claim(session: AsyncSession, wanted: Claim, result_id: UUID) -> bool:
    """Claim a key for a result; False when it was taken. Waits for a concurrent transaction that claims it."""
    row = await one(
        session,
        "INSERT INTO idempotency (scope, key_hash, request_hash, result_id) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        wanted.scope,
        wanted.key_hash,
        wanted.request_hash,
        result_id,
    )
    return row is not None


async def numbered(session: AsyncSession, complaint_id: UUID) -> tuple[str, datetime]:
    """Case number and time of a stored complaint; raises LookupError."""
    row = await one(session, "SELECT case_number, submitted_at FROM complaints WHERE complaint_id = $1", complaint_id)
    if row is None:
        raise LookupError("no such complaint")
    return row[0], row[1]


@dataclass(frozen=True)
class OwnComplaint:
    """A complaint opened by its reporter, with one of its cases per row."""

    complaint_id: UUID
    case_number: str
    case_key_wrapped: bytes
    submitted_at: datetime
    region: str
    case_id: UUID
    stage: str
    due_at: datetime | None
    purpose: str | None
    provisional: bool
    reissued: bool = False
    """Opened by a new code that was not used before."""


_OPEN = """
SELECT c.complaint_id, c.case_number, c.case_key_wrapped, c.submitted_at, c.region, cc.case_id,
       COALESCE(k.stage, 'SUBMITTED'), k.due_at, k.purpose, COALESCE(k.provisional, false),
       c.query_code_hash <> $2
FROM complaints c JOIN complaint_cases cc USING (complaint_id) LEFT JOIN cases k USING (case_id)
WHERE c.case_number = $1 AND (c.query_code_hash = $2 OR c.complaint_id = (SELECT huiyin_reissued()))
  AND (k.case_id IS NULL OR c.complaint_id = ANY(k.complaint_ids))
ORDER BY cc.case_id
"""


async def open_own(session: AsyncSession, case_number: str, code_hash: bytes) -> list[OwnComplaint]:
    """The complaint of a number and code, one row for each of its cases; empty when they do not belong together.

    A case that took the complaint over and let it go again (并案 undone) is none of them.

    Row-level security shows a public principal the complaint of this code only, here and in all that follows.
    """
    await one(session, "SELECT set_config('huiyin.code', $1, true)", code_hash.hex())
    return [OwnComplaint(*row) for row in await rows(session, _OPEN, case_number, code_hash)]


@dataclass(frozen=True)
class TimelineRow:
    """One step as the projection keeps it."""

    case_id: UUID
    sequence: int
    act: str
    to_stage: str
    at: datetime
    desk: str
    holder: str | None
    due_at: datetime | None
    purpose: str | None
    provisional: bool
    reason_code: str | None
    outcome: str | None
    document_id: UUID | None
    document_sha256: str | None


# ruff: noqa: S608 the statements are put together from constants only
_STEP = ", ".join(TimelineRow.__dataclass_fields__)
_TIMELINE = f"""
SELECT {_STEP} FROM timeline WHERE case_id = ANY($1) AND $2::uuid = ANY(complaint_ids)
ORDER BY max(at) OVER (PARTITION BY case_id ORDER BY sequence), case_id, sequence
"""
ANSWERS = ("REVIEW_PASS", "REPLY")
"""The steps that answer: a reply is told by itself where nobody reviews it (转送)."""


@dataclass(frozen=True)
class Answer:
    """An answer of a case. ``late``: this complaint was joined to the case only after it; ``step`` is None then on a
    guarded case, whose earlier answers row-level security does not show."""

    case_id: UUID
    sequence: int
    at: datetime
    late: bool
    step: TimelineRow | None


_ANSWERS = f"""
SELECT DISTINCT ON (g.case_id) g.case_id, g.sequence, g.at, $2::uuid = ANY(t.complaint_ids) IS NOT TRUE,
    {", ".join(f"t.{name}" for name in TimelineRow.__dataclass_fields__)}
FROM answers_given g LEFT JOIN timeline t ON (t.case_id, t.sequence) = (g.case_id, g.sequence)
WHERE g.case_id = ANY($1) ORDER BY g.case_id, g.sequence DESC
"""


async def timeline(session: AsyncSession, complaint_id: UUID | None, case_ids: Sequence[UUID]) -> list[TimelineRow]:
    """The told steps of these cases that were about the complaint, oldest first; not what came before it joined them.

    None is no complaint: the statement is the same.
    """
    return [TimelineRow(*row) for row in await rows(session, _TIMELINE, list(case_ids), complaint_id)]


async def answers(session: AsyncSession, complaint_id: UUID | None, case_ids: Sequence[UUID]) -> list[Answer]:
    """The newest answer of each of these cases, also where the complaint was joined to the case after it."""
    found = await rows(session, _ANSWERS, list(case_ids), complaint_id)
    return [
        Answer(case_id, sequence, at, late, TimelineRow(*step) if step[0] is not None else None)
        for case_id, sequence, at, late, *step in found
    ]


async def texts_added(session: AsyncSession, complaint_id: UUID) -> list[datetime]:
    """When the reporter added texts, oldest first."""
    found = await rows(session, "SELECT at FROM supplements WHERE complaint_id = $1 ORDER BY at", complaint_id)
    return [row[0] for row in found]


async def rated(session: AsyncSession, complaint_id: UUID | None) -> set[tuple[UUID, int]]:
    """The answers (by case and the sequence of their review) that this complaint's reporter has rated."""
    found = await rows(session, "SELECT case_id, answer FROM ratings WHERE complaint_id = $1", complaint_id)
    return {(row[0], row[1]) for row in found}


async def in_turn(session: AsyncSession, complaint_id: UUID) -> None:
    """Wait for other transactions that add to this complaint: its events then leave in the order of their commits."""
    await one(session, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", str(complaint_id))


async def add_supplement(
    session: AsyncSession, supplement_id: UUID, complaint_id: UUID, text_sealed: bytes, at: datetime
) -> None:
    """Store a sealed text."""
    await execute(
        session,
        "INSERT INTO supplements (supplement_id, complaint_id, text_sealed, at) VALUES ($1, $2, $3, $4)",
        supplement_id,
        complaint_id,
        text_sealed,
        at,
    )


async def add_rating(
    session: AsyncSession,
    rating_id: UUID,
    complaint_id: UUID,
    answer: tuple[UUID, int],
    satisfaction: int,
    at: datetime,
) -> bool:
    """Store a rating of an answer (its case, the sequence of its review); False when this answer has one."""
    row = await one(
        session,
        "INSERT INTO ratings (rating_id, complaint_id, case_id, answer, satisfaction, at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1",
        rating_id,
        complaint_id,
        *answer,
        satisfaction,
        at,
    )
    return row is not None


_ADDED = {
    "supplements": "SELECT at FROM supplements WHERE supplement_id = $1",
    "evidence": "SELECT at FROM evidence WHERE evidence_id = $1",
    "ratings": "SELECT at FROM ratings WHERE rating_id = $1",
}


async def added_at(session: AsyncSession, kind: str, result_id: UUID) -> datetime:
    """When something of this kind (a table of what reporters add) was stored; raises LookupError."""
    row = await one(session, _ADDED[kind], result_id)
    if row is None:
        raise LookupError("nothing was added under this id")
    at: datetime = row[0]
    return at
