"""SQL of the projections of case events, of officers' readings, and of signing clients."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Stage
from services.chassis import audit
from services.chassis.db import execute, one, rows
from services.complaints.repository import ANSWERS, TimelineRow

_SETS = "$7 AND (NOT $21 OR cases.purpose = EXCLUDED.purpose)"
# ruff: noqa: S608 the statement is put together from constants only
# Complaints that we do not hold are not linked; an older step does not move the state; a step is kept once, with the
# complaints that it was about. ``complaint_cases`` holds every link that ever was, ``cases`` whose the case is now;
# ``answers_given`` that there was an answer, for those too who may not read it.
_PROJECT = f"""
WITH linked AS (
    INSERT INTO complaint_cases (complaint_id, case_id)
    SELECT complaint_id, $1 FROM complaints WHERE complaint_id = ANY($8::uuid[]) ON CONFLICT DO NOTHING
), told AS (
    INSERT INTO timeline (case_id, sequence, act, to_stage, at, desk, holder, due_at, purpose, provisional,
        reason_code, outcome, document_id, document_sha256, complaint_ids)
    SELECT $1, $2, $9::text, $10::text, $11::timestamptz, $12::text, $13::text, $14::timestamptz, $15::text,
        $16::boolean, $17::text, $18::text, $19::uuid, $20::text, $8::uuid[]
    WHERE $9::text IS NOT NULL ON CONFLICT DO NOTHING
), given AS (
    INSERT INTO answers_given (case_id, sequence, at)
    SELECT $1, $2, $11::timestamptz WHERE $9::text = ANY($23::text[]) ON CONFLICT DO NOTHING
)
INSERT INTO cases (case_id, sequence, stage, due_at, purpose, provisional, complaint_ids, guarded)
VALUES ($1::uuid, $2::integer, $3, $4, $5, $6, $8::uuid[], $22)
ON CONFLICT (case_id) DO UPDATE SET
    sequence = EXCLUDED.sequence, stage = EXCLUDED.stage, complaint_ids = EXCLUDED.complaint_ids,
    guarded = EXCLUDED.guarded,
    due_at = CASE WHEN {_SETS} THEN EXCLUDED.due_at ELSE cases.due_at END,
    purpose = CASE WHEN {_SETS} THEN EXCLUDED.purpose ELSE cases.purpose END,
    provisional = CASE WHEN {_SETS} THEN EXCLUDED.provisional ELSE cases.provisional END
WHERE cases.sequence < EXCLUDED.sequence
"""
_STEP_VALUES = tuple(TimelineRow.__dataclass_fields__)[2:]


@dataclass(frozen=True)
class Mirror:
    """The newest state of a case. ``sets_deadline`` is False for a step that leaves the deadline as it was.

    ``recounts``: the step moves a deadline, which concerns the one that is kept only if it has the same purpose.
    ``guarded``: an answer of the case is for those alone who were in the case when it was given.
    """

    case_id: UUID
    sequence: int
    stage: Stage
    due_at: datetime | None
    purpose: str | None
    provisional: bool
    sets_deadline: bool
    guarded: bool
    recounts: bool = False


async def project(
    session: AsyncSession, state: Mirror, step: TimelineRow | None, complaint_ids: tuple[UUID, ...]
) -> None:
    """Take over a step of a case about these complaints: its newest state, and the step itself where it is told."""
    await execute(
        session,
        _PROJECT,
        state.case_id,
        state.sequence,
        state.stage.value,
        state.due_at,
        state.purpose,
        state.provisional,
        state.sets_deadline,
        list(complaint_ids),
        *(getattr(step, name) if step else None for name in _STEP_VALUES),
        state.recounts,
        state.guarded,
        list(ANSWERS),
    )


@dataclass(frozen=True)
class SealedComplaint:
    """A complaint's texts as they are stored."""

    complaint_id: UUID
    case_number: str
    submitted_at: datetime
    case_key_wrapped: bytes
    narrative_sealed: bytes
    wants_sealed: bytes | None
    respondents_sealed: bytes | None


@dataclass(frozen=True)
class SealedSupplement:
    """A supplement as it is stored."""

    complaint_id: UUID
    supplement_id: UUID
    at: datetime
    text_sealed: bytes


@dataclass(frozen=True)
class SealedEvidence:
    """An evidence file's row."""

    complaint_id: UUID
    evidence_id: UUID
    file_name: str
    description_sealed: bytes
    size: int
    at: datetime
    state: str
    finding: str | None
    copy_sealed: bytes | None


async def log_reading(
    session: AsyncSession, jti: str, resource: str, case_id: UUID, officer: str, purpose: str, fields: list[str]
) -> bool:
    """Put a reading on record, in the case's chain of the audit; False when this grant has opened this resource
    before."""
    row = await one(
        session,
        "INSERT INTO narrative_access (jti, resource, case_id, officer, purpose, fields)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1",
        jti,
        resource,
        case_id,
        officer,
        purpose,
        fields,
    )
    if row is None:
        return False
    entry = audit.Entry(
        chain=audit.of_case(case_id),
        actor=audit.officer(officer),
        action="COMPLAINT_READ",
        subject=resource,
        purpose=purpose,
        details={"fields": fields, "grant": jti},
    )
    await audit.record(session, entry)
    return True


_THEIRS = """JOIN complaint_cases cc USING (complaint_id) LEFT JOIN cases k USING (case_id)
WHERE cc.case_id = $1 AND (k.case_id IS NULL OR cc.complaint_id = ANY(k.complaint_ids))"""
"""The complaints of a case now: not those that it took over and let go again."""


async def complaints_of(session: AsyncSession, case_id: UUID) -> list[SealedComplaint]:
    """The complaints of a case, oldest first."""
    found = await rows(
        session,
        "SELECT c.complaint_id, c.case_number, c.submitted_at, c.case_key_wrapped, c.narrative_sealed, c.wants_sealed,"
        f" c.respondents_sealed FROM complaints c {_THEIRS}"
        " ORDER BY c.submitted_at, c.complaint_id",
        case_id,
    )
    return [SealedComplaint(*row) for row in found]


async def supplements_of(session: AsyncSession, case_id: UUID) -> list[SealedSupplement]:
    """What reporters added to a case's complaints, oldest first."""
    found = await rows(
        session,
        f"SELECT s.complaint_id, s.supplement_id, s.at, s.text_sealed FROM supplements s {_THEIRS}"
        " ORDER BY s.at, s.supplement_id",
        case_id,
    )
    return [SealedSupplement(*row) for row in found]


async def evidence_of(session: AsyncSession, case_id: UUID) -> list[SealedEvidence]:
    """The evidence files of a case, oldest first."""
    found = await rows(
        session,
        f"SELECT e.complaint_id, e.evidence_id, e.file_name, e.description_sealed, e.size, e.at, e.state, e.finding,"
        f" e.copy_sealed FROM evidence e {_THEIRS} ORDER BY e.at, e.evidence_id",
        case_id,
    )
    return [SealedEvidence(*row) for row in found]


@dataclass(frozen=True)
class ApiClient:
    """A system that signs its requests."""

    client_id: str
    name: str
    channel: str
    secret_sealed: bytes
    created_at: datetime
    revoked_at: datetime | None


async def find_client(session: AsyncSession, client_id: str) -> ApiClient | None:
    """A client that is not revoked."""
    row = await one(
        session,
        "SELECT client_id, name, channel, secret_sealed, created_at, revoked_at FROM api_clients"
        " WHERE client_id = $1 AND revoked_at IS NULL",
        client_id,
    )
    return ApiClient(*row) if row else None


async def list_clients(session: AsyncSession) -> list[ApiClient]:
    """All clients, the revoked ones included."""
    found = await rows(
        session,
        "SELECT client_id, name, channel, secret_sealed, created_at, revoked_at FROM api_clients ORDER BY created_at",
    )
    return [ApiClient(*row) for row in found]


async def add_client(session: AsyncSession, client_id: str, name: str, channel: str, secret_sealed: bytes) -> bool:
    """Store a client; False when a client of this name is in use."""
    row = await one(
        session,
        "INSERT INTO api_clients (client_id, name, channel, secret_sealed) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING 1",
        client_id,
        name,
        channel,
        secret_sealed,
    )
    return row is not None


async def revoke_client(session: AsyncSession, name: str) -> bool:
    """Revoke the client of this name; False when there is none in use."""
    row = await one(
        session,
        "UPDATE api_clients SET revoked_at = clock_timestamp() WHERE name = $1 AND revoked_at IS NULL RETURNING 1",
        name,
    )
    return row is not None


async def use_nonce(session: AsyncSession, client_id: str, nonce: str) -> bool:
    """Use a nonce up; False when it was used."""
    row = await one(
        session,
        "INSERT INTO api_nonces (client_id, nonce) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1",
        client_id,
        nonce,
    )
    return row is not None


async def forget_nonces(session: AsyncSession, older_than: timedelta) -> None:
    """Forget nonces that no acceptable signature can carry any more."""
    await execute(session, "DELETE FROM api_nonces WHERE seen_at < clock_timestamp() - $1::interval", older_than)
