"""A new query code for a named reporter who has lost theirs, sent to the address that they left and shown to nobody.

Who asks gives name and phone or identity number; their keyed marks are compared, no identity is opened. That alone is
worth nothing: the code goes to the address in the vault (实名 is a name with a way to reach who bears it:
纪检监察机关处理检举控告工作规则 art. 24). The old code holds until the new one is first used: or whoever knows a
colleague's name and number could lock the colleague out. Anonymous complaints have no such marks.

Nobody who works on the case learns of any of it: or an officer would ask in one colleague's name after the other until
something moves. What came of a request is in the audit alone.
"""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.complaints import CodeReissued
from services.chassis import audit
from services.chassis.backoff import Backoff
from services.chassis.db import Database
from services.chassis.outages import engine_away
from services.chassis.outbox import emit
from services.complaints import domain, repository, repository_guesses, repository_reissues
from services.complaints.domain import Refusal
from services.complaints.likeness import Likeness
from services.complaints.reporters import now
from services.complaints.repository_guesses import Guess
from services.complaints.repository_reissues import Asked, Match
from services.complaints.schemas import ReissueAsk
from services.complaints.sealing import Sealer
from services.complaints.service import new_id

_MOST = 5
"""So many complaints of one person get a code by one request, the newest."""
_POLL_SECONDS = 10.0
_NO_SUCH = "-"
_log = structlog.get_logger("huiyin.reissues")


class Reissues:
    """Asking is one statement, whoever asks; what comes of it is worked out later, on a beat that no request sets: how
    long the next answer takes tells nothing either."""

    def __init__(
        self, db: Database, sealer: Sealer, likeness: Likeness, *, every: timedelta, valid: timedelta, most: int
    ) -> None:
        """`every`: a complaint gets one new code in this time; `valid`: for so long it waits for its first use; `most`:
        so many requests with one name, and with one case number, are looked at within 24 hours."""
        self._db = db
        self._sealer = sealer
        self._likeness = likeness
        self._every = every
        self._valid = valid
        self._tries = most

    async def ask(self, ask: ReissueAsk) -> None:
        """Take a request. Raises Refusal (422) when neither number is given; says nothing of whether it matches."""
        marks = self._likeness.of_person(ask.name, phone=ask.phone, id_number=ask.id_number)
        if not marks:
            raise Refusal(
                422,
                "NUMBER_MISSING",
                "请填写提交时留下的电话或身份证件号码。",
                "Give the phone or identity number that you left when you filed.",
                "phone",
            )
        number = (domain.normalise_case_number(ask.case_number) or _NO_SUCH) if ask.case_number else None
        async with self._db.session() as session:
            await repository_reissues.add_ask(session, Asked(new_id(), marks, number, self._likeness.of_name(ask.name)))

    async def run(self) -> None:
        """For ever: look at what was asked; waits with back-off while PostgreSQL is away."""
        backoff = Backoff(0.5, 30.0)
        while True:
            try:
                while await self.step():
                    backoff.reset()
                async with self._db.session() as session:
                    await repository_reissues.forget_codes(session)
                    await repository_guesses.forget(session)
                await asyncio.sleep(_POLL_SECONDS)
            except Exception as error:
                if engine_away(error) is None:
                    raise
                _log.warning("engine_away", engine="postgres", exc_info=error)
                await asyncio.sleep(backoff.next())

    async def step(self) -> bool:
        """Answer the request that has waited longest; False when none waits."""
        async with self._db.session() as session:
            asked = await repository_reissues.take_ask(session)
            if asked is None:
                return False
            if not await self._counted(session, asked):
                _log.info("reissue_too_many")
                return True
            for match in await repository_reissues.matches(session, asked, self._every, _MOST):
                await self._issue(session, match)
        return True

    async def _counted(self, session: AsyncSession, asked: Asked) -> bool:
        """Whether this request is one of the day's that are looked at; then it is counted."""
        by = [(Guess.REISSUE_NAME, asked.name_mark)] if asked.name_mark else []
        if asked.case_number is not None:
            by.append((Guess.REISSUE_NUMBER, asked.case_number.encode()))
        for kind, mark in by:
            if not await repository_guesses.left(session, kind, mark, self._tries):
                return False
        for kind, mark in by:
            await repository_guesses.count(session, kind, mark)
        return True

    async def _issue(self, session: AsyncSession, match: Match) -> None:
        reissue_id, code = new_id(), self._sealer.new_code()
        at = await now(session)
        await repository.in_turn(session, match.complaint_id)
        await repository_reissues.add_code(
            session,
            reissue_id,
            match,
            self._sealer.code_hash(code),
            self._sealer.seal_code(reissue_id, code),
            self._valid,
        )
        event = CodeReissued(complaint_id=match.complaint_id, case_ids=match.case_ids, at=at, reissue_id=reissue_id)
        await emit(session, event.TOPIC, event.key, event, subject=match.case_number)
        for case_id in match.case_ids:
            entry = audit.Entry(
                chain=audit.of_case(case_id),
                actor=audit.service("complaints"),
                action="CODE_REISSUED",
                subject=str(reissue_id),
                details={"complaint": str(match.complaint_id)},
            )
            await audit.record(session, entry)
