"""Open work counted: an officer's queues by kind of task, a supervisor's board by unit."""

from dataclasses import dataclass
from datetime import datetime

from services.chassis.db import Database
from services.referrals import views
from services.referrals.paging import Place
from services.referrals.repository import watching
from services.referrals.repository.queues import Page
from services.referrals.repository.watching import KindCount, UnitCounts
from services.referrals.service.casebook import business_now
from services.referrals.service.identity import Identity
from services.referrals.views import CaseSummary
from services.referrals.watch import Watch


@dataclass(frozen=True)
class Queues:
    """Open tasks of the officer's unit by kind, at a business time."""

    kinds: list[KindCount]
    business_time: datetime


@dataclass(frozen=True)
class Board:
    """What an officer watches over, by unit, at a business time."""

    units: list[UnitCounts]
    business_time: datetime

    def total(self, watch: Watch) -> int:
        """Over all units."""
        return sum(unit.counts[watch] for unit in self.units)


@dataclass(frozen=True)
class Watched:
    """A page of one of the board's lists."""

    items: list[CaseSummary]
    following: Place | None


class Watching:
    """Counts of open work; what an officer may not see is in none of them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def queues(self, who: Identity, since: datetime | None = None) -> Queues:
        """The officer's own unit; ``fresh`` counts what came after ``since``."""
        async with self._db.read(who.principal) as session:
            found = await watching.kinds(session, who.officer.unit_id, who.account.account_id, since)
            return Queues(found, await business_now(session))

    async def board(self, who: Identity) -> Board:
        """Every unit whose open tasks the officer watches."""
        async with self._db.read(who.principal) as session:
            now = await business_now(session)
            return Board(await watching.by_unit(session, now), now)

    async def listed(
        self, who: Identity, watch: Watch, limit: int, after: Place | None, unit_id: str | None = None
    ) -> Watched:
        """The tasks behind a count of the board, urgent cases first, then by due time."""
        async with self._db.read(who.principal) as session:
            now = await business_now(session)
            found, following = await watching.listed(session, watch, Page(limit, after), now, unit_id)
            account = who.account.account_id
            return Watched([views.summary(case, account, now) for case in found], following)
