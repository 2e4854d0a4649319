"""SQL of reporters' requests about their own data. Every function runs in its caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.rights import OF_IDENTITY, Counted, Ground, Right, RightRequest, RightState, WaitingOf
from services.chassis.db import execute, one, rows


@dataclass(frozen=True)
class Correction:
    """An identity as it should be, sealed to the vault, with what is kept of it outside."""

    sealed: bytes
    marks: Sequence[bytes]
    named: bool
    ways: Sequence[str]


@dataclass(frozen=True)
class OwnRequest:
    """A request as its reporter sees it; ``answer_sealed`` under the complaint's key."""

    request_id: UUID
    kind: str
    state: str
    asked_at: datetime
    due_at: datetime | None
    article: str | None
    provisional: bool
    answered_at: datetime | None
    ground: str | None
    answer_sealed: bytes | None


@dataclass(frozen=True)
class Person:
    """What tells whose a complaint is, without saying who: its contact's token, whether it has a name, its marks."""

    contact_token: UUID | None
    named: bool
    language: str
    marks: frozenset[bytes]


async def person(session: AsyncSession, complaint_id: UUID) -> Person:
    """As the system, after the complaint was opened with its code."""
    row = await one(
        session,
        "SELECT c.contact_token, c.named, c.language, l.reporter FROM complaints c LEFT JOIN likeness l"
        " USING (complaint_id) WHERE c.complaint_id = $1",
        complaint_id,
    )
    assert row is not None
    return Person(row[0], row[1], row[2], frozenset(row[3] or ()))


async def add(
    session: AsyncSession,
    request_id: UUID,
    complaint_id: UUID,
    kind: Right,
    at: datetime,
    correction: Correction | None,
) -> bool:
    """Store a request, at the vault too where it is about an identity; False when one of its kind waits already."""
    row = await one(
        session,
        "INSERT INTO rights_requests (request_id, complaint_id, kind, asked_at, named, ways, marks)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1",
        request_id,
        complaint_id,
        kind.value,
        at,
        correction.named if correction else None,
        list(correction.ways) if correction else None,
        list(correction.marks) if correction else None,
    )
    if row is not None and kind in OF_IDENTITY:
        await execute(
            session,
            "INSERT INTO vault.rights_asked (request_id, complaint_id, kind) VALUES ($1, $2, $3)",
            request_id,
            complaint_id,
            kind.value,
        )
    if row is not None and correction is not None:
        await execute(
            session,
            "INSERT INTO vault.corrections (request_id, complaint_id, sealed) VALUES ($1, $2, $3)",
            request_id,
            complaint_id,
            correction.sealed,
        )
    return row is not None


async def waits(session: AsyncSession, complaint_id: UUID, kind: Right) -> bool:
    """Whether a request of this kind waits for its answer."""
    row = await one(
        session,
        "SELECT 1 FROM rights_requests WHERE complaint_id = $1 AND kind = $2 AND state = 'WAITING'",
        complaint_id,
        kind.value,
    )
    return row is not None


async def own(session: AsyncSession, complaint_id: UUID) -> list[OwnRequest]:
    """The requests of a complaint, the latest first."""
    found = await rows(
        session,
        "SELECT request_id, kind, state, asked_at, due_at, article, provisional, answered_at, ground, answer_sealed"
        " FROM rights_requests WHERE complaint_id = $1 ORDER BY asked_at DESC, request_id DESC",
        complaint_id,
    )
    return [OwnRequest(*row) for row in found]


_LISTED = """
SELECT r.request_id, r.complaint_id, r.kind, r.state, r.asked_at, r.due_at,
       ARRAY(SELECT cc.case_id FROM complaint_cases cc WHERE cc.complaint_id = r.complaint_id ORDER BY 1) AS case_ids
FROM rights_requests r
"""


_WAITING = f"""{_LISTED} WHERE r.state = 'WAITING'
  AND EXISTS (SELECT FROM complaint_cases cc WHERE cc.complaint_id = r.complaint_id AND cc.case_id = ANY ($1::uuid[]))
  AND ($2::uuid IS NULL OR (r.asked_at, r.request_id)
    > (SELECT a.asked_at, a.request_id FROM rights_requests a WHERE a.request_id = $2))
ORDER BY r.asked_at, r.request_id LIMIT $3
"""  # noqa: S608 a constant only


async def waiting(session: AsyncSession, asked: WaitingOf) -> tuple[RightRequest, ...]:
    """What waits for an answer in these cases, the earliest first."""
    found = await rows(session, _WAITING, list(asked.case_ids), asked.after, asked.limit)
    return tuple(RightRequest(**dict(row)) for row in found)


async def request(session: AsyncSession, request_id: UUID) -> RightRequest | None:
    """One request."""
    row = await one(session, f"{_LISTED} WHERE r.request_id = $1", request_id)
    return RightRequest(**dict(row)) if row else None


async def undated(session: AsyncSession) -> tuple[UUID, datetime] | None:
    """A request without a date, with when it was asked; None when all have theirs."""
    row = await one(session, "SELECT request_id, asked_at FROM rights_requests WHERE due_at IS NULL LIMIT 1")
    return (row[0], row[1]) if row else None


async def set_date(session: AsyncSession, request_id: UUID, counted: Counted) -> None:
    """The date of record, once."""
    await execute(
        session,
        "UPDATE rights_requests SET due_at = $2, article = $3, provisional = $4"
        " WHERE request_id = $1 AND due_at IS NULL",
        request_id,
        counted.due_at,
        counted.article,
        counted.provisional,
    )


async def answer(
    session: AsyncSession, request_id: UUID, state: RightState, ground: Ground | None, sealed: bytes, at: datetime
) -> bool:
    """Store the answer; False when there is one. Marks go with a no; `change_contact` takes them with a yes."""
    return bool(
        await execute(
            session,
            "UPDATE rights_requests SET state = $2, ground = $3, answer_sealed = $4, answered_at = $5,"
            " marks = CASE WHEN $2 = 'GRANTED' THEN marks END"
            " WHERE request_id = $1 AND state = 'WAITING'",
            request_id,
            state.value,
            ground,
            sealed,
            at,
        )
    )


async def change_contact(session: AsyncSession, request_id: UUID) -> None:
    """Marks, name's flag and token follow a granted correction or deletion."""
    await one(session, "SELECT huiyin_change_contact($1)", request_id)


async def complaint_key(session: AsyncSession, complaint_id: UUID) -> tuple[bytes, str]:
    """The wrapped key of a complaint and its number."""
    row = await one(
        session, "SELECT case_key_wrapped, case_number FROM complaints WHERE complaint_id = $1", complaint_id
    )
    assert row is not None
    return row[0], row[1]


async def ways_of(session: AsyncSession, request_id: UUID) -> tuple[tuple[str, ...], bool]:
    """The ways and whether there is a name, as a correction says."""
    row = await one(session, "SELECT ways, named FROM rights_requests WHERE request_id = $1", request_id)
    assert row is not None
    return tuple(row[0] or ()), bool(row[1])


async def held(session: AsyncSession, complaint_id: UUID) -> dict[str, Any]:
    """What is held of a reporter beside identity and sealed texts: classes and times, of the reporter's own doing."""
    row = await one(
        session,
        "SELECT case_number, channel, category, region, named, language, submitted_at FROM complaints"
        " WHERE complaint_id = $1",
        complaint_id,
    )
    assert row is not None
    texts = await rows(session, "SELECT at FROM supplements WHERE complaint_id = $1 ORDER BY at", complaint_id)
    ratings = await rows(
        session, "SELECT satisfaction, at FROM ratings WHERE complaint_id = $1 ORDER BY at", complaint_id
    )
    evidence = await rows(
        session,
        "SELECT evidence_id, at, size, description_sealed FROM evidence WHERE complaint_id = $1 ORDER BY at",
        complaint_id,
    )
    return {
        **dict(row),
        "evidence": [dict(found) for found in evidence],
        "supplements": [found[0] for found in texts],
        "ratings": [dict(found) for found in ratings],
    }
