"""Answering reporters about their own data: whose word it is, by this service's rules; requests and data are elsewhere.

The supervisor or leader of the desk that has the case answers (个人信息保护法 art. 50: the handler itself does, with
its reasons). The vault hears it first where an identity is concerned: its first word stands, so that a repeated answer
or another officer's can't undo what was done.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import httpx
import structlog

from contracts.model import Contract
from contracts.reference import clock_rule
from contracts.rights import (
    ANSWER,
    DECIDE,
    LIST,
    OF_IDENTITY,
    Answered,
    Counted,
    Decided,
    Ground,
    Right,
    RightRequest,
    RightRequests,
    RightState,
    WaitingOf,
)
from services.chassis.auth import ServiceTokens
from services.chassis.db import SYSTEM, Database, one
from services.chassis.outages import EngineAway
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import count
from services.referrals.openings import AT_DESK
from services.referrals.refusals import TEXTS, Refused
from services.referrals.repository import calendars, cases
from services.referrals.repository.cases import CaseRow
from services.referrals.service.casebook import Casebook, business_now
from services.referrals.service.identity import Identity
from services.referrals.views import CaseSummary

Read = TypeVar("Read", bound=Contract)
_DESTROYS = frozenset({Right.CORRECTION, Right.DELETION})
_CASES, _PAGE = 5_000, 50
"""So many cases are asked about at a time, and so many requests are on a page."""
_log = structlog.get_logger("huiyin.rights")


@dataclass(frozen=True)
class Asked:
    """A request that waits for this officer's answer, with a case of it."""

    request: RightRequest
    case: CaseSummary


class AnsweringRights:
    """Each method raises Refused, and EngineAway when complaints or the vault can't be reached."""

    def __init__(
        self,
        db: Database,
        casebook: Casebook,
        http: httpx.AsyncClient,
        tokens: ServiceTokens,
        complaints_url: str,
        vault_url: str,
        *,
        told_within: timedelta,
    ) -> None:
        """`told_within`: so long after it was asked a correction is granted at the earliest."""
        self._told_within = told_within
        self._db, self._casebook, self._http, self._tokens = db, casebook, http, tokens
        self._complaints, self._vault = complaints_url.rstrip("/"), vault_url.rstrip("/")

    async def date(self, clock_id: str, started_at: datetime) -> Counted:
        """When a clock that starts then ends, as it is worded then. Raises KeyError for none of the table."""
        rule = clock_rule(clock_id, started_at)
        if rule is None:
            raise KeyError(clock_id)
        async with self._db.read(SYSTEM) as session:
            calendar = await calendars.current(session, StateCouncilCalendar())
        counted = count(rule, started_at, (), calendar)
        assert counted.due is not None
        return Counted(due_at=counted.due, article=rule.basis()[:120], provisional=counted.provisional)

    async def waiting(self, who: Identity, after: UUID | None = None) -> tuple[list[Asked], UUID | None]:
        """A page of what this officer may answer, the oldest first, from after a request; and where the next begins."""
        unit = who.officer.unit_id
        if not who.officer.roles & AT_DESK or unit is None:
            return [], None
        async with self._db.read(who.principal) as session:
            own = await cases.of_desk(session, unit)
        found: list[RightRequest] = []
        for start in range(0, len(own), _CASES):
            asked = WaitingOf(case_ids=own[start : start + _CASES], after=after, limit=_PAGE + 1)
            answer: RightRequests = await self._tell(
                who, self._complaints, "complaints", "/internal/v1/rights/waiting", LIST, None, RightRequests,
                asked.model_dump(mode="json"),
            )  # fmt: skip
            found += answer.items
        page = sorted({item.request_id: item for item in found}.values(), key=lambda it: (it.asked_at, it.request_id))
        following = page[_PAGE - 1].request_id if len(page) > _PAGE else None
        mine = []
        async with self._db.read(who.principal) as session:
            for item in page[:_PAGE]:
                if (case := await self._answerable(session, who, item)) is not None:
                    mine.append((item, case.facts.case_id))
        shown = {case.case_id: case for case in await self._casebook.related(who, [case_id for _, case_id in mine])}
        return [Asked(item, shown[case_id]) for item, case_id in mine if case_id in shown], following

    async def answer(
        self, who: Identity, request_id: UUID, *, granted: bool, ground: Ground | None, text: str
    ) -> RightRequest:
        """This officer's answer, which is final. The same again changes nothing."""
        if who.unproved is not None:
            raise Refused(who.unproved)
        if granted != (ground is None):
            raise Refused("RIGHTS_GROUND")
        request, case_id = await self._asked(who, request_id)
        said = Decided(
            request_id=request_id,
            complaint_id=request.complaint_id,
            case_id=case_id,
            kind=request.kind,
            granted=granted,
        )
        if granted and request.kind in _DESTROYS:
            await self._destroy(who, request, said)
        elif request.kind in OF_IDENTITY:
            await self._decide(who, said)
        answered = Answered(request_id=request_id, granted=granted, ground=ground)
        taken: RightRequest = await self._tell(
            who, self._complaints, "complaints", "/internal/v1/rights/answers", ANSWER, answered, RightRequest,
            {"text": text},
        )  # fmt: skip
        return taken

    async def _asked(self, who: Identity, request_id: UUID) -> tuple[RightRequest, UUID]:
        """A request that waits for this officer's answer, with its case at the officer's desk."""
        if not who.officer.roles & AT_DESK:
            raise Refused("RIGHTS_UNKNOWN")
        request: RightRequest = await self._tell(
            who, self._complaints, "complaints", f"/internal/v1/rights/requests/{request_id}", LIST, None, RightRequest
        )
        async with self._db.read(who.principal) as session:
            case = await self._answerable(session, who, request)
        if case is None or request.state is not RightState.WAITING:
            raise Refused("RIGHTS_UNKNOWN")
        return request, case.facts.case_id

    async def _destroy(self, who: Identity, request: RightRequest, said: Decided) -> None:
        """A yes after which the identity is no more what it was: no hold is on the case, and none can be set until it
        is done. The address left before heard of a correction, or had the time to."""
        async with self._db.session(SYSTEM) as session:
            held = await one(session, "SELECT keep_legal_holds($1)", list(request.case_ids))
            if held is None or held[0]:
                raise Refused("RIGHTS_HELD")
            early = await business_now(session) < request.asked_at + self._told_within
            if request.kind is Right.CORRECTION and early:
                raise Refused("RIGHTS_EARLY")
            await self._decide(who, said)

    async def _decide(self, who: Identity, said: Decided) -> None:
        await self._tell(who, self._vault, "vault", "/v1/rights/decisions", DECIDE, said, None)

    async def _answerable(self, session: Any, who: Identity, item: RightRequest) -> CaseRow | None:
        """The first case of the request that the officer sees, at whose desk he answers."""
        for case in await cases.of_ids(session, list(item.case_ids)):
            desk = case.desk.unit_id if case.desk else None
            if desk == who.officer.unit_id and who.officer.account_id not in case.course.barred:
                return case
        return None

    async def _tell(
        self,
        who: Identity,
        url: str,
        service: str,
        path: str,
        purpose: str,
        claims: Contract | None,
        answer: type[Read] | None,
        body: dict[str, Any] | None = None,
    ) -> Any:
        token = self._tokens.issue(
            service,
            purpose,
            subject=who.account.account_id,
            claims=claims.model_dump(mode="json") if claims is not None else {},
        )
        try:
            got = await self._http.post(url + path, headers={"Authorization": f"Bearer {token}"}, json=body)
        except httpx.TransportError as error:
            raise EngineAway("vault" if service == "vault" else "peer") from error
        if got.status_code >= 500 or got.status_code == 401:
            _log.warning("rights_not_taken", status=got.status_code)
            raise EngineAway("vault" if service == "vault" else "peer")
        if got.status_code >= 400:
            code = str(got.json().get("code", "")).removeprefix("RIGHTS_")
            raise Refused(f"RIGHTS_{code}" if f"RIGHTS_{code}" in TEXTS else "NOT_FOUND")
        return answer.model_validate_json(got.content) if answer is not None else None
