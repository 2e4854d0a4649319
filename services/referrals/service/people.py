"""Officers as others choose them: to give a task to, or as whom a report accuses."""

from dataclasses import dataclass
from uuid import UUID

from services.chassis.db import SYSTEM, Database
from services.referrals.repository import accounts, cases
from services.referrals.repository.accounts import Account
from services.referrals.service import recusing
from services.referrals.service.identity import Identity


@dataclass(frozen=True)
class Person:
    """An officer by name and unit."""

    account_id: str
    name: str
    unit_name: str | None


class People:
    """The active accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def colleagues(self, who: Identity) -> list[Person]:
        """Those of the officer's unit."""
        if who.unit_id is None:
            return []
        return [_person(account) for account in await self._active() if account.unit_id == who.unit_id]

    async def kept_away(self, who: Identity, case_id: UUID) -> list[Person]:
        """Who keeps away from the case, of those on whose recusal the officer may decide."""
        async with self._db.read(who.principal) as session:
            case = await cases.get(session, case_id)
            found = await recusing.concerned(session, who, case) if case is not None else []
        return [_person(account) for account in found if case is not None and account.account_id in case.course.recused]

    async def named(self, find: str) -> list[Person]:
        """Those whose name holds the text."""
        return [_person(account) for account in await self._active() if find in account.name]

    async def _active(self) -> list[Account]:
        async with self._db.read(SYSTEM) as session:
            return [account for account in await accounts.everybody(session) if account.active]


def _person(account: Account) -> Person:
    return Person(account.account_id, account.name, account.unit_name)
