"""All SQL of evidence files, their examination, and uploads that are not whole yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import execute, one, rows
from services.complaints.domain import EvidenceState


async def add_evidence(
    session: AsyncSession,
    evidence_id: UUID,
    complaint_id: UUID,
    file_name: str,
    description_sealed: bytes,
    size: int,
    at: datetime,
) -> None:
    """Store a sealed file's row, RECEIVED; the file itself is on the disk already. ``size``: plain bytes."""
    await execute(
        session,
        "INSERT INTO evidence (evidence_id, complaint_id, file_name, description_sealed, size, at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        evidence_id,
        complaint_id,
        file_name,
        description_sealed,
        size,
        at,
    )


async def files_added(session: AsyncSession, complaint_id: UUID) -> list[tuple[datetime, EvidenceState]]:
    """When files of a complaint came in, and what is known of them, oldest first."""
    found = await rows(
        session, "SELECT at, state FROM evidence WHERE complaint_id = $1 ORDER BY at, evidence_id", complaint_id
    )
    return [(row[0], EvidenceState(row[1])) for row in found]


@dataclass(frozen=True)
class Unexamined:
    """A file to be looked at, with what opens it."""

    evidence_id: UUID
    complaint_id: UUID
    case_key_wrapped: bytes
    file_name: str
    description_sealed: bytes


_NEXT = """
SELECT e.evidence_id, e.complaint_id, c.case_key_wrapped, e.file_name, e.description_sealed
FROM evidence e JOIN complaints c USING (complaint_id)
WHERE e.state = ANY($1) AND e.examine_after <= clock_timestamp()
ORDER BY e.examine_after, e.evidence_id LIMIT 1
"""


async def next_unexamined(session: AsyncSession, *, scanner: bool) -> Unexamined | None:
    """The file that has waited longest; with a scanner also one that was looked at without."""
    states = [EvidenceState.RECEIVED.value, *([EvidenceState.NOT_SCANNED.value] if scanner else [])]
    row = await one(session, _NEXT, states)
    return Unexamined(*row) if row else None


async def set_examined(
    session: AsyncSession,
    evidence_id: UUID,
    state: EvidenceState,
    finding: str | None = None,
    copy_sealed: bytes | None = None,
) -> None:
    """Store what was found: the virus's signature or why a file can't be used; and what the copy is, sealed."""
    await execute(
        session,
        "UPDATE evidence SET state = $2, finding = $3, copy_sealed = $4, examined_at = clock_timestamp()"
        " WHERE evidence_id = $1",
        evidence_id,
        state.value,
        finding,
        copy_sealed,
    )


async def examine_later(session: AsyncSession, evidence_id: UUID, wait: timedelta) -> None:
    """Look at others first."""
    await execute(
        session,
        "UPDATE evidence SET examine_after = clock_timestamp() + $2::interval WHERE evidence_id = $1",
        evidence_id,
        wait,
    )


@dataclass(frozen=True)
class UploadRow:
    """An upload: ``length`` bytes are announced; ``received`` plain bytes are on the disk, as ``stored`` bytes in
    ``frames`` frames. ``done``: its file is evidence under the same id."""

    upload_id: UUID
    complaint_id: UUID
    length: int
    received: int
    stored: int
    frames: int
    name_sealed: bytes
    done: bool
    expires_at: datetime
    expired: bool


_UPLOAD = """
SELECT upload_id, complaint_id, length, received, stored, frames, name_sealed, done, expires_at,
    expires_at <= clock_timestamp()
FROM uploads
"""


async def find_upload(session: AsyncSession, upload_id: UUID) -> UploadRow | None:
    """An upload that the session's principal may see."""
    row = await one(session, f"{_UPLOAD} WHERE upload_id = $1", upload_id)
    return UploadRow(*row) if row else None


async def add_upload(
    session: AsyncSession, upload_id: UUID, complaint_id: UUID, length: int, name_sealed: bytes, keep: timedelta
) -> datetime:
    """Begin an upload; when it ends by itself."""
    row = await one(
        session,
        "INSERT INTO uploads (upload_id, complaint_id, length, name_sealed, expires_at)"
        " VALUES ($1, $2, $3, $4, clock_timestamp() + $5::interval) RETURNING expires_at",
        upload_id,
        complaint_id,
        length,
        name_sealed,
        keep,
    )
    if row is None:
        raise LookupError("an upload was not stored")
    expires_at: datetime = row[0]
    return expires_at


async def open_uploads(session: AsyncSession, complaint_id: UUID) -> int:
    """How many uploads of a complaint are not whole yet."""
    row = await one(session, "SELECT count(*) FROM uploads WHERE complaint_id = $1 AND NOT done", complaint_id)
    return int(row[0]) if row else 0


async def advance_upload(
    session: AsyncSession, upload_id: UUID, received: int, stored: int, frames: int, keep: timedelta, *, done: bool
) -> datetime:
    """Store how much is safely on the disk; when the upload ends by itself now. Raises LookupError."""
    row = await one(
        session,
        "UPDATE uploads SET received = $2, stored = $3, frames = $4, expires_at = clock_timestamp() + $5::interval,"
        " done = $6 WHERE upload_id = $1 RETURNING expires_at",
        upload_id,
        received,
        stored,
        frames,
        keep,
        done,
    )
    if row is None:
        raise LookupError("the upload is gone")
    expires_at: datetime = row[0]
    return expires_at


async def drop_upload(session: AsyncSession, upload_id: UUID) -> None:
    """Forget an upload."""
    await execute(session, "DELETE FROM uploads WHERE upload_id = $1", upload_id)


async def expired_uploads(session: AsyncSession, limit: int) -> list[UploadRow]:
    """Uploads that nobody went on with, and finished ones whose senders have been told long ago."""
    found = await rows(session, f"{_UPLOAD} WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1", limit)
    return [UploadRow(*row) for row in found]
