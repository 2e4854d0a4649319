"""All SQL of reading: officers' notices and the delivery ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifications.domain import Template
from services.notifications.repository import as_data


@dataclass(frozen=True)
class OfficerNotice:
    """One notice as a unit's officers see it. ``id`` grows in commit order; ``at`` is business time.

    ``moment``: when a reminder that waited for working hours was for its unit to see; None for what did not wait.
    """

    id: int
    notice_id: UUID
    unit_id: str
    case_id: UUID
    template: Template
    data: dict[str, str]
    at: datetime
    read_at: datetime | None
    moment: datetime | None


@dataclass(frozen=True)
class Delivery:
    """One row of the ledger. Times are business times."""

    notice_id: UUID
    case_id: UUID
    sequence: int
    template: str
    recipient: str
    way: str | None
    state: str
    reason: str | None
    attempts: int
    possibly_repeated: bool
    settled_at: datetime | None


@dataclass(frozen=True)
class Tally:
    """How many notices of a template ended, or stand, in one manner."""

    template: str
    way: str | None
    state: str
    reason: str | None
    count: int
    possibly_repeated: int


async def officer_notices(
    session: AsyncSession,
    unit_ids: tuple[str, ...],
    *,
    barred: Sequence[UUID],
    beyond: int,
    unread: bool,
    limit: int,
) -> list[OfficerNotice]:
    """Notices of these units with an id greater than ``beyond``, oldest first, but for ``barred`` cases. Row-level
    security decides besides."""
    rows = await session.execute(
        text(
            "SELECT * FROM officer_notices WHERE unit_id = ANY(:units) AND id > :beyond"
            " AND case_id <> ALL(:barred) AND (NOT :unread OR read_at IS NULL) ORDER BY id LIMIT :limit"
        ),
        {"units": list(unit_ids), "barred": list(barred), "beyond": beyond, "unread": unread, "limit": limit},
    )
    return [_officer(row) for row in rows]


async def mark_read(
    session: AsyncSession, notice_id: int, account_id: str, at: datetime, *, barred: Sequence[UUID] = ()
) -> OfficerNotice | None:
    """The first reading is kept; None when no notice with this id may be seen. ``at`` is business time."""
    row = (
        await session.execute(
            text(
                "UPDATE officer_notices SET read_at = COALESCE(read_at, :at), read_by = COALESCE(read_by, :account)"
                " WHERE id = :id AND case_id <> ALL(:barred) RETURNING *"
            ),
            {"id": notice_id, "barred": list(barred), "account": account_id, "at": at},
        )
    ).first()
    return None if row is None else _officer(row)


async def was_told(session: AsyncSession, case_id: UUID) -> bool:
    """Has one of the principal's units had a notice of this case?"""
    row = await session.execute(
        text("SELECT EXISTS (SELECT 1 FROM officer_notices WHERE case_id = :id)"), {"id": case_id}
    )
    return bool(row.scalar_one())


async def deliveries(session: AsyncSession, case_id: UUID, *, without: Sequence[str]) -> list[Delivery]:
    """Everything owed in a case ``without`` these templates, in the order of its steps.

    A receipt stands with the complaint's first case.
    """
    rows = await session.execute(
        text(
            "SELECT notice_id, case_id, sequence, template, recipient, way, state, reason, attempts,"
            " possibly_repeated, settled_at FROM notices WHERE case_id = :id AND template <> ALL(:without)"
            " ORDER BY sequence, recipient, template"
        ),
        {"id": case_id, "without": list(without)},
    )
    return [Delivery(**row._mapping) for row in rows]


async def told_cases(session: AsyncSession, *, barred: Sequence[UUID]) -> list[UUID]:
    """The cases of which the principal's units had a notice that he may see, but for ``barred`` ones."""
    found = await session.scalars(
        text("SELECT DISTINCT case_id FROM officer_notices WHERE case_id <> ALL(:barred)"), {"barred": list(barred)}
    )
    return list(found)


async def tallies(session: AsyncSession, *, without: Sequence[str], cases: Sequence[UUID] | None = None) -> list[Tally]:
    """The ledger ``without`` these templates, counted: of these cases, or the whole one."""
    rows = await session.execute(
        text(
            "SELECT template, way, state, reason, count(*) AS count,"
            " count(*) FILTER (WHERE possibly_repeated) AS possibly_repeated"
            " FROM notices WHERE template <> ALL(:without) AND (:whole OR case_id = ANY(:cases))"
            " GROUP BY template, way, state, reason ORDER BY template, state, way, reason"
        ),
        {"without": list(without), "whole": cases is None, "cases": list(cases or ())},
    )
    return [Tally(**row._mapping) for row in rows]


def _officer(row: Any) -> OfficerNotice:
    data, template = as_data(row.data), Template(row.template)
    return OfficerNotice(
        row.id, row.notice_id, row.unit_id, row.case_id, template, data, row.at, row.read_at, row.moment
    )
