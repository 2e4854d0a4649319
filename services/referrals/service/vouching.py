"""Whose account it is, where somebody else set its password: the officer tells the security administrator, in person or
by a telephone number that is known, the code of his own page, and the security administrator says so. Who made the
account can't say it, and who grants its roles has said nothing of it."""

import hashlib
import secrets
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import audit
from services.chassis.db import SYSTEM, Database
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, logins
from services.referrals.repository.accounts import Account
from services.referrals.service.administering import AccountAct, refusal
from services.referrals.service.identity import Identity

_DIGITS = 8
"""Short enough for the telephone; guesses are paused like those of passwords."""


class Vouching:
    """Codes of officers, and the word of the security administrator."""

    def __init__(self, db: Database, pauses: logins.Pauses) -> None:
        self._db = db
        self._pauses = pauses

    async def code(self, who: Identity) -> str | None:
        """What the officer tells, the same until it is used or the password changes; None for whom nobody has to vouch,
        and as long as the password is another's."""
        if not who.must_be_vouched:
            return None
        fresh = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
        async with self._db.session(SYSTEM) as session:
            return await accounts.vouching_code(session, who.account.account_id, fresh)

    async def vouch(self, username: str, code: str, by: Identity) -> Account:
        """Say that the account is its officer's, who told the code; its sessions end, the next one works. On record.

        Raises Refused UNKNOWN_ACCOUNT, or WRONG_VOUCHING_CODE, also in the pause after several, and for a code from
        before the password was set anew.
        """
        told = "".join(filter(str.isdecimal, code))
        async with self._db.session(SYSTEM) as session:
            account = await accounts.by_username(session, username)
            if account is None:
                raise Refused("UNKNOWN_ACCOUNT")
            if (refused := refusal(AccountAct.VOUCH, account, audit.officer(by.account.account_id))) is not None:
                raise Refused(refused)
            counter = _counter(account.account_id)
            paused = await logins.paused(session, counter)
            done = not paused and await accounts.vouch(session, account.account_id, told)
            now = await accounts.by_username(session, username)
            if not done and not account.vouched and now is not None and now.vouched:
                return now  # the same word, sent twice at once
            if done:
                await logins.forget(session, counter)
                await accounts.end_sessions(session, account.account_id)
                await _on_record(session, account, by, "VOUCHED")
            elif (await _count(session, counter, self._pauses, paused=paused)).bit_count() == 1:
                await _on_record(session, account, by, "VOUCHING_REFUSED")
        if not done:
            raise Refused("WRONG_VOUCHING_CODE")
        return replace(account, vouched=True)


async def _count(session: AsyncSession, counter: bytes, pauses: logins.Pauses, *, paused: bool) -> int:
    return await (logins.refused(session, counter) if paused else logins.failed(session, counter, pauses))


async def _on_record(session: AsyncSession, account: Account, by: Identity, action: str) -> None:
    chain, actor = audit.of_account(account.account_id), audit.officer(by.account.account_id)
    await audit.record(session, audit.Entry(chain=chain, actor=actor, action=action))


def _counter(account_id: str) -> bytes:
    """What counts the wrong codes for an account."""
    return hashlib.sha256(f"huiyin/vouching/{account_id}".encode()).digest()
