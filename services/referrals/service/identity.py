"""Log-in, and who an access token stands for right now."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from time import monotonic
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import Party, Role
from contracts.messages import Actor
from contracts.sessions import Standing
from services.chassis import audit, auth
from services.chassis.auth import ServiceTokens, Unauthenticated
from services.chassis.db import Database, Principal
from services.chassis.settings import Settings
from services.referrals import permissions
from services.referrals.domain import UnitKind
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, logins, units
from services.referrals.repository.accounts import Account
from services.referrals.service.devices import Devices
from services.referrals.service.openid import Person
from services.referrals.service.second_factors import Factor, SecondFactors

ENROL = "enrol"
"""Audience and purpose of a session that can do nothing but set an own password or set up a second factor: other
services refuse it."""
FRESH_SECONDS = 2.0
"""How long a change of an account's roles or units, made elsewhere, takes to be seen."""
_CACHED = 10_000
_USED = 20.0
"""How often it is written down that a session is used."""


@dataclass(frozen=True)
class Identity:
    """An account with all units whose cases it may see: its own first, for a supervisor then all below."""

    account: Account
    """As far as it counts (`_counting`): without roles as long as nobody vouches for it."""
    unit_ids: tuple[str, ...]
    jti: UUID
    factor: Factor = Factor.NONE
    """What stood beside the password when the session was opened."""
    must_enrol: bool = False
    """The session may set up a second factor, and nothing else."""

    @property
    def must_set_password(self) -> bool:
        """Somebody else set the password: the session may set an own one, and nothing else."""
        return self.account.password_until is not None and self.factor is not Factor.PROVIDER

    @property
    def must_be_vouched(self) -> bool:
        """Somebody else set the password, and the security administrator has not said since whose account it is: the
        session may change the own password and set up a second factor, and nothing else."""
        return not _trusted(self.account, self.factor)

    @property
    def settled(self) -> bool:
        """Whether the session is good for more than its own set-up."""
        return not (self.must_set_password or self.must_enrol or self.must_be_vouched)

    @property
    def unproved(self) -> str | None:
        """Why the session is not enough to ask for a reporter's identity, decide on it or see it, a code; None when it
        is: a second factor (or the provider) says that it is the officer."""
        return "OPENING_SECOND_FACTOR" if self.factor is Factor.NONE else None

    @property
    def unit_id(self) -> str | None:
        """The unit in which the account works on cases; None for one that works on none, whatever its unit."""
        return self.account.unit_id if self.account.working_roles else None

    @property
    def restricted(self) -> bool:
        """Whether the account works at a restricted desk."""
        return self.unit_id is not None and self.account.unit_kind == UnitKind.RESTRICTED_DESK

    @cached_property
    def principal(self) -> Principal:
        """For row-level security."""
        return Principal("officer", self.account.account_id, self.unit_ids, self.restricted)

    @cached_property
    def officer(self) -> permissions.Officer:
        """For the rules of who may act. An account that works in no unit has none of them."""
        return permissions.Officer(self.account.account_id, self.unit_id or "", self.account.roles)

    @property
    def actor(self) -> Actor:
        """For the record."""
        return Actor(
            party=Party.OFFICER,
            account_id=self.account.account_id,
            unit_id=self.unit_id,
            roles=tuple(sorted(self.account.roles)),
        )

    def require(self, *roles: Role) -> None:
        """Raises Refused FORBIDDEN without one of the roles."""
        if self.account.roles.isdisjoint(roles):
            raise Refused("FORBIDDEN")


@dataclass(frozen=True)
class Policy:
    """What the agency sets for log-ins."""

    passwords: bool
    factor_required: bool
    idle: timedelta
    longest: timedelta
    pauses: logins.Pauses

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """That of the settings."""
        return cls(
            settings.password_login,
            settings.second_factor == "required",
            timedelta(minutes=settings.session_idle_minutes),
            timedelta(hours=settings.session_hours),
            logins.Pauses(
                settings.login_attempts,
                timedelta(seconds=settings.login_pause_seconds),
                timedelta(seconds=settings.login_pause_max_seconds),
            ),
        )


class Identities:
    """Sessions of officers."""

    def __init__(
        self, db: Database, tokens: ServiceTokens, factors: SecondFactors, devices: Devices, policy: Policy
    ) -> None:
        self._db = db
        self.devices = devices
        self._tokens = tokens
        self._factors = factors
        self.policy = policy
        self._recent: dict[str, tuple[float, Identity]] = {}
        self._used: dict[UUID, float] = {}

    async def log_in(self, username: str, password: str, code: str = "", device: str = "") -> tuple[str, Identity]:
        """An access token. Raises Refused BAD_CREDENTIALS, alike for a wrong name, password or code, and in a pause.

        Raises Refused PASSWORDS_OFF where nobody logs in so. Who has no second factor where one is required gets a
        session that can do nothing but set one up. ``device``: the token of one on which the officer was before; the
        pauses of all others are none of its own.
        """
        if not self.policy.passwords:
            raise Refused("PASSWORDS_OFF")
        async with self._db.read() as session:
            account = await accounts.by_username(session, username)
        right = await auth.verify_password(account.password_hash if account else None, password)
        fresh = None
        if account is not None and right and auth.needs_rehash(account.password_hash):
            fresh = await auth.hash_password(password)
        counter, pauses = self.devices.counter(username, device), self.policy.pauses
        entered: tuple[str, Identity] | None = None
        async with self._db.session() as session:
            paused = await logins.paused(session, counter.key)
            # Hashing took a while: whoever changed the password since has ended the sessions, and opens none after.
            known = await accounts.unchanged(session, account) if account is not None and right and not paused else None
            known = known if known is not None and open_to_password(known) else None
            if known is not None and (factor := await self._factors.fits(session, known.account_id, code)) is not None:
                await logins.forget(session, counter.key)
                if fresh is not None:
                    await accounts.rehash_password(session, known.account_id, fresh)
                    known = replace(known, password_hash=fresh)
                entered = await self.open(session, known, factor)
                await _on_record(session, known.account_id, "LOGGED_IN", factor=factor.value)
            else:
                if paused:
                    times = await logins.refused(session, counter.key)
                else:
                    times = await logins.failed(session, counter.key, pauses, counter.of_name)
                # The 1st, 2nd, 4th, 8th … in a row: a guesser fills no disk, and none goes unseen.
                if account is not None and times.bit_count() == 1:
                    known_device = counter.of_name is not None
                    await _on_record(
                        session, account.account_id, "LOGIN_REFUSED", paused=paused, times=times, device=known_device
                    )
        if entered is None:
            raise Refused("BAD_CREDENTIALS")
        return entered

    async def of_provider(self, person: Person) -> str | None:
        """An access token for whom the OpenID provider vouches, by the account that is his; None: he has none yet, and
        a name that the provider tells, which its users may edit, opens none (`Vouching.claim`).

        Raises Refused OPENID_UNKNOWN for an account that is closed.
        """
        async with self._db.session() as session:
            account = await accounts.of_subject(session, person.issuer, person.subject)
            if account is None:
                return None
            if not account.active:
                raise Refused("OPENID_UNKNOWN")
            token, _ = await self.open(session, account, Factor.PROVIDER)
            await _on_record(session, account.account_id, "LOGGED_IN", factor=Factor.PROVIDER.value)
        return token

    async def open(self, session: AsyncSession, account: Account, factor: Factor) -> tuple[str, Identity]:
        """A new session in the caller's transaction, for an account that has proved who it is."""
        account = _counting(account, factor)
        unit_ids = await self._visible(session, account)
        seconds = int(self.policy.longest.total_seconds())
        made = Identity(account, unit_ids, UUID(int=0), factor, self.policy.factor_required and factor is Factor.NONE)
        if not made.settled:
            token = self._tokens.issue(ENROL, ENROL, subject=account.account_id, ttl=seconds)
            jti = UUID(self._tokens.verify(token, ENROL).jti)
        else:
            token = auth.issue_officer(self._tokens, _officer(made), ttl=seconds)
            jti = UUID(auth.verify_officer(self._tokens, token).jti)
        until = datetime.now(UTC) + self.policy.longest
        await accounts.open_session(session, jti, account.account_id, until, factor.value)
        return token, replace(made, jti=jti)

    async def of_token(self, token: str, *, active: bool = True) -> Identity:
        """Who the token stands for, with today's roles and units. Raises Unauthenticated, also when it was revoked, or
        was not used for too long; a page that refreshes itself uses nothing (``active`` False)."""
        now = monotonic()
        recent = self._recent.get(token)
        if recent is not None and recent[0] > now and not (active and self._used.get(recent[1].jti, 0) < now - _USED):
            return recent[1]
        identity = await self._look_up(token, active=active)
        if len(self._recent) >= _CACHED:
            self._recent.clear()
            self._used.clear()
        if active:
            self._used[identity.jti] = now
        self._recent[token] = (now + FRESH_SECONDS, identity)
        return identity

    async def _look_up(self, token: str, *, active: bool) -> Identity:
        try:
            claims, limited = self._tokens.verify(token, ENROL, issuer=self._tokens.name, purpose=ENROL), True
            jti = UUID(claims.jti)
        except Unauthenticated:
            jti, limited = UUID(auth.verify_officer(self._tokens, token).jti), False
        async with self._db.read() as session:
            found = await accounts.of_session(session, jti, self.policy.idle)
            if found is None:
                raise Unauthenticated("the session is over")
            factor = Factor(found[1])
            account = _counting(found[0], factor)
            settled = account.password_until is None and account.vouched
            enrolling = limited and (settled or self.policy.factor_required)
            identity = Identity(
                account, await self._visible(session, account), jti, factor, enrolling and factor is Factor.NONE
            )
        if active and self._used.get(jti, 0) < monotonic() - _USED:
            async with self._db.session() as session:
                await accounts.use_session(session, jti)
        return identity

    async def standing(self, jti: UUID) -> Standing | None:
        """Who a session stands for now, for other services; None when it is over, or opens nothing but its own set-up.
        To be asked about is no use of a session."""
        async with self._db.read() as session:
            found = await accounts.of_session(session, jti, self.policy.idle)
            if found is None:
                return None
            factor = Factor(found[1])
            account = _counting(found[0], factor)
            identity = Identity(account, await self._visible(session, account), jti, factor)
            unproved = self.policy.factor_required and factor is Factor.NONE
            if identity.must_set_password or identity.must_be_vouched or unproved:
                return None
            barred = await accounts.barred_from(session, account.account_id)
        return Standing(
            account_id=account.account_id,
            name=account.name,
            unit_id=identity.unit_id,
            unit_ids=identity.unit_ids,
            roles=tuple(sorted(account.roles)),
            restricted=identity.restricted,
            barred_cases=tuple(barred),
        )

    async def enrol(self, identity: Identity, code: str) -> tuple[str, list[str]]:
        """Put the offered second factor to use: a new token in place of the session's, and the recovery codes.

        Raises Refused WRONG_CODE; each counts as a failed log-in.
        """
        account, counter = identity.account, of_session(identity.jti)
        async with self._db.session() as session:
            paused = await logins.paused(session, counter)
            try:
                codes = await self._factors.confirm(session, account.account_id, "" if paused else code)
            except Refused:
                codes = []
                await logins.failed(session, counter, self.policy.pauses)
            else:
                # Those that were opened by the password alone end with the one in hand.
                await accounts.end_sessions(session, account.account_id)
                token, _ = await self.open(session, account, Factor.CODE)
        if not codes:
            raise Refused("WRONG_CODE")
        self.forget(identity)
        return token, codes

    async def log_out(self, identity: Identity) -> None:
        """End the session; its token is refused from now on."""
        async with self._db.session() as session:
            await accounts.revoke_session(session, identity.jti)
            await _on_record(session, identity.account.account_id, "LOGGED_OUT")
        self.forget(identity)

    def forget(self, identity: Identity) -> None:
        """Look the session up anew when it is used next."""
        self._recent = {token: kept for token, kept in self._recent.items() if kept[1].jti != identity.jti}

    @staticmethod
    async def _visible(session: AsyncSession, account: Account) -> tuple[str, ...]:
        if account.unit_id is None or not account.working_roles:
            return ()
        if Role.SUPERVISOR not in account.roles:
            return (account.unit_id,)
        return tuple(await units.below(session, account.unit_id))


def _officer(who: Identity) -> auth.Officer:
    return auth.Officer(
        account_id=who.account.account_id,
        name=who.account.name,
        unit_id=who.unit_id or "",
        unit_ids=who.unit_ids,
        roles=frozenset(role.value for role in who.account.roles),
        restricted=who.restricted,
        jti="",
    )


def _trusted(account: Account, factor: Factor) -> bool:
    """Whether a second person, or the provider at this log-in, stands for whose account it is: who knows a password
    because he set it is nobody else by that."""
    return account.vouched or factor is Factor.PROVIDER


def _counting(account: Account, factor: Factor) -> Account:
    """The account as far as it counts: an untrusted one has no role, so that it sees and does nothing."""
    return account if _trusted(account, factor) else replace(account, roles=frozenset())


def open_to_password(account: Account) -> bool:
    """Whether a password opens the account: one that another set does for a time."""
    until = account.password_until
    return account.active and (until is None or until > datetime.now(UTC))


async def _on_record(session: AsyncSession, account_id: str, action: str, **details: str | int) -> None:
    entry = audit.Entry(
        chain=audit.of_account(account_id), actor=audit.officer(account_id), action=action, details=details
    )
    await audit.record(session, entry)


def of_session(jti: UUID) -> bytes:
    """What counts the failures within a session: nobody else's hold its officer up."""
    return hashlib.sha256(f"huiyin/session/{jti}".encode()).digest()
