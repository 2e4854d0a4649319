"""Where a page of a list of tasks ends and the next begins."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.lifecycle import TaskKind


@dataclass(frozen=True)
class Place:
    """Where a task stands in a list: by rank (urgent cases first), then by due time; a case has a row for each task.

    ``due_key`` is the due time, or the end of time where there is none.
    """

    rank: int
    due_key: datetime
    case_id: UUID
    kind: TaskKind
    unit_id: str
