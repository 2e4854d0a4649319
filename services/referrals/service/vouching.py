"""Whose account it is, where somebody else set its password: the officer tells the security administrator, in person or
by a telephone number that is known, the code of his own page, and the security administrator says so. Who made the
account can't say it, and who grants its roles has said nothing of it. Whom the OpenID provider names by an account's
user name is known in the same way, or by the officer himself, who is logged in by his password."""

import hashlib
import secrets
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.lifecycle import ADMINISTRATORS
from services.chassis import audit
from services.chassis.db import SYSTEM, Database
from services.referrals.refusals import Refused
from services.referrals.repository import accounts, logins
from services.referrals.repository.accounts import Account
from services.referrals.service.administering import AccountAct, refusal
from services.referrals.service.identity import Identity
from services.referrals.service.openid import Person
from services.referrals.service.second_factors import Factor

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
        async with self._db.session(SYSTEM) as session:
            return await accounts.vouching_code(session, who.account.account_id, _fresh())

    async def claim(self, person: Person) -> str:
        """What a person whom the provider names by an account's user name tells, the same until it is used or he has
        another name. Raises Refused OPENID_UNKNOWN: the name is nobody's, or somebody's already."""
        fresh = _fresh()
        async with self._db.session(SYSTEM) as session:
            account = await accounts.by_username(session, person.username)
            if account is None or not account.active:
                raise Refused("OPENID_UNKNOWN")
            code = await accounts.claim(session, person.issuer, person.subject, account.account_id, fresh)
            if code is None:
                raise Refused("OPENID_UNKNOWN")
            if code == fresh:
                await _on_record(session, account, account, "OPENID_CLAIMED")
        return code

    async def link(self, who: Identity, code: str) -> None:
        """The officer himself, logged in by his password, says that he is who was shown the code; on record.

        Raises Refused FORBIDDEN for another session, or one that opens nothing but its own set-up; or
        WRONG_VOUCHING_CODE, also in the pause after several, and for an account that is linked.
        """
        if not who.settled or who.factor is Factor.PROVIDER:
            raise Refused("FORBIDDEN")
        async with self._db.session(SYSTEM) as session:
            counter = _counter(who.account.account_id)
            paused = await logins.paused(session, counter)
            done = not paused and await accounts.link_claim(session, who.account.account_id, _digits(code))
            if done:
                await logins.forget(session, counter)
                await _on_record(session, who.account, who.account, "OPENID_LINKED")
            else:
                await _count(session, counter, self._pauses, paused=paused)
        if not done:
            raise Refused("WRONG_VOUCHING_CODE")

    async def vouch(self, username: str, code: str, by: Identity) -> Account:
        """Say that the account is its officer's, who told the code; its sessions end, the next one works. On record.

        The code of who came from the provider links him, where nobody was vouched for before: an account that an
        officer has is linked by himself alone (`link`), and so is an administrator's.

        Raises Refused UNKNOWN_ACCOUNT, or WRONG_VOUCHING_CODE, also in the pause after several, and for a code from
        before the password was set anew.
        """
        told = _digits(code)
        async with self._db.session(SYSTEM) as session:
            account = await accounts.by_username(session, username)
            if account is None:
                raise Refused("UNKNOWN_ACCOUNT")
            if (refused := refusal(AccountAct.VOUCH, account, audit.officer(by.account.account_id))) is not None:
                raise Refused(refused)
            counter = _counter(account.account_id)
            paused = await logins.paused(session, counter)
            done = not paused and await accounts.vouch(session, account.account_id, told)
            new = not account.vouched and not account.roles & ADMINISTRATORS
            linked = not paused and not done and new and await accounts.link_claim(session, account.account_id, told)
            now = await accounts.by_username(session, username)
            if not done and not linked and not account.vouched and now is not None and now.vouched:
                return now  # the same word, sent twice at once
            if done or linked:
                await logins.forget(session, counter)
                await accounts.end_sessions(session, account.account_id)
                await _on_record(session, account, by.account, "VOUCHED" if done else "OPENID_LINKED")
            elif (await _count(session, counter, self._pauses, paused=paused)).bit_count() == 1:
                await _on_record(session, account, by.account, "VOUCHING_REFUSED")
        if not done and not linked:
            raise Refused("WRONG_VOUCHING_CODE")
        return replace(account, vouched=done, provided=linked or account.provided)


def _fresh() -> str:
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


def _digits(code: str) -> str:
    return "".join(filter(str.isdecimal, code))


async def _count(session: AsyncSession, counter: bytes, pauses: logins.Pauses, *, paused: bool) -> int:
    return await (logins.refused(session, counter) if paused else logins.failed(session, counter, pauses))


async def _on_record(session: AsyncSession, account: Account, by: Account, action: str) -> None:
    chain, actor = audit.of_account(account.account_id), audit.officer(by.account_id)
    await audit.record(session, audit.Entry(chain=chain, actor=actor, action=action))


def _counter(account_id: str) -> bytes:
    """What counts the wrong codes for an account."""
    return hashlib.sha256(f"huiyin/vouching/{account_id}".encode()).digest()
