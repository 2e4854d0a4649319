"""Second factors of officers: offered, confirmed by a first code, asked for at the log-in, taken away by a reset."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import audit
from services.chassis.crypto import Keyring
from services.chassis.db import SYSTEM, Database
from services.referrals import second_factor
from services.referrals.keyed import second_factor_aad
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, logins
from services.referrals.service.administering import AccountAct, refusal


class Factor(StrEnum):
    """What stood beside the password."""

    NONE = "NONE"
    CODE = "CODE"
    RECOVERY = "RECOVERY"
    PROVIDER = "PROVIDER"


@dataclass(frozen=True)
class Offer:
    """A secret that is not in use yet: as text, and as the address that the QR code holds."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class SecondFactors:
    """``clock`` gives Unix time. Secrets are sealed under the service's keyring, bound to their account."""

    def __init__(self, db: Database, keyring: Keyring, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._keyring = keyring
        self.clock = clock

    async def fits(self, session: AsyncSession, account_id: str, code: str) -> Factor | None:
        """What the code is, taken in the caller's transaction; NONE for an account without a factor; None: wrong."""
        sealed = await logins.factor(session, account_id, confirmed=True)
        if sealed is None:
            return Factor.NONE
        step = second_factor.step_of(self._open(account_id, sealed), code, self.clock())
        if step is not None:
            return Factor.CODE if await logins.use_step(session, account_id, step) else None
        taken = await logins.use_recovery(session, account_id, second_factor.recovery_hash(account_id, code))
        return Factor.RECOVERY if taken else None

    async def in_use(self, account_id: str) -> bool:
        """Whether the account has one."""
        async with self._db.read(SYSTEM) as session:
            return await logins.factor(session, account_id, confirmed=True) is not None

    async def offer(self, account_id: str, username: str) -> Offer:
        """A new secret, which counts from its first code on. Raises Refused FACTOR_IN_USE."""
        secret = second_factor.new_secret()
        async with self._db.session(SYSTEM) as session:
            sealed = self._keyring.encrypt(secret, second_factor_aad(account_id))
            if not await logins.offer(session, account_id, sealed):
                raise Refused("FACTOR_IN_USE")
        return Offer(second_factor.as_text(secret), second_factor.uri(secret, username))

    async def offered(self, account_id: str, username: str) -> Offer | None:
        """The secret that was offered and waits for its first code."""
        async with self._db.read(SYSTEM) as session:
            sealed = await logins.factor(session, account_id, confirmed=False)
        if sealed is None:
            return None
        secret = self._open(account_id, sealed)
        return Offer(second_factor.as_text(secret), second_factor.uri(secret, username))

    async def confirm(self, session: AsyncSession, account_id: str, code: str) -> list[str]:
        """Put the offered secret to use; its recovery codes, which are shown this once. Raises Refused WRONG_CODE."""
        sealed = await logins.factor(session, account_id, confirmed=False)
        step = second_factor.step_of(self._open(account_id, sealed), code, self.clock()) if sealed else None
        if step is None or not await logins.use_step(session, account_id, step):
            raise Refused("WRONG_CODE")
        codes = list(second_factor.recovery_codes())
        hashes = [second_factor.recovery_hash(account_id, recovery) for recovery in codes]
        await logins.give_recovery(session, account_id, hashes)
        entry = audit.Entry(
            chain=audit.of_account(account_id), actor=audit.officer(account_id), action="SECOND_FACTOR_SET"
        )
        await audit.record(session, entry)
        return codes

    async def reset(self, username: str, actor: str) -> None:
        """Take an account's factor away, for who lost it, end its sessions, and let go of its OpenID subject.

        The next one is linked as the first was (`vouching`). Raises Refused UNKNOWN_ACCOUNT, or OWN_ROLES for the
        account of the actor.
        """
        async with self._db.session(SYSTEM) as session:
            account = await accounts.by_username(session, username)
            if account is None:
                raise Refused("UNKNOWN_ACCOUNT")
            if (code := refusal(AccountAct.FACTOR, account, actor)) is not None:
                raise Refused(code)
            done = {
                "SECOND_FACTOR_RESET": await logins.forget_factor(session, account.account_id),
                "OPENID_UNLINKED": await accounts.unlink_subjects(session, account.account_id),
            }
            for action in (action for action, was in done.items() if was):
                await accounts.end_sessions(session, account.account_id)
                entry = audit.Entry(chain=audit.of_account(account.account_id), actor=actor, action=action)
                await audit.record(session, entry)

    def _open(self, account_id: str, sealed: bytes) -> bytes:
        return self._keyring.decrypt(sealed, second_factor_aad(account_id))
