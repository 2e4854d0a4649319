"""Looking at cases: one case, queues, possible routes, counts, and the grant to read a complaint's text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts import judge
from contracts.lifecycle import Act, HandoverKind, Stage, TaskKind
from contracts.reference import categories, grounds, papers, transfers
from services.chassis.auth import ServiceTokens
from services.chassis.clock import read_clock
from services.chassis.db import SYSTEM, Database
from services.referrals import clock_views, domain, handovers, permissions, views
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.clock_views import CaseClocks
from services.referrals.domain import Hop, Unit
from services.referrals.explaining import Language
from services.referrals.handovers import Candidate, Permit
from services.referrals.paging import Place
from services.referrals.refusals import Refused
from services.referrals.repository import calendars, cases, commands, history, queues, units
from services.referrals.repository.cases import CaseRow
from services.referrals.repository.queues import Page
from services.referrals.service import clocks
from services.referrals.service.foreseeing import Foreseen, Preview, foresee
from services.referrals.service.identity import Identity
from services.referrals.service.texts import Texts
from services.referrals.service.viewing import Viewings
from services.referrals.views import CaseSummary, CaseView

GRANT_SECONDS = 60
GRANT_FIELDS = ("narrative", "wants", "respondents", "supplements", "evidence")


@dataclass(frozen=True)
class Grant:
    """A short-lived permission to read a complaint's text at ``url``."""

    grant: str
    expires_in: int
    url: str


class Casebook:
    """What officers see. Row-level security hides what is not theirs: it looks as if it did not exist."""

    def __init__(
        self, db: Database, texts: Texts, tokens: ServiceTokens, complaints_url: str, viewings: Viewings
    ) -> None:
        self._db = db
        self._texts = texts
        self._tokens = tokens
        self._complaints_url = complaints_url.rstrip("/")
        self._viewings = viewings

    async def view(self, who: Identity, case_id: UUID) -> CaseView:
        """The case page, on record before it is shown; raises Refused NOT_FOUND."""
        async with self._db.read(who.principal) as session:
            found = await cases.record(session, case_id)
            if found is None:
                raise Refused("NOT_FOUND")
            now = await business_now(session)
            seen = await cases.visible_of(session, found.case.course.related())
        case = found.case
        readable = permissions.readable(who.officer, case, [step.step for step in found.steps])
        texts = await self._texts.read_all(case_id) if readable else {}
        await self._viewings.record(who, case_id, case.sequence, readable & texts.keys())
        return views.view(
            case,
            steps=found.steps,
            texts={key: text for key, text in texts.items() if key in readable},
            grants=found.grants,
            respondents=case.respondent_units,
            officer=who.officer,
            now=now,
            seen=seen,
            restricted=who.restricted,
        )

    async def related(self, who: Identity, case_ids: Sequence[UUID]) -> list[CaseSummary]:
        """Those of the cases that the officer sees, in the order given; of the others not even that there are any."""
        async with self._db.read(who.principal) as session:
            return await self._summaries(session, who, await cases.of_ids(session, case_ids))

    async def clocks(self, who: Identity, case_id: UUID, language: Language) -> CaseClocks:
        """The case's running clocks, each recounted and explained; raises Refused NOT_FOUND."""
        base = StateCouncilCalendar()
        async with self._db.read(who.principal) as session:
            case = await self.must_see(session, case_id)
            now = await business_now(session)
            holder = (await units.known(session, [case.holder.unit_id])) if case.holder else {}
            versions = {clock.deadline.calendar_version for clock in case.clocks}
            by = {version: await calendars.of_version(session, base, version) for version in versions}
            latest = await calendars.current(session, base)
        department = next((unit.department for unit in holder.values()), None)
        facts = clocks.Facts(case.facts.track, case.facts.channel, case.facts.category, department)
        explained = [
            clocks.explain(clock, facts, by[clock.deadline.calendar_version] or latest, clocks.events_of(clock))
            for clock in case.clocks
        ]
        explained.sort(key=lambda found: found.running.deadline.due_at)
        items = [clock_views.explained_clock(found, now, language) for found in explained]
        return CaseClocks(items=items, business_time=now)

    async def must_see(self, session: AsyncSession, case_id: UUID) -> CaseRow:
        """The case's row; raises Refused NOT_FOUND when there is none, or none for this principal."""
        case = await cases.get(session, case_id)
        if case is None:
            raise Refused("NOT_FOUND")
        return case

    async def by_number(self, who: Identity, case_number: str) -> list[CaseSummary]:
        """The cases of a complaint's number that the officer sees."""
        async with self._db.read(who.principal) as session:
            return await self._summaries(session, who, await cases.by_number(session, case_number))

    async def rest_of(self, who: Identity, case_id: UUID, case_number: str) -> UUID | None:
        """The case with the rest of the submission from which this one was split off at its desk, where the number is
        theirs; who split it need not see it any more. Raises Refused NOT_FOUND."""
        async with self._db.read(who.principal) as session:
            case = await self.must_see(session, case_id)
        origin = case.course.origin_case
        if origin is None or case.facts.case_number != case_number:
            return None
        async with self._db.read(SYSTEM) as session:
            return origin if await history.was_split(session, origin, case.desk.unit_id) else None

    async def queue(
        self,
        who: Identity,
        limit: int,
        after: Place | None,
        *,
        mine: bool,
        kind: TaskKind | None = None,
        stage: Stage | None = None,
    ) -> tuple[list[CaseSummary], Place | None]:
        """Open tasks, urgent cases first, then by due time: those the officer has claimed, or all of the unit."""
        async with self._db.read(who.principal) as session:
            found, following = await queues.queue(
                session,
                Page(limit, after),
                unit_id=None if mine else who.officer.unit_id,
                assignee=who.account.account_id if mine else None,
                kind=kind,
                stage=stage,
            )
            return await self._summaries(session, who, found), following

    async def visible(
        self, who: Identity, limit: int, after: UUID | None, stage: Stage | None
    ) -> tuple[list[CaseSummary], UUID | None]:
        """All cases that the officer sees, by id."""
        async with self._db.read(who.principal) as session:
            found, following = await cases.visible(session, limit, after, stage=stage)
            return await self._summaries(session, who, found), following

    async def routes(
        self, who: Identity, case_id: UUID, *, to_desk: bool = False, act: Act | None = None
    ) -> list[Candidate]:
        """Units that may receive the case, best first, then those that may not, with why; raises Refused NOT_FOUND.

        By ``act`` the kinds of hand-over that the matrix permits are named, and what it refuses.
        """
        async with self._db.read(who.principal) as session:
            case = await self.must_see(session, case_id)
            every = await units.everything(session)
            desks = to_desk or act is Act.HAND_TO_DESK
            hop = await self.hop(session, case, who.officer.unit_id, to_desk=desks, act=act)
        request = case.course.request
        agreed = request.unit.unit_id if request is not None and request.approved and request.unit else None
        return handovers.candidates(every, hop, transfers(), agreed)

    async def preview(self, who: Identity, case_id: UUID, wanted: Preview) -> Foreseen:
        """What a hand-over would do to each clock, before it is sent; raises Refused NOT_FOUND or why it may not go."""
        async with self._db.read(who.principal) as session:
            case = await self.must_see(session, case_id)
            unit_id, act = wanted.unit_id, wanted.act
            if judge.refusal(act, who.officer, case) == judge.ILLEGAL_ACT:
                raise Refused(judge.ILLEGAL_ACT)
            permit = await self.refuse_route(session, case, act, who, unit_id, wanted.kind)
            found = await units.known(session, [unit_id])
            calendar = await calendars.current(session, StateCouncilCalendar())
            now = await business_now(session)
        kind = permit.kind if permit is not None else None
        return Foreseen(kind, foresee(case, act, kind, found[unit_id], now, calendar))

    async def units_of(self, unit_ids: Iterable[str]) -> dict[str, Unit]:
        """Those of the units that there are, by id."""
        async with self._db.read(SYSTEM) as session:
            return await units.known(session, unit_ids)

    async def accusable(self, who: Identity, case_id: UUID) -> list[Unit]:
        """Units that may be linked as respondents, the likely ones first; raises Refused NOT_FOUND."""
        async with self._db.read(who.principal) as session:
            case = await self.must_see(session, case_id)
            return domain.accusable(await units.everything(session), case.facts.region)

    async def hop(
        self,
        session: AsyncSession,
        case: CaseRow,
        sender: str,
        *,
        to_desk: bool,
        act: Act | None = None,
        kind: HandoverKind | None = None,
        receiver: str | None = None,
    ) -> Hop:
        """The hand-over of a case by a unit, as the rules judge it."""
        request = case.course.request
        agreed = request.unit if request is not None and request.approved else None
        return Hop(
            track=case.facts.track,
            category=categories()[case.facts.category],
            region=case.facts.region,
            sender=(await units.known(session, [sender])).get(sender),
            to_desk=to_desk,
            linked=case.linked,
            respondents=case.respondent_units,
            act=act,
            kind=kind,
            approved=agreed is not None and agreed.unit_id == receiver,
            restricted=case.course.restricted,
        )

    async def refuse_route(
        self,
        session: AsyncSession,
        case: CaseRow,
        act: Act,
        who: Identity,
        unit_id: str,
        kind: HandoverKind | None,
        ground: str | None = None,
    ) -> Permit | None:
        """The permit of the hand-over; raises Refused when the unit may not receive the case by this act, kind and
        ground."""
        hop = await self.hop(
            session,
            case,
            who.officer.unit_id,
            to_desk=act is Act.HAND_TO_DESK,
            act=act,
            kind=kind,
            receiver=unit_id,
        )
        unit = (await units.known(session, [unit_id])).get(unit_id)
        refusal = domain.refuse(unit, hop)
        judged = handovers.judge(unit, hop, transfers()) if unit is not None and refusal is None else None
        if isinstance(judged, domain.Refusal):
            refusal = judged
        if refusal is not None:
            gone = unit if refusal is domain.Refusal.SUCCEEDED else None
            raise Refused(refusal.value, extra={"successor_id": gone.successor_id} if gone is not None else None)
        permit = judged if isinstance(judged, Permit) else None
        use = handovers.ground_use(act, permit.kind if permit is not None else None)
        unfit = handovers.refuse_ground(ground, use, unit, grounds())
        if unfit is not None:
            raise Refused(unfit.value, extra={"field": "ground"})
        return permit

    async def refuse_papers(
        self, session: AsyncSession, unit_id: str, permit: Permit | None, given: Sequence[str]
    ) -> None:
        """Raises Refused when a referral to the unit can't go with these papers."""
        unit = (await units.known(session, [unit_id]))[unit_id]
        wanting = handovers.refuse_papers(given, permit, unit, papers())
        if wanting is not None:
            raise Refused(wanting, extra={"field": "papers"})

    async def refuse_link(self, session: AsyncSession, case: CaseRow, unit_ids: Sequence[str]) -> None:
        """Raises Refused when the units can't be linked as respondents."""
        found = await units.known(session, [*unit_ids, case.desk.unit_id])
        desk: Unit | None = found.get(case.desk.unit_id)
        refusal = domain.refuse_link(desk, judge.guarded(case), list(found.values()), unit_ids)
        if refusal is not None:
            raise Refused(refusal.value)

    async def counts(self, who: Identity) -> list[dict[str, object]]:
        """How many cases the officer sees in each stage."""
        async with self._db.read(who.principal) as session:
            return [dict(row) for row in await cases.counts(session)]

    async def grant(
        self,
        who: Identity,
        case_id: UUID,
        purpose: str,
        fields: Sequence[str] = GRANT_FIELDS,
        words: Sequence[str] = (),
        *,
        masked: bool = False,
    ) -> Grant:
        """Let the officer read the complaint's text once, within a minute; the grant is on record before it is given.
        ``words``: what the vault has signed about a file as it came. ``masked``: who asks shows it without numbers and
        own names.

        Raises Refused NOT_FOUND, or NO_GRANT when the officer's unit is neither the case's desk nor its holder.
        """
        async with self._db.read(who.principal) as session:
            case = await self.must_see(session, case_id)
        if not permissions.may_read_texts(who.officer, case):
            raise Refused("NO_GRANT")
        if case.course.extract is not None:
            raise Refused("EXTRACT_ONLY")
        token = self._tokens.issue(
            "complaints",
            "narrative",
            subject=who.account.account_id,
            ttl=GRANT_SECONDS,
            claims={
                "case_id": str(case_id),
                "unit_id": who.officer.unit_id,
                "reason": purpose,
                "fields": list(fields),
                "words": list(words),
            },
        )
        jti = UUID(self._tokens.verify(token, "complaints").jti)
        async with self._db.session(SYSTEM) as session:
            await commands.log_grant(
                session,
                grant_id=jti,
                case_id=case_id,
                account_id=who.account.account_id,
                unit_id=who.officer.unit_id,
                purpose=purpose,
                fields=fields,
                masked=masked,
            )
        return Grant(token, GRANT_SECONDS, f"{self._complaints_url}/v1/narratives")

    async def _summaries(self, session: AsyncSession, who: Identity, found: list[CaseRow]) -> list[CaseSummary]:
        now = await business_now(session)
        return [views.summary(case, who.account.account_id, now) for case in found]


async def business_now(session: AsyncSession) -> datetime:
    """What the business clock shows."""
    return (await read_clock(session)).to_business(datetime.now(UTC))
