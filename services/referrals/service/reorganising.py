"""After a reorganisation or an officer's departure every open case that it touches is told. For the background."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from uuid import UUID

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contracts import judge
from contracts.cases import UnitRef
from contracts.messages import SIGNAL_DEPARTURE, SIGNAL_SUCCESSION, Departure, Succession, workflow_id
from services.chassis.db import SYSTEM, Database
from services.chassis.outages import engine_away
from services.referrals import domain
from services.referrals.domain import Unit
from services.referrals.repository import cases, reorganising, units
from services.referrals.repository.cases import CaseRow
from services.referrals.repository.sql import Row

POLL_SECONDS = 2.0
AGAIN_SECONDS = 60.0
"""A case that was told and has not moved is told again after this: it may have been handed to the closed unit since."""
BATCH = 1000
AT_A_TIME = 16
Word = Succession | Departure
_log = structlog.get_logger("huiyin.reorganising")


class Reorganising:
    """Finds the cases to tell from what they are: what a crash or an outage leaves behind goes on later."""

    def __init__(self, db: Database, client: Client) -> None:
        self._db = db
        self._client = client
        self._told: dict[tuple[UUID, str], float] = {}

    async def run(self) -> None:
        """For ever, through every outage."""
        while True:
            try:
                await self.tell()
            except Exception as error:
                if engine_away(error) is None:
                    raise
                _log.warning("reorganisation_waits", engine=engine_away(error))
            await asyncio.sleep(POLL_SECONDS)

    async def tell(self) -> int:
        """Tell the cases that were not told lately; how many. Raises what Temporal raises when it is away."""
        async with self._db.read(SYSTEM) as session:
            moved = self._fresh(await reorganising.successions(session, BATCH), "unit_id")
            left = self._fresh(await reorganising.departures(session, BATCH), "assignee")
            tree = {unit.unit_id: unit for unit in await units.everything(session)} if moved else {}
            words: list[tuple[UUID, str, Word]] = []
            for row in moved:
                case = await cases.get(session, row["case_id"])
                if case is not None:
                    words.append((row["case_id"], row["unit_id"], succession(case, row["unit_id"], tree)))
        words += [
            (row["case_id"], row["assignee"], Departure(account_id=row["assignee"], heir_id=row["heir_id"]))
            for row in left
        ]
        hands = asyncio.Semaphore(AT_A_TIME)

        async def one(case_id: UUID, key: str, word: Word) -> None:
            async with hands:
                await self._signal(case_id, word)
            self._told[case_id, key] = monotonic()

        results = await asyncio.gather(*(one(*found) for found in words), return_exceptions=True)
        for found, error in zip(words, results, strict=True):
            if error is None:
                continue
            if engine_away(error) is not None:
                raise error
            # One that fails in a way of its own is tried again, and must not hold up the others.
            _log.error("reorganisation_failed", case_id=str(found[0]), exc_info=error)
        return len(words)

    def _fresh(self, found: Sequence[Row], column: str) -> list[Row]:
        now = monotonic()
        self._told = {key: at for key, at in self._told.items() if now - at < AGAIN_SECONDS}
        return [row for row in found if (row["case_id"], row[column]) not in self._told]

    async def _signal(self, case_id: UUID, word: Word) -> None:
        name = SIGNAL_SUCCESSION if isinstance(word, Succession) else SIGNAL_DEPARTURE
        try:
            await self._client.get_workflow_handle(workflow_id(case_id)).signal(name, word)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            # Archived meanwhile: nothing runs on it any more.


def succession(case: CaseRow, unit_id: str, tree: dict[str, Unit]) -> Succession:
    """What a case is told of a closed unit: its successor, and which seats a guarded case must leave then.

    Whoever succeeds a respondent is accused with it (信访工作条例 art. 30).
    """
    successor = tree[tree[unit_id].successor_id or unit_id]
    if not judge.guarded(case):
        return Succession(unit_id=unit_id, successor=successor.ref())
    course = case.course
    superior = course.major.superior if course.major else None
    seats = (
        case.desk, case.holder, course.arbiter, course.receiver, superior, *(found.unit for found in course.supports)
    )  # fmt: skip
    sitting = {successor.unit_id if seat.unit_id == unit_id else seat.unit_id for seat in seats if seat is not None}
    accused = tuple(sorted(seat for seat in sitting if domain.accused(tree[seat], case.respondent_units)))
    desk: UnitRef | None = None
    if (own := successor if case.desk.unit_id == unit_id else tree[case.desk.unit_id]).unit_id in accused:
        above = domain.desk_above(own, case.respondent_units, tree.values())
        desk = above.ref() if above is not None else None
    return Succession(unit_id=unit_id, successor=successor.ref(), accused_ids=accused, desk=desk)
