"""A reporter's rights in the own data (个人信息保护法 arts. 44–48), asked for with the code, answered by an officer.

The code opens no identity: who asks for something that touches one also gives name and number, whose keyed marks are
compared. The report's text and whom it accuses are in no copy: they are other people's data, and who answers online
mentions nothing of a report (关于保护、奖励职务犯罪举报人的若干规定, 2016; 个人信息保护法 arts. 18, 45).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import httpx
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.complaints import ContactWay, RightsAnswered, RightsAsked
from contracts.rights import (
    CLOCK,
    COPY,
    DEADLINE,
    NOT_THEIRS,
    Answered,
    Counted,
    Given,
    Held,
    Right,
    RightRequest,
    RightRequests,
    RightState,
    WaitingOf,
)
from services.chassis import audit
from services.chassis.auth import ServiceTokens
from services.chassis.backoff import Backoff
from services.chassis.db import Database, Principal
from services.chassis.outages import EngineAway, engine_away
from services.chassis.outbox import emit
from services.complaints import repository, repository_guesses, repository_rights
from services.complaints.domain import Refusal
from services.complaints.likeness import Likeness
from services.complaints.reporters import Reporters, View, now, tell
from services.complaints.repository_guesses import Guess
from services.complaints.repository_rights import Correction, OwnRequest, Person
from services.complaints.schemas import Credentials, Reporter, Verification, Ways
from services.complaints.schemas_rights import RightAsk
from services.complaints.sealing import ComplaintCipher, Sealer
from services.complaints.service import check_ways, new_id, ways_of

UNVERIFIED = "RIGHTS_UNVERIFIED"
_FREE = frozenset({Right.ACCESS, Right.EXPLANATION})
"""May be asked for where nothing of an identity is held."""
_POLL_SECONDS = 30.0
_PUBLIC = Principal("public")
_log = structlog.get_logger("huiyin.rights")
Answer = TypeVar("Answer", Held, Counted)


@dataclass(frozen=True)
class OwnRight:
    """A request with its answer in words, for its reporter."""

    request: OwnRequest
    answer: str | None


class Rights:
    """The reporter's use cases, in transactions of their own, and those of officers, whom referrals vouches for."""

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        likeness: Likeness,
        reporters: Reporters,
        tokens: ServiceTokens,
        http: httpx.AsyncClient,
        vault_url: str,
        referrals_url: str,
        *,
        tries: int,
    ) -> None:
        """`tries`: so often in 24 hours a complaint may be asked about by somebody whose it is not."""
        self._tries = tries
        self._db, self._sealer, self._likeness, self._reporters = db, sealer, likeness, reporters
        self._tokens, self._http = tokens, http
        self._vault, self._referrals = vault_url.rstrip("/"), referrals_url.rstrip("/")
        self._wanted = asyncio.Event()

    async def ask(self, credentials: Credentials, ask: RightAsk) -> UUID:
        """Put a request on record. Raises Refusal: unknown code, not verified, nothing held, or one waits already."""
        view, person = await self._known(credentials, ask.kind)
        own = view.rows[0]
        # Before whose it is: a refusal that only the right name got, and that leaves nothing behind, would tell it.
        corrected = _corrected(ask) if ask.kind is Right.CORRECTION else None
        async with self._db.read() as session:
            if await repository_rights.waits(session, own.complaint_id, ask.kind):
                raise _waiting()
        await self._verify(view, person, ask.kind, ask.verification)
        correction = self._correction(person, own.complaint_id, corrected, ask.ways) if corrected else None
        request_id = new_id()
        async with self._db.session(_PUBLIC) as session:
            await self._reporters.open(session, credentials)
            at = await now(session)
            await repository.in_turn(session, own.complaint_id)
            if not await repository_rights.add(session, request_id, own.complaint_id, ask.kind, at, correction):
                raise _waiting()
            event = RightsAsked(
                complaint_id=own.complaint_id, case_ids=_cases(view), at=at, request_id=request_id, kind=ask.kind
            )
            await tell(session, view, event)
            await _on_record(session, event.case_ids, audit.service("complaints"), "RIGHT_ASKED", request_id, ask.kind)
        self._wanted.set()
        return request_id

    async def own(self, credentials: Credentials) -> list[OwnRight]:
        """The requests of a complaint with their answers, the latest first. Raises Refusal."""
        async with self._db.read(_PUBLIC) as session:
            view = await self._reporters.open(session, credentials)
            found = await repository_rights.own(session, view.rows[0].complaint_id)
        own = view.rows[0]
        cipher = self._sealer.cipher(own.case_key_wrapped, own.complaint_id)
        return [
            OwnRight(row, cipher.open(row.answer_sealed, f"rights/{row.request_id}") if row.answer_sealed else None)
            for row in found
        ]

    async def copy(self, credentials: Credentials, verification: Verification) -> dict[str, Any]:
        """All that is held of the reporter, once access was granted. Raises Refusal, and EngineAway("vault")."""
        # Before whose it is: or whoever found the code would try names here, where nobody is told of it.
        requests = await self.own(credentials)
        granted = next(
            (item.request for item in requests if (item.request.kind, item.request.state) == ("ACCESS", "GRANTED")),
            None,
        )
        if granted is None:
            raise _not_granted()
        view, person = await self._known(credentials, Right.ACCESS)
        await self._verify(view, person, Right.ACCESS, verification)
        own = view.rows[0]
        held = await self._held(granted.request_id, own.complaint_id, verification)
        async with self._db.session() as session:
            known = await repository_rights.held(session, own.complaint_id)
            evidence = known.pop("evidence")
            await _on_record(
                session, _cases(view), audit.service("complaints"), "RIGHT_COPIED", granted.request_id, Right.ACCESS
            )
        cipher = self._sealer.cipher(own.case_key_wrapped, own.complaint_id)
        return {
            "law": "个人信息保护法 art. 45",
            "complaint": known,
            "identity": held.identity,
            "identity_opened": [{"purpose": purpose, "at": at} for purpose, at in held.opened],
            "evidence": [_file(row, cipher, named=bool(held.identity)) for row in evidence],
            "requests": [
                {
                    "kind": item.request.kind,
                    "state": item.request.state,
                    "asked_at": item.request.asked_at,
                    "due_at": item.request.due_at,
                    "answered_at": item.request.answered_at,
                    "ground": item.request.ground,
                }
                for item in requests
            ],
            "not_included": "来件正文和被反映人不在副本中：涉及他人信息，且网上答复不得提及举报的具体内容"
            "（个人信息保护法 arts. 18, 45; 关于保护、奖励职务犯罪举报人的若干规定）。",
        }

    # -- officers', by referrals

    async def listed(self, session: AsyncSession, asked: WaitingOf) -> RightRequests:
        """What waits in the cases that the officer sees, as referrals says."""
        return RightRequests(items=await repository_rights.waiting(session, asked))

    async def request(self, session: AsyncSession, request_id: UUID) -> RightRequest:
        """One request. Raises Refusal: unknown."""
        found = await repository_rights.request(session, request_id)
        if found is None:
            raise Refusal(404, "RIGHTS_UNKNOWN", "没有这个请求。", "There is no such request.")
        return found

    async def answer(self, session: AsyncSession, officer: str, answered: Answered, text: str) -> RightRequest:
        """An officer's answer, which is final, with what it changes here. The same again changes nothing.

        Raises Refusal: unknown, or decided otherwise.
        """
        found = await self.request(session, answered.request_id)
        state = RightState.GRANTED if answered.granted else RightState.REFUSED
        if found.state is not RightState.WAITING:
            if found.state is not state:
                raise Refusal(409, "RIGHTS_DECIDED", "该请求已有答复。", "The request is answered already.")
            return found
        at = await now(session)
        wrapped, number = await repository_rights.complaint_key(session, found.complaint_id)
        sealed = self._sealer.cipher(wrapped, found.complaint_id).seal(text, f"rights/{found.request_id}")
        await repository.in_turn(session, found.complaint_id)
        if not await repository_rights.answer(session, found.request_id, state, answered.ground, sealed, at):
            raise Refusal(409, "RIGHTS_DECIDED", "该请求已有答复。", "The request is answered already.")
        changed = answered.granted and found.kind in (Right.CORRECTION, Right.DELETION, Right.RESTRICTION)
        if changed and found.kind is not Right.RESTRICTION:
            await repository_rights.change_contact(session, found.request_id)
        ways, _ = await repository_rights.ways_of(session, found.request_id)
        person = await repository_rights.person(session, found.complaint_id)
        event = RightsAnswered(
            complaint_id=found.complaint_id,
            case_ids=found.case_ids,
            at=at,
            request_id=found.request_id,
            kind=found.kind,
            granted=answered.granted,
            contact_changed=changed,
            contact_token=person.contact_token,
            ways=tuple(ContactWay(way) for way in ways) if found.kind is Right.CORRECTION else (),
            named=person.named,
        )
        await emit(session, event.TOPIC, event.key, event, subject=number)
        await _on_record(
            session, found.case_ids, audit.officer(officer), "RIGHT_ANSWERED", found.request_id, found.kind,
            granted=answered.granted, ground=answered.ground,
        )  # fmt: skip
        return found.model_copy(update={"state": state})

    # -- the dates

    async def run(self) -> None:
        """For ever: have the dates of new requests counted; waits while an engine or referrals is away."""
        backoff = Backoff(0.5, 30.0)
        while True:
            try:
                self._wanted.clear()
                while await self.date_one():
                    backoff.reset()
                await asyncio.wait_for(self._wanted.wait(), _POLL_SECONDS)
            except TimeoutError:
                continue
            except Exception as error:
                if (engine := engine_away(error)) is None:
                    raise
                _log.warning("engine_away", engine=engine, exc_info=error)
                await asyncio.sleep(backoff.next())

    async def date_one(self) -> bool:
        """Have one date counted by the clock engine; False when none lacks. Raises EngineAway("peer")."""
        async with self._db.read() as session:
            found = await repository_rights.undated(session)
        if found is None:
            return False
        request_id, asked_at = found
        claims = {"clock": CLOCK, "started_at": asked_at.isoformat()}
        counted = await self._post(self._referrals, "referrals", "/internal/v1/deadlines", DEADLINE, claims, Counted)
        async with self._db.session() as session:
            await repository_rights.set_date(session, request_id, counted)
        return True

    # --

    async def _known(self, credentials: Credentials, kind: Right) -> tuple[View, Person]:
        """The complaint, and what tells whose it is. Raises Refusal."""
        async with self._db.read(_PUBLIC) as session:
            view = await self._reporters.open(session, credentials)
        async with self._db.read() as session:
            person = await repository_rights.person(session, view.rows[0].complaint_id)
        if person.contact_token is None and kind not in _FREE:
            raise Refusal(
                409,
                "RIGHTS_NOTHING_HELD",
                "这件来件没有留下身份或联系方式，没有可以更正、删除或限制的内容。",
                "No identity or contact was left with this complaint: there is nothing to correct, delete or restrict.",
            )
        return view, person

    async def _verify(self, view: View, person: Person, kind: Right, given: Verification) -> None:
        """Compare marks where the right touches an identity that is held; on record, and who is wrong is counted.

        Raises Refusal.
        """
        if person.contact_token is None or kind is Right.EXPLANATION:
            return
        if person.named:
            marks: Sequence[bytes] = self._likeness.of_person(given.name, phone=given.phone, id_number=given.id_number)
        else:
            marks = self._likeness.of_reporter(Reporter(phone=given.phone, email=given.email))
        if not marks:
            raise _unverified()
        complaint = view.rows[0].complaint_id
        async with self._db.session() as session:
            if not await repository_guesses.left(session, Guess.RIGHTS, complaint.bytes, self._tries):
                raise Refusal(
                    429,
                    "RIGHTS_TOO_MANY",
                    "核对身份的次数过多，请24小时后再试。",
                    "Too many tries at whose complaint this is: come back after 24 hours.",
                )
            right = bool(person.marks & set(marks))
            if not right:
                await repository_guesses.count(session, Guess.RIGHTS, complaint.bytes)
            action = "RIGHT_VERIFIED" if right else "RIGHT_UNVERIFIED"
            await _on_record(session, _cases(view), audit.service("complaints"), action, complaint, kind)
        if not right:
            raise _unverified()

    def _correction(self, person: Person, complaint_id: UUID, corrected: Reporter, wanted: Ways) -> Correction:
        assert person.contact_token is not None
        ways = ways_of(wanted, corrected)
        identity = {
            **corrected.model_dump(exclude_none=True), "ways": [way.value for way in ways],
            "language": person.language,
        }  # fmt: skip
        return Correction(
            sealed=self._sealer.seal_identity(person.contact_token, complaint_id, identity),
            marks=self._likeness.of_reporter(corrected),
            named=bool(corrected.name),
            ways=[way.value for way in ways],
        )

    async def _held(self, request_id: UUID, complaint_id: UUID, given: Verification) -> Held:
        wanted = {"request_id": str(request_id), "complaint_id": str(complaint_id)}
        said = Given(**given.model_dump(include=set(Given.model_fields)))
        return await self._post(self._vault, "vault", "/v1/rights/copies", COPY, wanted, Held, said)

    async def _post(
        self,
        url: str,
        service: str,
        path: str,
        purpose: str,
        claims: dict[str, str],
        answer: type[Answer],
        body: Given | None = None,
    ) -> Answer:
        token = self._tokens.issue(service, purpose, claims=claims)
        headers, content = {"Authorization": f"Bearer {token}"}, body.model_dump() if body else None
        try:
            got = await self._http.post(url + path, headers=headers, json=content)
            if got.status_code == 403:
                raise _unverified() if got.json()["code"] == NOT_THEIRS else _not_granted()
            got.raise_for_status()
        except httpx.HTTPError as error:
            raise EngineAway("vault" if service == "vault" else "peer") from error
        return answer.model_validate_json(got.content)


def _unverified() -> Refusal:
    return Refusal(
        403,
        UNVERIFIED,
        "与来件时留下的信息不一致，请核对后重新填写。",
        "This is not what was left with the complaint: check it and try again.",
        "name",
    )


def _not_granted() -> Refusal:
    return Refusal(
        409,
        "RIGHTS_NOT_GRANTED",
        "查阅、复制的请求还没有获准，或领取期限已过：请提出请求并等待答复。",
        "Access was not granted yet, or the time to collect the copy is over: ask for it, and wait for the answer.",
    )


def _file(row: Mapping[str, Any], cipher: ComplaintCipher, *, named: bool) -> dict[str, Any]:
    """A file in a copy; what it is called and its hash for who gave a name and number alone: the code does not do."""
    described = json.loads(cipher.open(row["description_sealed"], f"evidence/{row['evidence_id']}/description"))
    shown = described if named else {"media_type": described["media_type"]}
    return {"at": row["at"], "size": row["size"], **shown}


def _waiting() -> Refusal:
    return Refusal(
        409, "RIGHTS_WAITING", "同样的请求正在办理，请等待答复。", "The same request waits for its answer already."
    )


def _corrected(ask: RightAsk) -> Reporter:
    if ask.corrected is None or not ask.corrected.model_dump(exclude_none=True):
        raise Refusal(
            422,
            "RIGHTS_NOTHING_CORRECTED",
            "请填写更正后的完整信息。",
            "Give the whole of it as it should be.",
            "corrected",
        )
    if ask.ways:
        check_ways(ask.ways, ask.corrected)
    return ask.corrected


def _cases(view: View) -> tuple[UUID, ...]:
    return tuple(sorted(row.case_id for row in view.rows))


async def _on_record(
    session: AsyncSession, cases: Sequence[UUID], actor: str, action: str, request_id: UUID, kind: Right,
    **details: bool | str | None,
) -> None:  # fmt: skip
    for case_id in sorted(cases, key=str):
        entry = audit.Entry(
            chain=audit.of_case(case_id),
            actor=actor,
            action=action,
            subject=str(request_id),
            purpose=kind.value,
            details=details,
        )
        await audit.record(session, entry)
