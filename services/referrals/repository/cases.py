"""Reading cases: one case, its timeline and counts. Row-level security decides what the principal sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.cases import DocumentRef, Outcome, UnitRef
from contracts.course import Course
from contracts.lifecycle import Channel, Role, Stage, TaskKind, Track
from contracts.messages import CaseFacts, RunningClock, Transition
from services.referrals.repository.sql import Row, loaded, one, rows


@dataclass(frozen=True)
class TaskRow:
    """The open task of a case. ``opened_at`` and ``due_at`` are business time."""

    kind: TaskKind
    unit_id: str
    role: Role
    assignee: str | None
    opened_sequence: int
    opened_at: datetime
    due_at: datetime | None


@dataclass(frozen=True)
class CaseRow:
    """A case as the database has it."""

    facts: CaseFacts
    sequence: int
    changed_sequence: int
    stage: Stage
    desk: UnitRef
    holder: UnitRef | None
    linked: bool
    redo_count: int
    outcome: Outcome | None
    satisfaction: int | None
    public_document: DocumentRef | None
    clocks: tuple[RunningClock, ...]
    respondent_units: tuple[str, ...]
    course: Course
    task: TaskRow | None
    updated_at: datetime


# ruff: noqa: S608 the statements are put together from constants only
_COLUMNS = """c.*, d.name AS desk_name, d.region AS desk_region, h.name AS holder_name, h.region AS holder_region,
       t.kind AS task_kind, t.unit_id AS task_unit, t.role AS task_role, t.assignee, t.opened_sequence, t.opened_at,
       t.due_at, t.due_key, t.rank AS task_rank"""
_MAIN = "LEFT JOIN tasks AS t ON t.case_id = c.case_id AND t.main"
_FROM = """FROM cases AS c
JOIN units AS d ON d.unit_id = c.desk_id
LEFT JOIN units AS h ON h.unit_id = c.holder_id"""
SELECT = f"SELECT {_COLUMNS} {_FROM}"
_ACCUSED = "ARRAY(SELECT unit_id FROM case_respondents WHERE case_id = c.case_id ORDER BY unit_id) AS respondents"
_GET = f"SELECT {_COLUMNS}, {_ACCUSED} {_FROM} {_MAIN} WHERE c.case_id = $1"
_RECORD = f"""
SELECT {_COLUMNS}, {_ACCUSED}, (
    SELECT json_agg(json_build_array(s.transition, s.hash, s.recorded_at, u.name) ORDER BY s.sequence)
    FROM case_history AS s LEFT JOIN units AS u ON u.unit_id = s.unit_id WHERE s.case_id = c.case_id
) AS steps, (
    SELECT json_agg(g ORDER BY g.at DESC) FROM (
        SELECT subject AS grant_id, substr(actor, 9) AS account_id, details::json ->> 'unit' AS unit_id, purpose,
            details::json -> 'fields' AS fields, coalesce((details::json ->> 'at')::timestamptz, at) AS at
        FROM audit_log WHERE chain = 'case/' || c.case_id AND action = 'TEXTS_GRANTED'
        ORDER BY sequence DESC LIMIT 100
    ) AS g
) AS grants {_FROM} {_MAIN} WHERE c.case_id = $1
"""


def case_row(row: Row, respondents: Sequence[str] = ()) -> CaseRow:
    document = loaded(row["public_document"])
    return CaseRow(
        facts=CaseFacts(
            case_id=row["case_id"],
            case_number=row["case_number"],
            complaint_ids=tuple(row["complaint_ids"]),
            channel=Channel(row["channel"]),
            track=Track(row["track"]),
            category=row["category"],
            region=row["region"],
            named=row["named"],
            respondent_count=row["respondent_count"],
            submitted_at=row["submitted_at"],
        ),
        sequence=row["sequence"],
        changed_sequence=row["changed_sequence"],
        stage=Stage(row["stage"]),
        desk=UnitRef(unit_id=row["desk_id"], name=row["desk_name"], region=row["desk_region"]),
        holder=UnitRef(unit_id=row["holder_id"], name=row["holder_name"], region=row["holder_region"])
        if row["holder_id"]
        else None,
        linked=row["linked"],
        redo_count=row["redo_count"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        satisfaction=row["satisfaction"],
        public_document=DocumentRef.model_validate(document) if document else None,
        clocks=tuple(RunningClock.model_validate(clock) for clock in loaded(row["clocks"])),
        respondent_units=tuple(respondents),
        course=Course.model_validate(loaded(row["course"])),
        task=_task(row) if row["task_kind"] else None,
        updated_at=row["updated_at"],
    )


def _task(row: Row) -> TaskRow:
    return TaskRow(
        kind=TaskKind(row["task_kind"]),
        unit_id=row["task_unit"],
        role=Role(row["task_role"]),
        assignee=row["assignee"],
        opened_sequence=row["opened_sequence"],
        opened_at=row["opened_at"],
        due_at=row["due_at"],
    )


async def get(session: AsyncSession, case_id: UUID) -> CaseRow | None:
    """The case, or None when it does not exist or the principal may not see it."""
    row = await one(session, _GET, case_id)
    return case_row(row, row["respondents"]) if row else None


async def visible_of(session: AsyncSession, case_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the cases that the principal sees."""
    if not case_ids:
        return set()
    found = await rows(session, "SELECT case_id FROM cases WHERE case_id = ANY ($1::uuid[])", list(case_ids))
    return {row["case_id"] for row in found}


async def of_ids(session: AsyncSession, case_ids: Sequence[UUID]) -> list[CaseRow]:
    """Those of the cases that the principal sees, in the order given."""
    found = await rows(
        session,
        f"{SELECT} {_MAIN} WHERE c.case_id = ANY ($1::uuid[]) ORDER BY array_position($1::uuid[], c.case_id)",
        list(case_ids),
    )
    return [case_row(row) for row in found]


@dataclass(frozen=True)
class Barred:
    """Whom cases accuse: units, and accounts of persons."""

    units: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


async def barred(session: AsyncSession, case_ids: Sequence[UUID]) -> Barred:
    """Whom these cases accuse, for the system."""
    row = await one(
        session,
        "SELECT ARRAY(SELECT DISTINCT unit_id FROM case_respondents WHERE case_id = ANY ($1::uuid[]) ORDER BY 1)"
        " AS units, ARRAY(SELECT DISTINCT account_id FROM case_excluded WHERE case_id = ANY ($1::uuid[]) ORDER BY 1)"
        " AS accounts",
        list(case_ids),
    )
    return Barred(tuple(row["units"]), tuple(row["accounts"])) if row else Barred()


@dataclass(frozen=True)
class Matter:
    """What a case is about: who is accused, in which class of the taxonomy, and when."""

    respondent_units: tuple[str, ...]
    category_class: str
    submitted_at: datetime


async def same_matter(session: AsyncSession, matter: Matter, within: timedelta, limit: int) -> list[UUID]:
    """Cases that accuse one of the same units in the same class within a time of it, the nearest first."""
    found = await rows(
        session,
        """SELECT case_id FROM cases
        WHERE left(category, 2) = $2 AND submitted_at BETWEEN $3::timestamptz - $4::interval AND $3 + $4
          AND case_id IN (SELECT case_id FROM case_respondents WHERE unit_id = ANY ($1::text[]))
        ORDER BY greatest(submitted_at - $3, $3 - submitted_at), case_id LIMIT $5""",
        list(matter.respondent_units),
        matter.category_class,
        matter.submitted_at,
        within,
        limit,
    )
    return [row["case_id"] for row in found]


async def by_number(session: AsyncSession, case_number: str) -> list[CaseRow]:
    """The visible cases of a complaint's number: one, or several after a split."""
    found = await rows(
        session,
        f"{SELECT} {_MAIN} WHERE c.case_number = $1 ORDER BY c.case_id LIMIT 50",
        case_number,
    )
    return [case_row(row) for row in found]


@dataclass(frozen=True)
class Step:
    """A row of a case's history."""

    step: Transition
    hash: str
    recorded_at: datetime
    unit_name: str | None


@dataclass(frozen=True)
class Record:
    """A case with its history from the first step, and who was let read its texts, latest first."""

    case: CaseRow
    steps: list[Step]
    grants: list[Mapping[str, Any]]


async def record(session: AsyncSession, case_id: UUID) -> Record | None:
    """All of a case in one statement, or None when it does not exist or the principal may not see it."""
    row = await one(session, _RECORD, case_id)
    if row is None:
        return None
    steps = [
        Step(Transition.model_validate_json(transition), digest, datetime.fromisoformat(recorded_at), unit_name)
        for transition, digest, recorded_at, unit_name in loaded(row["steps"]) or ()
    ]
    return Record(case_row(row, row["respondents"]), steps, loaded(row["grants"]) or [])


async def chain(session: AsyncSession, case_id: UUID) -> Sequence[Row]:
    """The hashes of a case's history and the canonical text they stand for, in order."""
    return await rows(
        session,
        "SELECT sequence, transition, content_hash, prev_hash, hash, recorded_at FROM case_history"
        " WHERE case_id = $1 ORDER BY sequence",
        case_id,
    )


async def visible(
    session: AsyncSession, limit: int, after: UUID | None, *, stage: Stage | None
) -> tuple[list[CaseRow], UUID | None]:
    """All cases that an officer sees, by id; and where the next page begins."""
    ids = await rows(
        session,
        "SELECT case_id FROM visible_cases() WHERE ($1::text IS NULL OR stage = $1)"
        " AND ($2::uuid IS NULL OR case_id > $2) ORDER BY case_id LIMIT $3",
        stage.value if stage else None,
        after,
        limit + 1,
    )
    found = await rows(
        session,
        f"{SELECT} {_MAIN} WHERE c.case_id = ANY ($1::uuid[]) ORDER BY c.case_id",
        [row["case_id"] for row in ids],
    )
    shown = [case_row(row) for row in found[:limit]]
    return shown, shown[-1].facts.case_id if len(found) > limit else None


_COUNT = "SELECT stage, track, count(*) AS cases FROM {} GROUP BY stage, track ORDER BY stage, track"


async def of_desk(session: AsyncSession, unit_id: str) -> tuple[UUID, ...]:
    """The cases at a desk that the principal sees."""
    found = await rows(
        session,
        "SELECT case_id FROM visible_cases() JOIN cases AS c USING (case_id) WHERE c.desk_id = $1 ORDER BY case_id",
        unit_id,
    )
    return tuple(row["case_id"] for row in found)


async def counts(session: AsyncSession) -> list[Mapping[str, Any]]:
    """Numbers of the cases that an officer sees, by stage and track."""
    return [dict(row) for row in await rows(session, _COUNT.format("visible_cases()"))]


async def all_counts(session: AsyncSession) -> list[Mapping[str, Any]]:
    """Numbers of all cases by stage and track, for the system."""
    return [dict(row) for row in await rows(session, _COUNT.format("cases"))]


async def open_ids(session: AsyncSession) -> list[UUID]:
    """The cases whose workflow still runs."""
    return [row["case_id"] for row in await rows(session, "SELECT case_id FROM cases WHERE stage <> 'ARCHIVED'")]
