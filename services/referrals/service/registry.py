"""Units and accounts: adding, listing, and loading a whole tree from a file."""

import asyncio
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import ADMINISTRATORS, Role
from contracts.reference import departments
from services.chassis import audit
from services.chassis.auth import hash_password
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import FIRST_PASSWORD_HOURS
from services.referrals.domain import Level, Unit, UnitKind
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, logins, reorganising, units
from services.referrals.repository.accounts import Account as Account
from services.referrals.service.administering import AccountAct, refusal
from services.referrals.service.devices import of_name
from services.referrals.service.passwords import reset

UNIT_ID = r"^[A-Za-z0-9._\-]{1,40}$"
REGION = r"^\d{6}$"
NAME = r"^.{1,80}$"
USERNAME = r"^[A-Za-z0-9._@\-]{1,80}$"


@dataclass(frozen=True)
class NewUnit:
    """A unit to add below ``parent_id`` (None: at the top)."""

    unit_id: str
    name: str
    level: Level
    kind: UnitKind
    region: str
    department: str | None = None
    parent_id: str | None = None
    on_system: bool = True


@dataclass(frozen=True)
class NewAccount:
    """An account to add. ``password`` None: one is made up."""

    username: str
    name: str
    unit_id: str | None
    roles: tuple[Role, ...]
    password: str | None = None


@dataclass(frozen=True)
class Loaded:
    """What a file brought. ``passwords``: those made up, by user name; they are kept nowhere."""

    units: int
    accounts: int
    passwords: dict[str, str]


class Registry:
    """Administration of units and accounts, each act on the audit. ``by``: the administrator who does it, as an actor;
    without one it is who runs the command on the machine."""

    def __init__(self, db: Database, first_password: timedelta = timedelta(hours=FIRST_PASSWORD_HOURS)) -> None:
        """``first_password``: how long one that is set here opens the setting of an own one."""
        self._db = db
        self._first_password = first_password

    async def units(self) -> list[Unit]:
        """All units, parents first."""
        async with self._db.read(SYSTEM) as session:
            return await units.everything(session)

    async def accounts(self) -> list[Account]:
        """All accounts."""
        async with self._db.read(SYSTEM) as session:
            return await accounts.everybody(session)

    async def add_unit(self, new: NewUnit, *, by: str | None = None) -> Unit:
        """Raises Refused ALREADY_EXISTS or BAD_UNIT."""
        async with self._db.session(SYSTEM) as session:
            unit = await self._placed(session, new)
            if not await units.insert(session, unit):
                raise Refused("ALREADY_EXISTS")
            await _on_units(session, by, "UNIT_ADDED", unit)
        return unit

    async def succeed(self, unit_id: str, successor_id: str, *, by: str | None = None) -> Unit:
        """Close a unit in favour of its successor, at the machine or ``by`` who confirms what another asked for; the
        closed unit. Its open cases are told in the background; its officers stay behind until they are let follow
        (`follow`): a move is a grant of roles elsewhere.

        The same again changes nothing. Raises Refused UNKNOWN_UNIT; BAD_SUCCESSOR: the successor is another kind of
        unit, out of use, off the system in place of one on it, or stands below the unit; or SUCCESSOR_NOT_ASKED.
        """
        async with self._db.session(SYSTEM) as session:
            asked = by is None or await reorganising.confirm_successor(session, unit_id, successor_id, by)
            old, new = await self._succession(session, unit_id, successor_id)
            if old.successor_id == successor_id:
                return old
            if not asked:
                raise Refused("SUCCESSOR_NOT_ASKED")
            await reorganising.succeed(session, old, new)
            await _on_units(session, by, "UNIT_SUCCEEDED", old, successor=successor_id)
        return replace(old, active=False, successor_id=successor_id, successor_asked=None)

    async def ask_successor(self, unit_id: str, successor_id: str, *, by: str) -> Unit:
        """Ask that a unit be succeeded, which opens its cases to other officers: nothing changes before another
        administrator confirms it. The unit, as it stands. Raises Refused as `succeed`."""
        async with self._db.session(SYSTEM) as session:
            old, _ = await self._succession(session, unit_id, successor_id)
            if old.successor_id == successor_id:
                return old
            if await reorganising.ask_successor(session, unit_id, successor_id, by):
                await _on_units(session, by, "UNIT_SUCCESSOR_ASKED", old, successor=successor_id)
        return replace(old, successor_asked=successor_id)

    @staticmethod
    async def _succession(session: AsyncSession, unit_id: str, successor_id: str) -> tuple[Unit, Unit]:
        old, new = await units.get(session, unit_id), await units.get(session, successor_id)
        if old is None or new is None:
            raise Refused("UNKNOWN_UNIT")
        fits = old.kind is new.kind and new.active and new.on_system >= old.on_system and unit_id not in new.path
        if old.successor_id != successor_id and (old.successor_id is not None or not fits):
            raise Refused("BAD_SUCCESSOR")
        return old, new

    async def follow(self, unit_id: str, *, by: str | None = None) -> int:
        """Let the officers of a closed unit work in its successor, in their roles, each on the audit; how many there
        were. Raises Refused UNKNOWN_UNIT, or BAD_SUCCESSOR for a unit that has none."""
        async with self._db.session(SYSTEM) as session:
            found = await units.get(session, unit_id)
            if found is None:
                raise Refused("UNKNOWN_UNIT")
            while found.successor_id is not None:
                following = await units.get(session, found.successor_id)
                assert following is not None
                found = following
            if found.unit_id == unit_id or not found.active:
                raise Refused("BAD_SUCCESSOR")
            moved = await reorganising.move_officers(session, unit_id, found.unit_id)
            for row in moved:
                roles = [Role(role) for role in row["roles"]]
                where = {"unit": unit_id, "to": found.unit_id}
                await _on_accounts(session, by, "ACCOUNT_MOVED", row["account_id"], roles=roles, **where)
        return len(moved)

    async def leave(self, username: str, heir: str | None = None, *, by: str | None = None) -> Account:
        """Close the account of an officer who leaves; his tasks go to the heir, or back to their units' queues.

        Said again it names another heir for what is still open. Raises Refused UNKNOWN_ACCOUNT, also for an heir who is
        not active or of another unit; OWN_ACCOUNT; or ADMINISTRATORS_ACCOUNT, which is closed at the machine alone.
        """
        async with self._db.session(SYSTEM) as session:
            await accounts.lock(session, username)
            account = await accounts.by_username(session, username)
            to = await accounts.by_username(session, heir) if heir is not None else None
            if account is not None and (code := refusal(AccountAct.CLOSE, account, by or audit.operator())) is not None:
                raise Refused(code)
            if account is None or (heir is not None and (to is None or not to.active or to.unit_id != account.unit_id)):
                raise Refused("UNKNOWN_ACCOUNT")
            if to is not None and to.account_id == account.account_id:
                raise Refused("UNKNOWN_ACCOUNT")
            heir_id = to.account_id if to is not None else None
            await accounts.close(session, account.account_id, heir_id)
            await _on_accounts(session, by, "ACCOUNT_CLOSED", account.account_id, heir=heir_id)
        return replace(account, active=False)

    async def add_account(
        self, new: NewAccount, password: str, *, by: str | None = None, key: UUID | None = None
    ) -> str:
        """The new account's id; the password opens the setting of an own one, for a time. ``key``: of the request; the
        same again adds nothing.

        Raises Refused ALREADY_EXISTS, UNKNOWN_UNIT or ROLES_APART.
        """
        refuse_roles(new.roles, new.username)
        hashed = await hash_password(password)
        async with self._db.session(SYSTEM) as session:
            return await self._add_account(session, new, hashed, self._until(), by, key)

    async def reset_password(self, username: str, password: str) -> None:
        """At the machine, an administrator's too; raises Refused UNKNOWN_ACCOUNT."""
        await reset(self._db, username, password, self._first_password, by=audit.operator())

    async def unlock(self, username: str, *, by: str | None = None) -> None:
        """End the pause of a name's log-ins, on every device; on the audit. Raises Refused UNKNOWN_ACCOUNT."""
        async with self._db.session(SYSTEM) as session:
            account = await accounts.by_username(session, username)
            if account is None:
                raise Refused("UNKNOWN_ACCOUNT")
            ended = await logins.unlock(session, of_name(account.username))
            chain, actor = audit.of_account(account.account_id), by or audit.operator()
            entry = audit.Entry(chain=chain, actor=actor, action="UNLOCKED", details={"counters": ended})
            await audit.record(session, entry)

    async def grant_roles(
        self, username: str, roles: Iterable[Role], granted_by: str, *, seen: frozenset[Role] | None = None
    ) -> Account:
        """Make these an account's roles, and end its sessions: the next one has them. On the audit.

        It says nothing of whose account it is (`Vouching`). ``seen``: the roles that who grants looked at; the same
        again changes nothing. Raises Refused UNKNOWN_ACCOUNT, ROLES_APART, OWN_ROLES for the account of who grants, or
        ROLES_CHANGED when they are others than were seen.
        """
        wanted, by = frozenset(roles), audit.officer(granted_by)
        refuse_roles(wanted, username)
        async with self._db.session(SYSTEM) as session:
            await accounts.lock(session, username)
            account = await accounts.by_username(session, username)
            if account is None:
                raise Refused("UNKNOWN_ACCOUNT")
            if (code := refusal(AccountAct.ROLES, account, by)) is not None:
                raise Refused(code)
            if seen is not None and account.roles == wanted:
                return account
            if seen is not None and account.roles != seen:
                raise Refused("ROLES_CHANGED")
            await accounts.set_roles(session, account.account_id, wanted)
            await accounts.end_sessions(session, account.account_id)
            before = sorted(account.roles)
            await _on_accounts(session, by, "ROLES_GRANTED", account.account_id, before=before, after=sorted(wanted))
        return replace(account, roles=wanted)

    async def load(
        self,
        tree: Iterable[NewUnit],
        people: Iterable[NewAccount],
        *,
        by: str | None = None,
        invented_people: bool = False,
    ) -> Loaded:
        """Add what is missing and bring the rest up to date; passwords of existing accounts stay. All or nothing.

        ``invented_people``: of the demonstration or a test, where one person is all of them: nobody takes an account
        over. No command and no interface sets it.
        Raises Refused BAD_UNIT, UNKNOWN_UNIT or ROLES_APART; its ``extra`` names the row.
        """
        tree, people = list(tree), list(people)
        for person in people:
            refuse_roles(person.roles, person.username)
        known = {account.username: account for account in await self.accounts()}
        fresh = [person for person in people if person.username.lower() not in known]
        made_up = {person.username: secrets.token_urlsafe(12) for person in fresh if person.password is None}
        # Hashing takes long: not within the transaction.
        hashed = await asyncio.gather(*(hash_password(person.password or made_up[person.username]) for person in fresh))
        async with self._db.session(SYSTEM) as session:
            for new in tree:
                await self._put_unit(session, new, by)
            for person, password in zip(fresh, hashed, strict=True):
                await self._add_account(session, person, password, self._until(), by)
            for person in people:
                account = known.get(person.username.lower())
                if account is not None and set(account.roles) != set(person.roles):
                    await accounts.set_roles(session, account.account_id, person.roles)
                    before, after = sorted(account.roles), sorted(person.roles)
                    await _on_accounts(session, by, "ROLES_GRANTED", account.account_id, before=before, after=after)
            if invented_people:
                await accounts.take_over(session, [person.username for person in people])
        return Loaded(len(tree), len(people), made_up)

    def _until(self) -> datetime:
        return datetime.now(UTC) + self._first_password

    async def _put_unit(self, session: AsyncSession, new: NewUnit, by: str | None) -> None:
        unit = await self._placed(session, new)
        if await units.insert(session, unit):
            await _on_units(session, by, "UNIT_ADDED", unit)
            return
        known = await units.get(session, new.unit_id)
        if known is None or known.path != unit.path:
            raise Refused("BAD_UNIT", extra={"unit_id": new.unit_id})
        await units.update(session, unit)
        as_filed = {name: getattr(known, name) for name in ("active", "successor_id", "stands_for", "successor_asked")}
        if known != replace(unit, **as_filed):
            await _on_units(session, by, "UNIT_CHANGED", unit)

    @staticmethod
    async def _placed(session: AsyncSession, new: NewUnit) -> Unit:
        is_department = new.kind is UnitKind.DEPARTMENT
        if is_department != (new.department is not None) or (new.department or "WJ") not in departments():
            raise Refused("BAD_UNIT", extra={"unit_id": new.unit_id})
        path: tuple[str, ...] = ()
        stands_for: tuple[str, ...] = ()
        if new.parent_id is not None:
            parent = await units.get(session, new.parent_id)
            if parent is None or not parent.active or new.unit_id in parent.path:
                raise Refused("BAD_UNIT", extra={"unit_id": new.unit_id})
            path, stands_for = parent.path, parent.stands_for
        return Unit(
            unit_id=new.unit_id,
            name=new.name,
            level=new.level,
            kind=new.kind,
            region=new.region,
            path=(*path, new.unit_id),
            department=new.department,
            on_system=new.on_system,
            stands_for=stands_for,
        )

    @staticmethod
    async def _add_account(
        session: AsyncSession, new: NewAccount, hashed: str, until: datetime, by: str | None, key: UUID | None = None
    ) -> str:
        unit = await units.get(session, new.unit_id) if new.unit_id is not None else None
        if new.unit_id is not None and (unit is None or not unit.active):
            raise Refused("UNKNOWN_UNIT", extra={"username": new.username})
        account_id = f"a-{(key or uuid4()).hex[:16]}"
        added = await accounts.insert(
            session,
            account_id=account_id,
            username=new.username,
            name=new.name,
            unit_id=new.unit_id,
            password_hash=hashed,
            password_until=until,
            # The first ones have nobody who could vouch for them but who runs the machine.
            vouched=by is None and not ADMINISTRATORS.isdisjoint(new.roles),
        )
        if not added:
            there = await accounts.by_username(session, new.username)
            if there is not None and there.account_id == account_id:
                return account_id
            raise Refused("ALREADY_EXISTS")
        await accounts.set_roles(session, account_id, new.roles)
        await _on_accounts(session, by, "ACCOUNT_ADDED", account_id, unit=new.unit_id, roles=sorted(new.roles))
        return account_id


async def _on_units(session: AsyncSession, by: str | None, action: str, unit: Unit, **more: str) -> None:
    """Put an act on a unit on record: its class and place, never its name."""
    entry = audit.Entry(
        chain=audit.of_area("units"),
        actor=by or audit.operator(),
        action=action,
        subject=unit.unit_id,
        details={
            "level": unit.level.value,
            "kind": unit.kind.value,
            "region": unit.region,
            "department": unit.department,
            "parent": unit.path[-2] if len(unit.path) > 1 else None,
            "on_system": unit.on_system,
            **more,
        },
    )
    await audit.record(session, entry)


async def _on_accounts(
    session: AsyncSession, by: str | None, action: str, account_id: str, **details: str | bool | list[Role] | None
) -> None:
    """Put an act on an account on record, by the account's id."""
    entry = audit.Entry(
        chain=audit.of_area("accounts"),
        actor=by or audit.operator(),
        action=action,
        subject=account_id,
        details=details,
    )
    await audit.record(session, entry)


def refuse_roles(roles: Iterable[Role], username: str) -> None:
    """Raises Refused ROLES_APART unless an administrator has that one role and nothing else."""
    wanted = set(roles)
    if Role.ADMIN in wanted or (wanted & ADMINISTRATORS and len(wanted) > 1):
        raise Refused("ROLES_APART", extra={"username": username})


def _shaped(value: object, pattern: str, field: str) -> str:
    if not re.fullmatch(pattern, str(value)):
        raise ValueError(f"{field} {value!r} does not have the form {pattern}")
    return str(value)


def read_tree(content: Any) -> tuple[list[NewUnit], list[NewAccount]]:
    """Units and accounts of a loaded YAML file; raises KeyError, TypeError or ValueError for one that does not fit.

    ``units: [{unit_id, name, level, kind, region, department?, parent_id?, on_system?}]``,
    ``accounts: [{username, name, unit_id?, roles, password?}]``; a ``password`` at the top holds for all without one.
    """
    if not isinstance(content, dict):
        raise ValueError("the file holds no mapping with units and accounts")
    tree = [
        NewUnit(
            unit_id=_shaped(row["unit_id"], UNIT_ID, "unit_id"),
            name=_shaped(row["name"], NAME, "name"),
            level=Level(row["level"]),
            kind=UnitKind(row["kind"]),
            region=_shaped(row["region"], REGION, "region"),
            department=row.get("department"),
            parent_id=row.get("parent_id"),
            on_system=bool(row.get("on_system", True)),
        )
        for row in content.get("units") or ()
    ]
    people = [
        NewAccount(
            username=_shaped(row["username"], USERNAME, "username"),
            name=_shaped(row["name"], NAME, "name"),
            unit_id=row.get("unit_id"),
            roles=tuple(Role(role) for role in row["roles"]),
            password=row.get("password") or content.get("password"),
        )
        for row in content.get("accounts") or ()
    ]
    return tree, people
