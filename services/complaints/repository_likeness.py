"""SQL of finding complaints that look alike, as the system; and what may be shown of them is for others to say."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import rows
from services.complaints.likeness import Marks

_CANDIDATES = 1_000
"""So many complaints are compared at most, the newest: a hotline's own number would match thousands."""

_MINE = """
SELECT l.complaint_id, CASE WHEN o.track = 'INTEGRITY' THEN '{}' ELSE l.reporter END, l.sketch FROM likeness l
JOIN complaints o USING (complaint_id) JOIN complaint_cases cc USING (complaint_id) LEFT JOIN cases k USING (case_id)
WHERE cc.case_id = $1 AND (k.case_id IS NULL OR cc.complaint_id = ANY(k.complaint_ids))
"""
_SHARING = """
SELECT cc.case_id, CASE WHEN o.track = 'INTEGRITY' THEN '{}' ELSE l.reporter END, l.sketch
FROM (SELECT DISTINCT complaint_id FROM likeness_marks WHERE mark = ANY($1::bytea[]) AND complaint_id <> ALL($2::uuid[])
      ORDER BY complaint_id DESC LIMIT $3) AS m
JOIN likeness l USING (complaint_id) JOIN complaints o USING (complaint_id) JOIN complaint_cases cc USING (complaint_id)
LEFT JOIN cases k USING (case_id)
WHERE k.case_id IS NULL OR cc.complaint_id = ANY(k.complaint_ids)
ORDER BY complaint_id DESC, cc.case_id
"""


async def marks_of(session: AsyncSession, case_id: UUID) -> dict[UUID, Marks]:
    """The marks of a case's complaints, by complaint: of INTEGRITY those of the text alone."""
    return {row[0]: Marks(tuple(row[1]), row[2]) for row in await rows(session, _MINE, case_id)}


async def sharing(session: AsyncSession, marks: Sequence[bytes], own: Sequence[UUID]) -> list[tuple[UUID, Marks]]:
    """Cases with a complaint that has one of the marks, and that complaint's; the newest first, ``own`` left out."""
    found = await rows(session, _SHARING, marks, own, _CANDIDATES)
    return [(row[0], Marks(tuple(row[1]), row[2])) for row in found]
