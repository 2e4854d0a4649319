"""Passwords: an officer sets his own; one that an administrator sets is good once, for a time, and on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from contracts.lifecycle import ADMINISTRATORS
from services.chassis import audit, auth
from services.chassis.db import SYSTEM, Database
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, logins
from services.referrals.service.administering import AccountAct, refusal
from services.referrals.service.identity import Identities, Identity, of_session, open_to_password

SHORTEST = 10
LONGEST = 200


async def reset(db: Database, username: str, password: str, valid: timedelta, *, by: str) -> None:
    """Set somebody else's password, for once and a time; the account's sessions end and nobody vouches for it any more.

    An administrator's is set at the machine alone, which vouches for it (`administering.refusal`). Raises Refused
    UNKNOWN_ACCOUNT, OWN_PASSWORD or ADMINISTRATORS_PASSWORD.
    """
    hashed = await auth.hash_password(password)
    async with db.session(SYSTEM) as session:
        account = await accounts.by_username(session, username)
        if account is None:
            raise Refused("UNKNOWN_ACCOUNT")
        if (code := refusal(AccountAct.PASSWORD, account, by)) is not None:
            raise Refused(code)
        until = datetime.now(UTC) + valid
        vouched = not ADMINISTRATORS.isdisjoint(account.roles)
        await accounts.others_password(session, account.account_id, hashed, until, vouched=vouched)
        await accounts.end_sessions(session, account.account_id)
        await logins.forget_offer(session, account.account_id)
        chain = audit.of_account(account.account_id)
        details = {"until": until.isoformat(timespec="seconds")}
        await audit.record(session, audit.Entry(chain=chain, actor=by, action="PASSWORD_RESET", details=details))


class Passwords:
    """``valid``: how long a password that an administrator sets opens the setting of an own one."""

    def __init__(self, db: Database, identities: Identities, valid: timedelta) -> None:
        self._db = db
        self._identities = identities
        self._valid = valid

    async def reset(self, username: str, password: str, by: Identity) -> None:
        """By an administrator, never of the own account; raises Refused."""
        await reset(self._db, username, password, self._valid, by=audit.officer(by.account.account_id))

    async def set_own(self, who: Identity, current: str, new: str) -> tuple[str, Identity]:
        """The officer's own password from now on: every session ends, and this one goes on with a new token.

        Raises Refused WRONG_PASSWORD, which counts as a failed log-in of this session, PASSWORD_TOO_SHORT or
        SAME_PASSWORD.
        """
        if not SHORTEST <= len(new) <= LONGEST:
            raise Refused("PASSWORD_TOO_SHORT")
        if new == current or new.lower() == who.account.username:
            raise Refused("SAME_PASSWORD")
        async with self._db.read(SYSTEM) as session:
            account = await accounts.by_username(session, who.account.username)
        if account is None or not open_to_password(account):
            raise Refused("WRONG_PASSWORD")
        right = await auth.verify_password(account.password_hash, current)
        hashed = await auth.hash_password(new) if right else ""
        counter, entered = of_session(who.jti), None
        async with self._db.session(SYSTEM) as session:
            paused = await logins.paused(session, counter)
            # Of two at once the first sets it: the other's is no longer the password that is changed.
            if right and not paused and await accounts.own_password(session, account, hashed):
                await accounts.end_sessions(session, account.account_id)
                own = replace(account, password_hash=hashed, password_until=None)
                entered = await self._identities.open(session, own, who.factor)
                chain, actor = audit.of_account(account.account_id), audit.officer(account.account_id)
                await audit.record(session, audit.Entry(chain=chain, actor=actor, action="PASSWORD_SET"))
            elif not paused:
                await logins.failed(session, counter, self._identities.policy.pauses)
        if entered is None:
            raise Refused("WRONG_PASSWORD")
        self._identities.forget(who)
        return entered
