"""Accounts, their roles and their sessions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import ADMINISTRATORS, Role
from services.referrals.repository.sql import Row, execute, one, rows


@dataclass(frozen=True)
class Account:
    """An officer's account; ``unit_kind`` and ``unit_name`` are those of its unit, None for one without a unit."""

    account_id: str
    username: str
    name: str
    unit_id: str | None
    unit_name: str | None
    unit_kind: str | None
    active: bool
    password_hash: str
    roles: frozenset[Role]
    password_until: datetime | None
    """Until when the password, which somebody else set, opens the setting of an own one; None: it is the officer's."""
    vouched: bool
    """Whether the security administrator said that the account is its officer's, since another set its password."""
    provided: bool
    """Whether it is linked to a person of the OpenID provider."""

    @property
    def working_roles(self) -> frozenset[Role]:
        """The roles in which the account works on cases: an administrator has none."""
        return self.roles - ADMINISTRATORS - {Role.ADMIN}


_SELECT = """
SELECT a.account_id, a.username, a.name, a.unit_id, a.active, a.password_hash, a.password_until, a.vouched,
       u.name AS unit_name, u.kind AS unit_kind,
       EXISTS (SELECT FROM openid_subjects AS p WHERE p.account_id = a.account_id) AS provided,
       ARRAY(SELECT role FROM account_roles AS r WHERE r.account_id = a.account_id ORDER BY role) AS roles
FROM accounts AS a LEFT JOIN units AS u USING (unit_id)
"""
_OF_SESSION = f"{_SELECT} JOIN sessions AS s ON s.account_id = a.account_id".replace(" AS roles", " AS roles, s.factor")


def _account(row: Row) -> Account:
    return Account(
        account_id=row["account_id"],
        username=row["username"],
        name=row["name"],
        unit_id=row["unit_id"],
        unit_name=row["unit_name"],
        unit_kind=row["unit_kind"],
        active=row["active"],
        password_hash=row["password_hash"],
        roles=frozenset(Role(role) for role in row["roles"]),
        password_until=row["password_until"],
        vouched=row["vouched"],
        provided=row["provided"],
    )


async def by_username(session: AsyncSession, username: str) -> Account | None:
    """The account of a user name, in any case of letters. Other scripts' look-alikes are nobody's name."""
    if not username.isascii():
        return None
    row = await one(session, f"{_SELECT} WHERE a.username = lower($1)", username)
    return _account(row) if row else None


async def unchanged(session: AsyncSession, seen: Account) -> Account | None:
    """The account as it is now, kept so until the transaction ends; None when it was closed, or its password changed,
    since it was seen."""
    row = await one(
        session,
        f"{_SELECT} WHERE a.account_id = $1 AND a.password_hash = $2 AND a.active FOR UPDATE OF a",
        seen.account_id,
        seen.password_hash,
    )
    return _account(row) if row else None


async def of_session(session: AsyncSession, jti: UUID, idle: timedelta) -> tuple[Account, str] | None:
    """The active account of a session that is neither revoked, nor over, nor was unused for so long; and what stood
    beside the password when it was opened."""
    row = await one(
        session,
        f"{_OF_SESSION}"
        " WHERE s.jti = $1 AND s.revoked_at IS NULL AND s.expires_at > now() AND a.active"
        " AND s.last_seen_at > now() - $2::interval",
        jti,
        idle,
    )
    return (_account(row), str(row["factor"])) if row else None


async def barred_from(session: AsyncSession, account_id: str) -> list[UUID]:
    """The cases that an account must not know of."""
    found = await rows(session, "SELECT case_id FROM case_excluded WHERE account_id = $1 ORDER BY case_id", account_id)
    return [row["case_id"] for row in found]


async def known_ids(session: AsyncSession, account_ids: Iterable[str | None]) -> set[str]:
    """Those of the ids that are accounts."""
    wanted = [account_id for account_id in account_ids if account_id is not None]
    found = await rows(session, "SELECT account_id FROM accounts WHERE account_id = ANY ($1::text[])", wanted)
    return {row["account_id"] for row in found}


async def names(session: AsyncSession, account_ids: Iterable[str]) -> dict[str, str]:
    """The names of accounts, by id."""
    found = await rows(
        session, "SELECT account_id, name FROM accounts WHERE account_id = ANY ($1::text[])", list(account_ids)
    )
    return {row["account_id"]: row["name"] for row in found}


async def everybody(session: AsyncSession) -> list[Account]:
    """All accounts, by user name."""
    return [_account(row) for row in await rows(session, f"{_SELECT} ORDER BY a.username")]


async def by_id(session: AsyncSession, account_id: str) -> Account | None:
    """The account of an id."""
    row = await one(session, f"{_SELECT} WHERE a.account_id = $1", account_id)
    return _account(row) if row else None


async def lock(session: AsyncSession, username: str) -> None:
    """Let who else changes the account wait until the transaction ends."""
    await rows(session, "SELECT FROM accounts WHERE username = lower($1) FOR UPDATE", username)


class AccountState(StrEnum):
    """How an account stands, as administrators look for it."""

    ACTIVE = "ACTIVE"
    GIVEN = "GIVEN"
    """The password is one that an administrator set."""
    UNVOUCHED = "UNVOUCHED"
    NO_ROLE = "NO_ROLE"
    LEFT = "LEFT"


_STANDS = {
    None: "true",
    AccountState.ACTIVE: "a.active",
    AccountState.GIVEN: "a.active AND a.password_until IS NOT NULL",
    AccountState.UNVOUCHED: "a.active AND NOT a.vouched",
    AccountState.NO_ROLE: "a.active AND NOT EXISTS (SELECT FROM account_roles AS r WHERE r.account_id = a.account_id)",
    AccountState.LEFT: "NOT a.active",
}


async def found(session: AsyncSession, text: str, state: AccountState | None, after: str, limit: int) -> list[Account]:
    """Accounts after a user name, by user name, that have the text in their names, or in their unit's name or id."""
    listed = await rows(
        session,
        f"{_SELECT} WHERE {_STANDS[state]} AND a.username > $2 AND ($1 = '' OR strpos(a.username, lower($1)) > 0"
        " OR strpos(lower(a.name), lower($1)) > 0 OR strpos(lower(u.name), lower($1)) > 0 OR a.unit_id = $1)"
        " ORDER BY a.username LIMIT $3",
        text,
        after,
        limit,
    )
    return [_account(row) for row in listed]


async def of_ids(session: AsyncSession, account_ids: Iterable[str]) -> dict[str, Account]:
    """The active ones of these accounts, by id."""
    wanted = f"{_SELECT} WHERE a.account_id = ANY ($1::text[]) AND a.active"
    return {row["account_id"]: _account(row) for row in await rows(session, wanted, list(account_ids))}


async def of_unit(session: AsyncSession, unit_id: str) -> list[Account]:
    """The active accounts of a unit."""
    found = await rows(session, f"{_SELECT} WHERE a.unit_id = $1 AND a.active ORDER BY a.account_id", unit_id)
    return [_account(row) for row in found]


async def insert(
    session: AsyncSession,
    *,
    account_id: str,
    username: str,
    name: str,
    unit_id: str | None,
    password_hash: str,
    password_until: datetime,
    vouched: bool,
) -> bool:
    """Add an account; False when the user name or id is taken."""
    return bool(
        await execute(
            session,
            "INSERT INTO accounts (account_id, username, name, unit_id, password_hash, password_until, vouched)"
            " VALUES ($1, lower($2), $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            account_id,
            username,
            name,
            unit_id,
            password_hash,
            password_until,
            vouched,
        )
    )


async def close(session: AsyncSession, account_id: str, heir_id: str | None) -> None:
    """Let an account act no more, end its sessions, and note who takes its tasks."""
    await execute(
        session, "UPDATE accounts SET active = false, heir_id = $2 WHERE account_id = $1", account_id, heir_id
    )
    await end_sessions(session, account_id)


async def rehash_password(session: AsyncSession, account_id: str, password_hash: str) -> None:
    """Replace the hash of the same password, in the transaction that saw it `unchanged`."""
    await execute(session, "UPDATE accounts SET password_hash = $2 WHERE account_id = $1", account_id, password_hash)


async def own_password(session: AsyncSession, account: Account, password_hash: str) -> bool:
    """The officer sets his own; False when another password was set since the account was read."""
    return bool(
        await execute(
            session,
            "UPDATE accounts SET password_hash = $3, password_until = NULL, vouching_code = NULL"
            " WHERE account_id = $1 AND password_hash = $2 AND active",
            account.account_id,
            account.password_hash,
            password_hash,
        )
    )


async def others_password(
    session: AsyncSession, account_id: str, password_hash: str, until: datetime, *, vouched: bool
) -> None:
    """Somebody else sets it, for once and until then; what was said of the account before holds no more."""
    await execute(
        session,
        "UPDATE accounts SET password_hash = $2, password_until = $3, vouched = $4, vouching_code = NULL"
        " WHERE account_id = $1",
        account_id,
        password_hash,
        until,
        vouched,
    )


async def take_over(session: AsyncSession, usernames: Iterable[str]) -> None:
    """As if these officers had set their own passwords and been vouched for."""
    await execute(
        session,
        "UPDATE accounts SET password_until = NULL, vouched = true, vouching_code = NULL"
        " WHERE username = ANY ($1::text[])",
        [username.lower() for username in usernames],
    )


async def vouching_code(session: AsyncSession, account_id: str, fresh: str) -> str | None:
    """The code that the officer tells, which is ``fresh`` when there is none yet; None for an account that is vouched
    for, or whose password another set."""
    row = await one(
        session,
        "UPDATE accounts SET vouching_code = COALESCE(vouching_code, $2)"
        " WHERE account_id = $1 AND NOT vouched AND password_until IS NULL AND active RETURNING vouching_code",
        account_id,
        fresh,
    )
    return str(row["vouching_code"]) if row else None


async def vouch(session: AsyncSession, account_id: str, code: str) -> bool:
    """Vouch for the account whose officer told this code, which is used up; False when it is not his."""
    return bool(
        await execute(
            session,
            "UPDATE accounts SET vouched = true, vouching_code = NULL"
            " WHERE account_id = $1 AND vouching_code = $2 AND password_until IS NULL AND active",
            account_id,
            code,
        )
    )


async def set_roles(session: AsyncSession, account_id: str, roles: Iterable[Role]) -> None:
    """Make these the account's roles."""
    wanted = sorted(role.value for role in roles)
    await execute(
        session, "DELETE FROM account_roles WHERE account_id = $1 AND role <> ALL ($2::text[])", account_id, wanted
    )
    await execute(
        session,
        "INSERT INTO account_roles SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
        account_id,
        wanted,
    )


async def open_session(session: AsyncSession, jti: UUID, account_id: str, expires_at: datetime, factor: str) -> None:
    """Record a log-in; ``factor``: what stood beside the password."""
    await execute(
        session,
        "INSERT INTO sessions (jti, account_id, expires_at, factor) VALUES ($1, $2, $3, $4)",
        jti,
        account_id,
        expires_at,
        factor,
    )


async def of_subject(session: AsyncSession, issuer: str, subject: str) -> Account | None:
    """The account of a person of the OpenID provider."""
    row = await one(
        session,
        f"{_SELECT} JOIN openid_subjects AS o ON o.account_id = a.account_id WHERE o.issuer = $1 AND o.subject = $2",
        issuer,
        subject,
    )
    return _account(row) if row else None


async def claim(session: AsyncSession, issuer: str, subject: str, account_id: str, fresh: str) -> str | None:
    """The code of a person of the provider who comes under the account's user name: ``fresh`` when it is the first;
    None for an account that is somebody's already."""
    row = await one(
        session,
        "INSERT INTO openid_claims AS c (issuer, subject, account_id, code) SELECT $1, $2, $3, $4"
        " WHERE NOT EXISTS (SELECT FROM openid_subjects WHERE issuer = $1 AND account_id = $3)"
        " ON CONFLICT (issuer, subject) DO UPDATE SET account_id = excluded.account_id,"
        " code = CASE WHEN c.account_id = excluded.account_id THEN c.code ELSE excluded.code END RETURNING code",
        issuer,
        subject,
        account_id,
        fresh,
    )
    return str(row["code"]) if row else None


async def link_claim(session: AsyncSession, account_id: str, code: str) -> bool:
    """Give the account to the person of the provider who was shown this code, which ends all claims to it; False when
    nobody was, or it is somebody's already."""
    linked = await execute(
        session,
        "INSERT INTO openid_subjects (issuer, subject, account_id)"
        " SELECT c.issuer, c.subject, a.account_id FROM openid_claims AS c JOIN accounts AS a USING (account_id)"
        " WHERE c.account_id = $1 AND c.code = $2 AND a.active ON CONFLICT DO NOTHING",
        account_id,
        code,
    )
    if linked:
        await execute(session, "DELETE FROM openid_claims WHERE account_id = $1", account_id)
    return bool(linked)


async def unlink_subjects(session: AsyncSession, account_id: str) -> bool:
    """The account is no OpenID subject's any more; False when it was none's."""
    return bool(await execute(session, "DELETE FROM openid_subjects WHERE account_id = $1", account_id))


async def end_sessions(session: AsyncSession, account_id: str) -> None:
    """End every session of an account."""
    await execute(
        session, "UPDATE sessions SET revoked_at = now() WHERE account_id = $1 AND revoked_at IS NULL", account_id
    )


async def use_session(session: AsyncSession, jti: UUID) -> None:
    """Note that a session is used."""
    await execute(session, "UPDATE sessions SET last_seen_at = now() WHERE jti = $1 AND revoked_at IS NULL", jti)


async def revoke_session(session: AsyncSession, jti: UUID) -> None:
    """End a session; ending it twice is harmless."""
    await execute(session, "UPDATE sessions SET revoked_at = now() WHERE jti = $1 AND revoked_at IS NULL", jti)
