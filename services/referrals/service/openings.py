"""Opening a reporter's identity: who may, by this service's rules; the request, its decision and its readings are the
vault's, which keeps them and believes a second person's own word only. Nothing of the identity is kept here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID, uuid5

import httpx
import structlog

from contracts import judge
from contracts.model import Contract
from contracts.openings import (
    ASK,
    DECIDE,
    ORIGINAL,
    ORIGINALS,
    READ,
    RECORD,
    WAITING,
    Ask,
    Decide,
    Denial,
    OfCase,
    OfUnit,
    Opening,
    Openings,
    OpeningState,
    Read,
    ReadOriginal,
    Revealed,
    Word,
)
from contracts.reference import opening_purposes
from services.chassis.auth import ServiceTokens
from services.chassis.db import SYSTEM, Database, Principal
from services.chassis.outages import EngineAway
from services.referrals import openings as rules
from services.referrals.domain import UnitKind
from services.referrals.refusals import TEXTS, Refused
from services.referrals.repository import accounts, cases, units
from services.referrals.repository.accounts import Account
from services.referrals.repository.cases import CaseRow
from services.referrals.service.casebook import Casebook
from services.referrals.service.identity import Identity
from services.referrals.views import CaseSummary

TTL_SECONDS = 30
Answer = TypeVar("Answer", bound=Contract)
Paths = Mapping[str, Collection[str]]
"""Units, each with those above it."""
_log = structlog.get_logger("huiyin.openings")


@dataclass(frozen=True)
class Shown:
    """The openings of a case as an officer sees them. ``names`` of the officers in it; ``decidable`` and ``readable``:
    what this officer may decide and look at now; ``unproved``: why he must prove himself before (Identity.unproved)."""

    record: Openings
    names: Mapping[str, str]
    may_ask: bool
    decidable: frozenset[UUID]
    readable: frozenset[UUID]
    unproved: str | None = None


@dataclass(frozen=True)
class Waits:
    """A request that waits for this officer's word."""

    opening: Opening
    case: CaseSummary


class IdentityOpenings:
    """Each method raises Refused, and EngineAway("vault") when the vault can't be reached."""

    def __init__(
        self, db: Database, casebook: Casebook, http: httpx.AsyncClient, tokens: ServiceTokens, vault_url: str
    ) -> None:
        self._db = db
        self._casebook = casebook
        self._http = http
        self._tokens = tokens
        self._url = f"{vault_url.rstrip('/')}/v1/openings"

    async def of_case(self, who: Identity, case_id: UUID) -> Shown:
        """The record, for everybody who may see the case; raises Refused NOT_FOUND."""
        async with self._db.read(who.principal) as session:
            case = await self._casebook.must_see(session, case_id)
        return await self._shown(who, case, await self._record(who, case_id))

    async def ask(self, who: Identity, case_id: UUID, key: UUID, aim: str, complaint_id: UUID | None = None) -> Opening:
        """Ask to see the identity of a complaint of the case (the first, when none is named).

        It is refused at once, on record, when there is no second person. The same key again is the same request.
        """
        _proved(who)
        async with self._db.read(who.principal) as session:
            case = await self._casebook.must_see(session, case_id)
        if (refusal := rules.refuse_ask(who.officer, case)) is not None:
            raise Refused(refusal)
        wanted = complaint_id or case.facts.complaint_ids[0]
        if wanted not in case.facts.complaint_ids:
            raise Refused("NOT_FOUND")
        asked = Ask(
            opening_id=uuid5(case_id, f"opening/{who.account.account_id}/{key}"),
            case_id=case_id,
            complaint_id=wanted,
            unit_id=who.officer.unit_id,
            aim=aim,
            decides_unit=await self._decides(who, case),
        )
        return await self._tell(who, "POST", "", ASK, asked, Opening)

    async def decide(
        self, who: Identity, case_id: UUID, opening_id: UUID, *, granted: bool, denial: Denial | None = None
    ) -> Opening:
        """The second person's word, which is final."""
        _proved(who)
        async with self._db.read(who.principal) as session:
            case = await self._casebook.must_see(session, case_id)
        opening = _of(await self._record(who, case_id), opening_id)
        refusal = await self._refuse_decision(who, case, opening, granted=granted)
        if refusal is not None:
            raise Refused(refusal)
        said = Decide(
            opening_id=opening_id, case_id=case_id, unit_id=who.officer.unit_id, granted=granted, denial=denial
        )
        return await self._tell(who, "POST", "/decision", DECIDE, said, Opening)

    async def read(self, who: Identity, case_id: UUID, opening_id: UUID) -> Revealed:
        """What the purpose shows of the identity; on record before it is opened."""
        _proved(who)
        async with self._db.read(who.principal) as session:
            case = await self._casebook.must_see(session, case_id)
        if (refusal := rules.refuse_ask(who.officer, case)) is not None:
            raise Refused(refusal)
        wanted = Read(opening_id=opening_id, case_id=case_id)
        return await self._tell(who, "POST", "/reading", READ, wanted, Revealed)

    async def original(self, who: Identity, case_id: UUID, evidence_id: UUID) -> tuple[str, list[str]]:
        """What for, and the vault's words that the file may go to this officer: one of each identity that is open to
        him for a purpose with originals, since the vault knows whose file it is as little as we. On record."""
        _proved(who)
        shown = await self.of_case(who, case_id)
        looked = [item for item in shown.record.items if item.opening_id in shown.readable]
        if not looked:
            raise Refused("ORIGINAL_NEEDS_OPENING")
        purposes = opening_purposes()
        fit = [item for item in looked if item.aim in purposes and ORIGINALS in purposes[item.aim].fields]
        if not fit:
            raise Refused("OPENING_NO_ORIGINAL")
        wanted = {item.complaint_id: item for item in reversed(fit)}.values()
        said = [
            await self._tell(
                who, "POST", "/original", ORIGINAL,
                ReadOriginal(opening_id=item.opening_id, case_id=case_id, evidence_id=evidence_id), Word,
            )
            for item in wanted
        ]  # fmt: skip
        return fit[0].aim, [word.word for word in said]

    async def waiting(self, who: Identity) -> list[Waits] | None:
        """What waits for this officer's word, oldest first; None when the vault is away."""
        if who.account.unit_id is None or not who.officer.roles & rules.AT_DESK:
            return []
        try:
            found = await self._tell(who, "GET", "/waiting", WAITING, OfUnit(unit_id=who.officer.unit_id), Openings)
        except EngineAway as error:
            _log.warning("openings_not_available", exc_info=error)
            return None
        if not found.items:
            return []
        async with self._db.read(who.principal) as session:
            seen = {case.facts.case_id: case for case in await cases.of_ids(session, [o.case_id for o in found.items])}
        paths = await self._paths(seen.values())
        mine = [o for o in found.items if o.case_id in seen and _may_decide(who, seen[o.case_id], o, paths)]
        shown = {case.case_id: case for case in await self._casebook.related(who, [o.case_id for o in mine])}
        return [Waits(opening, shown[opening.case_id]) for opening in mine if opening.case_id in shown]

    async def _refuse_decision(self, who: Identity, case: CaseRow, opening: Opening, *, granted: bool) -> str | None:
        """Why this officer, by today's unit and roles, may not say so of a request that stands as it was made."""
        async with self._db.read(SYSTEM) as session:
            today = await accounts.of_ids(session, [who.account.account_id, opening.officer])
        own = today.get(who.account.account_id)
        if own is None:
            return judge.NOT_YOUR_UNIT
        officer, now = replace(who, account=own).officer, _deciding(case, opening.unit_id, await self._paths([case]))
        refusal = rules.refuse_decision(officer, case, opening.officer, opening.decides_unit, now)
        if refusal is not None or not granted:
            return refusal
        asker = today.get(opening.officer)
        by = replace(who, account=asker).officer if asker is not None else None
        return rules.refuse_yes(by, case, opening.unit_id)

    async def _paths(self, held: Iterable[CaseRow]) -> Paths:
        """The holders of cases, each with the units above it."""
        holders = [case.holder.unit_id for case in held if case.holder is not None]
        async with self._db.read(SYSTEM) as session:
            return {unit_id: unit.path for unit_id, unit in (await units.known(session, holders)).items()}

    async def _decides(self, who: Identity, case: CaseRow) -> str | None:
        """The unit that decides, when somebody is there who may: active, in the role, known to be himself (vouched for,
        or the provider's), not accused, not the asker."""
        unit_id = _deciding(case, who.officer.unit_id, await self._paths([case]))
        async with self._db.read(SYSTEM) as session:
            people = await accounts.of_unit(session, unit_id)
        for person in people:
            known = person.vouched or person.provided
            fits = known and person.roles & rules.roles_of(case, unit_id)
            if not fits or person.account_id in (
                *case.course.barred,
                who.account.account_id,
            ):
                continue
            async with self._db.read(_principal(person, unit_id)) as session:
                if await cases.get(session, case.facts.case_id) is not None:
                    return unit_id
        return None

    async def _shown(self, who: Identity, case: CaseRow, record: Openings) -> Shown:
        people = {item.officer for item in record.items}
        people |= {item.decision.officer for item in record.items if item.decision and item.decision.officer}
        people |= {attempt.officer for item in record.items for attempt in item.attempts}
        async with self._db.read(SYSTEM) as session:
            names = await accounts.names(session, people)
        may_ask = rules.refuse_ask(who.officer, case) is None
        paths = await self._paths([case])
        return Shown(
            record,
            names,
            may_ask,
            frozenset(
                item.opening_id
                for item in record.items
                if item.state(record.now) is OpeningState.WAITING and _may_decide(who, case, item, paths)
            ),
            frozenset(
                item.opening_id
                for item in record.items
                if may_ask and item.officer == who.account.account_id and item.state(record.now) is OpeningState.GRANTED
            ),
            who.unproved,
        )

    async def _record(self, who: Identity, case_id: UUID) -> Openings:
        return await self._tell(who, "GET", "", RECORD, OfCase(case_id=case_id), Openings)

    async def _tell(
        self, who: Identity, method: str, path: str, purpose: str, claims: Contract, answer: type[Answer]
    ) -> Answer:
        token = self._tokens.issue(
            "vault", purpose, subject=who.account.account_id, ttl=TTL_SECONDS, claims=claims.model_dump(mode="json")
        )
        try:
            got = await self._http.request(method, self._url + path, headers={"Authorization": f"Bearer {token}"})
        except httpx.TransportError as error:
            raise EngineAway("vault") from error
        if got.status_code >= 500 or got.status_code == 401:
            _log.warning("vault_refuses_us", status=got.status_code)
            raise EngineAway("vault")
        if got.status_code >= 400:
            code = f"OPENING_{got.json().get('code', '')}"
            raise Refused(code if code in TEXTS else "NOT_FOUND")
        return answer.model_validate_json(got.content)


def _proved(who: Identity) -> None:
    """Raises Refused for a session that does not prove the officer (Identity.unproved)."""
    if who.unproved is not None:
        raise Refused(who.unproved)


def _of(record: Openings, opening_id: UUID) -> Opening:
    found = next((item for item in record.items if item.opening_id == opening_id), None)
    if found is None:
        raise Refused("OPENING_UNKNOWN_OPENING")
    return found


def _may_decide(who: Identity, case: CaseRow, opening: Opening, paths: Paths) -> bool:
    now = _deciding(case, opening.unit_id, paths)
    return rules.refuse_decision(who.officer, case, opening.officer, opening.decides_unit, now) is None


def _deciding(case: CaseRow, asking_unit: str, paths: Paths) -> str:
    path = paths.get(case.holder.unit_id, ()) if case.holder is not None else ()
    return rules.deciding(case, asking_unit, path, case.respondent_units)


def _principal(person: Account, unit_id: str) -> Principal:
    return Principal("officer", person.account_id, (unit_id,), person.unit_kind == UnitKind.RESTRICTED_DESK)
