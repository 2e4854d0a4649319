"""Open tasks counted and listed for those who watch over them. A count and its list come from the same rows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import TaskKind
from services.referrals.paging import Place
from services.referrals.repository.cases import SELECT, CaseRow
from services.referrals.repository.queues import ORDER, Page, values
from services.referrals.repository.sql import Row, rows
from services.referrals.watch import Watch

# ruff: noqa: S608 the statements are put together from constants only
_CLAUSE: dict[Watch, str] = {
    Watch.OVERDUE: "w.next_due <= $1",
    Watch.DUE_SOON: "w.next_due > $1 AND w.next_soon <= $1",
    Watch.UNCLAIMED: "w.assignee IS NULL",
    Watch.RETURNED: "w.bounces > 0",
    Watch.DESIGNATION: "w.stage = 'ARBITRATION'",
    Watch.SUPERVISED: "w.supervision > 0",
    Watch.OPEN: "true",
}
"""As the lamps of views.py say it; $1 is the business time."""


@dataclass(frozen=True)
class KindCount:
    """Open tasks of a unit of one kind: all, those of the asking account, and those that came after a moment."""

    kind: TaskKind
    unit: int
    mine: int
    fresh: int


@dataclass(frozen=True)
class UnitCounts:
    """Open tasks of a unit, by what is watched."""

    unit_id: str
    unit_name: str
    counts: dict[Watch, int]


async def kinds(session: AsyncSession, unit_id: str, account_id: str, since: datetime | None) -> list[KindCount]:
    """Open tasks of a unit by kind, in no order; ``since`` is business time."""
    found = await rows(
        session,
        "SELECT w.kind, count(*) AS unit, count(*) FILTER (WHERE w.assignee = $2) AS mine,"
        " count(*) FILTER (WHERE w.opened_at > $3::timestamptz) AS fresh FROM watched_tasks($1) AS w GROUP BY w.kind",
        unit_id,
        account_id,
        since,
    )
    return [KindCount(TaskKind(row["kind"]), row["unit"], row["mine"], row["fresh"]) for row in found]


_COUNTS = ", ".join(f"count(*) FILTER (WHERE {clause}) AS {watch.lower()}" for watch, clause in _CLAUSE.items())
_BY_UNIT = f"""
SELECT w.unit_id, u.name, {_COUNTS}
FROM watched_tasks(NULL) AS w JOIN units AS u ON u.unit_id = w.unit_id
GROUP BY w.unit_id, u.name, u.path ORDER BY array_length(u.path, 1), w.unit_id
"""


async def by_unit(session: AsyncSession, now: datetime) -> list[UnitCounts]:
    """What the principal watches over, by the unit whose task it is, units above first."""
    return [_unit_counts(row) for row in await rows(session, _BY_UNIT, now)]


def _unit_counts(row: Row) -> UnitCounts:
    return UnitCounts(row["unit_id"], row["name"], {watch: row[watch.lower()] for watch in Watch})


async def listed(
    session: AsyncSession, watch: Watch, page: Page, now: datetime, unit_id: str | None = None
) -> tuple[list[CaseRow], Place | None]:
    """The tasks that one of the counts of `by_unit` counts, urgent cases first, then by due time; and where the next
    page begins, if any."""
    found = await rows(
        session,
        f"""{SELECT} JOIN tasks AS t ON t.case_id = c.case_id JOIN watched_tasks($2) AS w
          ON w.case_id = c.case_id AND w.kind = t.kind AND w.unit_id = t.unit_id
        WHERE $1::timestamptz IS NOT NULL AND {_CLAUSE[watch]}
          AND ($3::smallint IS NULL OR ({ORDER}) > ($3, $4::timestamptz, $5::uuid, $6::text, $7::text))
        ORDER BY {ORDER} LIMIT $8""",
        now,
        unit_id,
        *values(page),
        page.limit + 1,
    )
    return page.of(found)
