"""Log-in, and who an access token stands for right now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from time import monotonic
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Party, Role
from contracts.messages import Actor
from services.chassis import auth
from services.chassis.auth import ServiceTokens, Unauthenticated
from services.chassis.db import Database, Principal
from services.referrals import permissions
from services.referrals.domain import UnitKind
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, units
from services.referrals.repository.accounts import Account

ACCESS_SECONDS = 12 * 60 * 60
FRESH_SECONDS = 2.0
"""How long a change of an account's roles or units, made elsewhere, takes to be seen."""
_CACHED = 10_000


@dataclass(frozen=True)
class Identity:
    """An account with all units whose cases it may see: its own first, for a supervisor then all below."""

    account: Account
    unit_ids: tuple[str, ...]
    jti: UUID

    @property
    def restricted(self) -> bool:
        """Whether the account belongs to a restricted desk."""
        return self.account.unit_kind == UnitKind.RESTRICTED_DESK

    @cached_property
    def principal(self) -> Principal:
        """For row-level security."""
        return Principal("officer", self.account.account_id, self.unit_ids, self.restricted)

    @cached_property
    def officer(self) -> permissions.Officer:
        """For the rules of who may act. An account without a unit has none of them."""
        return permissions.Officer(self.account.account_id, self.account.unit_id or "", self.account.roles)

    @property
    def actor(self) -> Actor:
        """For the record."""
        return Actor(
            party=Party.OFFICER,
            account_id=self.account.account_id,
            unit_id=self.account.unit_id,
            roles=tuple(sorted(self.account.roles)),
        )

    def require(self, role: Role) -> None:
        """Raises Refused FORBIDDEN without the role."""
        if role not in self.account.roles:
            raise Refused("FORBIDDEN")


class Identities:
    """Sessions of officers."""

    def __init__(self, db: Database, tokens: ServiceTokens) -> None:
        self._db = db
        self._tokens = tokens
        self._recent: dict[str, tuple[float, Identity]] = {}

    async def log_in(self, username: str, password: str) -> tuple[str, Identity]:
        """An access token for 12 hours. Raises Refused BAD_CREDENTIALS, alike for a wrong name and a wrong password."""
        async with self._db.read() as session:
            account = await accounts.by_username(session, username)
        right = await auth.verify_password(account.password_hash if account else None, password)
        if account is None or not right or not account.active:
            raise Refused("BAD_CREDENTIALS")
        fresh = await auth.hash_password(password) if auth.needs_rehash(account.password_hash) else None
        async with self._db.session() as session:
            unit_ids = await self._visible(session, account)
            token = auth.issue_officer(self._tokens, _officer(account, unit_ids), ttl=ACCESS_SECONDS)
            jti = UUID(auth.verify_officer(self._tokens, token).jti)
            expires = datetime.now(UTC) + timedelta(seconds=ACCESS_SECONDS)
            await accounts.open_session(session, jti, account.account_id, expires)
            if fresh is not None:
                await accounts.set_password(session, account.account_id, fresh)
        return token, Identity(account, unit_ids, jti)

    async def of_token(self, token: str) -> Identity:
        """Who the token stands for, with today's roles and units. Raises Unauthenticated, also when it was revoked."""
        now = monotonic()
        recent = self._recent.get(token)
        if recent is not None and recent[0] > now:
            return recent[1]
        identity = await self._look_up(token)
        if len(self._recent) >= _CACHED:
            self._recent.clear()
        self._recent[token] = (now + FRESH_SECONDS, identity)
        return identity

    async def _look_up(self, token: str) -> Identity:
        claims = auth.verify_officer(self._tokens, token)
        jti = UUID(claims.jti)
        async with self._db.read() as session:
            account = await accounts.of_session(session, jti)
            if account is None:
                raise Unauthenticated("the session is over")
            return Identity(account, await self._visible(session, account), jti)

    async def log_out(self, identity: Identity) -> None:
        """End the session; its token is refused from now on."""
        async with self._db.session() as session:
            await accounts.revoke_session(session, identity.jti)
        self._recent = {token: kept for token, kept in self._recent.items() if kept[1].jti != identity.jti}

    @staticmethod
    async def _visible(session: AsyncSession, account: Account) -> tuple[str, ...]:
        if account.unit_id is None:
            return ()
        if Role.SUPERVISOR not in account.roles:
            return (account.unit_id,)
        return tuple(await units.below(session, account.unit_id))


def _officer(account: Account, unit_ids: tuple[str, ...]) -> auth.Officer:
    return auth.Officer(
        account_id=account.account_id,
        name=account.name,
        unit_id=account.unit_id or "",
        unit_ids=unit_ids,
        roles=frozenset(role.value for role in account.roles),
        restricted=account.unit_kind == UnitKind.RESTRICTED_DESK,
        jti="",
    )
