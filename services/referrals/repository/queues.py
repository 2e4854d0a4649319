"""Lists of open tasks, page by page. Row-level security decides what the principal sees."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Stage, TaskKind
from services.referrals.paging import Place
from services.referrals.repository.cases import SELECT, CaseRow, case_row
from services.referrals.repository.sql import Row, rows


@dataclass(frozen=True)
class Page:
    """Where a page of a list begins: after this place; ``limit`` rows."""

    limit: int
    after: Place | None = None

    def of(self, found: Sequence[Row]) -> tuple[list[CaseRow], Place | None]:
        """The rows of this page, of those found (one more was asked for); and where the next begins, if any."""
        shown = found[: self.limit]
        return [case_row(row) for row in shown], _place(shown[-1]) if len(found) > self.limit else None


def values(page: Page) -> tuple[object, ...]:
    """Where the page begins, as ORDER compares it."""
    after = page.after
    return (after.rank, after.due_key, after.case_id, after.kind.value, after.unit_id) if after else (None,) * 5


def _place(row: Row) -> Place:
    return Place(row["task_rank"], row["due_key"], row["case_id"], TaskKind(row["task_kind"]), row["task_unit"])


ORDER = "t.rank, t.due_key, t.case_id, t.kind, t.unit_id"
# The page is cut from the tasks alone, in the order of an index; their cases are looked up after that.
_QUEUE = f"""WITH page AS MATERIALIZED (
    SELECT * FROM tasks AS t
    WHERE ($1::text IS NULL OR t.unit_id = $1) AND ($2::text IS NULL OR t.assignee = $2)
      AND ($3::text IS NULL OR t.kind = $3)
      AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM cases AS k WHERE k.case_id = t.case_id AND k.stage = $4))
      AND ($5::smallint IS NULL OR ({ORDER}) > ($5, $6::timestamptz, $7::uuid, $8::text, $9::text))
    ORDER BY {ORDER} LIMIT $10
) {SELECT} JOIN page AS t ON t.case_id = c.case_id ORDER BY {ORDER}"""  # noqa: S608 constants only


async def queue(
    session: AsyncSession,
    page: Page,
    *,
    unit_id: str | None = None,
    assignee: str | None = None,
    kind: TaskKind | None = None,
    stage: Stage | None = None,
) -> tuple[list[CaseRow], Place | None]:
    """Open tasks of a unit or an account, urgent cases first, then by due time; and where the next page begins."""
    found = await rows(
        session,
        _QUEUE,
        unit_id,
        assignee,
        kind.value if kind else None,
        stage.value if stage else None,
        *values(page),
        page.limit + 1,
    )
    return page.of(found)
