"""Likely duplicates of a case at its triage (查重): same respondents, same reporter, similar text. The officer decides.

What reporters are and write stays with complaints: it names cases that look alike, and row-level security says which of
them this officer is shown.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import httpx
import structlog
from pydantic import BaseModel

from contracts import judge
from contracts.lifecycle import RULE, Act
from services.chassis import audit
from services.chassis.auth import ServiceTokens
from services.chassis.db import SYSTEM, Database
from services.referrals import permissions, views
from services.referrals.refusals import Refused
from services.referrals.repository import cases
from services.referrals.repository.cases import CaseRow, Matter
from services.referrals.service.casebook import Casebook, business_now
from services.referrals.service.identity import Identity
from services.referrals.views import CaseSummary

_CANDIDATES = 200
_SHOWN = 50
_log = structlog.get_logger("huiyin.duplicates")


class Reason(StrEnum):
    """Why a case is thought to be about the same matter."""

    SAME_RESPONDENT = "SAME_RESPONDENT"
    SAME_REPORTER = "SAME_REPORTER"
    SIMILAR_TEXT = "SIMILAR_TEXT"


@dataclass(frozen=True)
class Duplicate:
    """A likely one. ``joinable``: the case may be merged into it as both stand now."""

    case: CaseSummary
    reasons: tuple[Reason, ...]
    joinable: bool


@dataclass(frozen=True)
class Duplicates:
    """The likeliest first. ``complete`` is False while complaints can't be asked about reporters and texts."""

    items: list[Duplicate]
    complete: bool


class _Alike(BaseModel):
    case_id: UUID
    same_reporter: bool
    similar_text: bool


class _Answer(BaseModel):
    items: list[_Alike]


class Searching:
    """The search for duplicates."""

    def __init__(
        self, db: Database, casebook: Casebook, http: httpx.AsyncClient, tokens: ServiceTokens, complaints_url: str
    ) -> None:
        self._db = db
        self._casebook = casebook
        self._http = http
        self._tokens = tokens
        self._url = f"{complaints_url.rstrip('/')}/internal/v1/likeness"

    async def find(self, who: Identity, case_id: UUID, days: int) -> Duplicates:
        """Cases that this one may double; respondents count within ``days`` of it.

        Raises Refused NOT_FOUND, or NO_GRANT when the officer's unit does not have the case in hand.
        """
        async with self._db.read(who.principal) as session:
            case = await self._casebook.must_see(session, case_id)
        if not permissions.may_read_texts(who.officer, case):
            raise Refused("NO_GRANT")
        reasons: dict[UUID, list[Reason]] = {}
        for other in await self._same_matter(case, timedelta(days=days)):
            reasons.setdefault(other, []).append(Reason.SAME_RESPONDENT)
        alike = await self._alike(who, case)
        for other_one in alike or ():
            told = reasons.setdefault(other_one.case_id, [])
            told += [Reason.SAME_REPORTER] * other_one.same_reporter + [Reason.SIMILAR_TEXT] * other_one.similar_text
        for related in (case_id, *case.course.related()):
            reasons.pop(related, None)
        likely = sorted(reasons, key=lambda found: -len(reasons[found]))
        async with self._db.read(who.principal) as session:
            # Row-level security leaves out what is not this officer's to see.
            seen = await cases.of_ids(session, likely)
            now = await business_now(session)
        for found in seen:
            if judge.guarded(case) or judge.guarded(found):
                # Of a guarded case nobody is told whose it is: also where it came as something else.
                reasons[found.facts.case_id] = [
                    why for why in reasons[found.facts.case_id] if why is not Reason.SAME_REPORTER
                ]
        shown = [found for found in seen if reasons[found.facts.case_id]][:_SHOWN]
        shown_ids = [found.facts.case_id for found in shown]
        entry = audit.Entry(
            chain=audit.of_case(case_id),
            actor=audit.officer(who.account.account_id),
            action="DUPLICATES_SEARCHED",
            details={
                "days": days,
                "shown": [str(found) for found in shown_ids],
                "same_reporter": [str(found) for found in shown_ids if Reason.SAME_REPORTER in reasons[found]],
            },
        )
        async with self._db.session(SYSTEM) as session:
            await audit.record(session, entry)
        return Duplicates(
            [
                Duplicate(
                    views.summary(found, who.account.account_id, now),
                    tuple(reasons[found.facts.case_id]),
                    _joinable(case, found),
                )
                for found in shown
            ],
            complete=alike is not None,
        )

    async def _same_matter(self, case: CaseRow, within: timedelta) -> list[UUID]:
        if not case.respondent_units:
            return []
        matter = Matter(case.respondent_units, case.facts.category[:2], case.facts.submitted_at)
        async with self._db.read(SYSTEM) as session:
            found: list[UUID] = await cases.same_matter(session, matter, within, _CANDIDATES)
        return found

    async def _alike(self, who: Identity, case: CaseRow) -> list[_Alike] | None:
        """What complaints says; None when it can't be asked. Of a part that was split off, nothing: its officers know
        an extract only."""
        if case.course.extract is not None:
            return []
        claims = {"case_id": str(case.facts.case_id)}
        token = self._tokens.issue("complaints", "likeness", subject=who.account.account_id, claims=claims)
        try:
            answer = await self._http.post(self._url, headers={"Authorization": f"Bearer {token}"})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            _log.warning("likeness_not_available", case_id=str(case.facts.case_id), exc_info=error)
            return None
        return _Answer.model_validate_json(answer.content).items


def _joinable(case: CaseRow, main: CaseRow) -> bool:
    mergeable = case.stage in RULE[Act.MERGE].stages and main.stage in RULE[Act.ABSORB].stages
    return mergeable and case.facts.track is main.facts.track and case.desk.unit_id == main.desk.unit_id
