"""The accounts as administrators look them up: a page of them, one of them, who could take over."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import SYSTEM, Database
from services.referrals.domain import Unit
from services.referrals.repository import accounts, logins, units
from services.referrals.repository.accounts import Account
from services.referrals.repository.accounts import AccountState as AccountState
from services.referrals.service.devices import of_name


@dataclass(frozen=True)
class Entry:
    """An account. ``paused``: log-ins under its name wait after failures, on one device at least."""

    account: Account
    paused: bool


class Directory:
    """Reads alone; what is done to accounts is `Registry`'s, `Passwords`', `Vouching`'s and `SecondFactors`'."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(
        self, text: str, state: AccountState | None, after: str, limit: int
    ) -> tuple[list[Entry], str | None]:
        """Accounts by user name that have the text in their names or their unit's, and where the next page begins."""
        async with self._db.read(SYSTEM) as session:
            listed = await accounts.found(session, text, state, after, limit + 1)
            entries = await _entries(session, listed[:limit])
        return entries, entries[-1].account.username if len(listed) > limit else None

    async def entry(self, account_id: str) -> Entry | None:
        """The account of an id."""
        async with self._db.read(SYSTEM) as session:
            account = await accounts.by_id(session, account_id)
            return (await _entries(session, [account]))[0] if account is not None else None

    async def named(self, username: str) -> Account | None:
        """The account of a user name."""
        async with self._db.read(SYSTEM) as session:
            return await accounts.by_username(session, username)

    async def heirs(self, account: Account) -> list[Account]:
        """Who can take over the account's tasks: the others of its unit."""
        if account.unit_id is None:
            return []
        async with self._db.read(SYSTEM) as session:
            colleagues = await accounts.of_unit(session, account.unit_id)
        return [colleague for colleague in colleagues if colleague.account_id != account.account_id]

    async def units(self) -> list[Unit]:
        """The units that an account can be added to, parents first."""
        async with self._db.read(SYSTEM) as session:
            return [unit for unit in await units.everything(session) if unit.active]


async def _entries(session: AsyncSession, listed: Sequence[Account]) -> list[Entry]:
    keys = {account.account_id: of_name(account.username) for account in listed}
    paused = await logins.paused_names(session, list(keys.values()))
    return [Entry(account, keys[account.account_id] in paused) for account in listed]
