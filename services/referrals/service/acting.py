"""An officer's act: authorised, sealed, sent to the case's workflow as an Update, and followed to its end."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from contracts import judge
from contracts.cases import DocumentRef, Outcome
from contracts.lifecycle import RECUSALS, Act, Field, HandoverKind, Purpose, Supervision, Track
from contracts.messages import (
    ILLEGAL_ACT,
    ROUTE_REFUSED,
    STALE,
    UPDATE_ACT,
    ActResult,
    Command,
    RefusalDetail,
    workflow_id,
)
from contracts.reference import categories, disposals, grounds, recusals, suspensions
from contracts.reference import refusals as reason_codes
from services.chassis.db import SYSTEM, Database
from services.chassis.outages import EngineAway, engine_away
from services.referrals import handovers, permissions
from services.referrals.domain import Refusal
from services.referrals.refusals import Refused, own_code
from services.referrals.repository import accounts, cases, commands, units
from services.referrals.repository.cases import CaseRow
from services.referrals.repository.commands import CommandRow
from services.referrals.service import recusing
from services.referrals.service.casebook import Casebook
from services.referrals.service.identity import Identity
from services.referrals.service.texts import Author, Texts, reference

WAIT_SECONDS = 5.0
RESEND_SECONDS = 10.0
_log = structlog.get_logger("huiyin.acts")


@dataclass(frozen=True)
class Wish:
    """What an officer asks for. ``texts`` by field are still open here, and nowhere after."""

    act: Act
    expected_sequence: int
    unit_id: str | None = None
    respondent_units: tuple[str, ...] = ()
    reason_code: str | None = None
    ground: str | None = None
    note: str | None = None
    public_reply: str | None = None
    extract: str | None = None
    outcome: Outcome | None = None
    satisfaction: int | None = None
    kind: HandoverKind | None = None
    purpose: Purpose | None = None
    amount: float | None = None
    category: str | None = None
    track: Track | None = None
    level: Supervision | None = None
    disposal: str | None = None
    papers: tuple[str, ...] = ()
    assignee: str | None = None
    main_case_id: UUID | None = None
    respondent_accounts: tuple[str, ...] = ()

    @property
    def texts(self) -> dict[str, str]:
        """The texts that it brings, by field."""
        return {
            field.value: text for field in permissions.TEXT_FIELDS if (text := getattr(self, field.value)) is not None
        }

    def given(self) -> list[str]:
        """The fields of the table that it brings."""
        return [field.value for field in Field if getattr(self, field.value) not in (None, ())]


@dataclass(frozen=True)
class Answer:
    """How a command stands: DONE with its result, REFUSED with a code, or PENDING."""

    command_id: UUID
    case_id: UUID
    state: str
    result: ActResult | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class _Ready:
    """A command to send; ``fresh`` when it was kept just now."""

    command: Command
    fresh: bool


class Acting:
    """Sends commands to workflows, one at a time per case: a race is lost here, not at the engine."""

    def __init__(
        self, db: Database, client: Client, casebook: Casebook, texts: Texts, ping: Callable[[], Awaitable[None]]
    ) -> None:
        self._db = db
        self._client = client
        self._casebook = casebook
        self._texts = texts
        self._ping = ping
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        self._flying: dict[UUID, asyncio.Task[ActResult]] = {}

    async def act(self, who: Identity, case_id: UUID, command_id: UUID, wish: Wish) -> Answer:
        """Do it, or say why not.

        Raises Refused (nothing was done), or EngineAway: then the same request with the same id may be repeated.
        """
        lock = self._locks.setdefault(case_id, asyncio.Lock())
        if lock.locked():
            ready = await self._prepare(who, case_id, command_id, wish)
            return ready if isinstance(ready, Answer) else await self._send(case_id, ready.command)
        async with lock:
            ready = await self._prepare(who, case_id, command_id, wish)
            if isinstance(ready, Answer):
                return ready
            if ready.fresh:  # nobody else was at the case since it was read
                return await self._update(case_id, ready.command)
            return await self._look_and_update(case_id, ready.command)

    async def _prepare(self, who: Identity, case_id: UUID, command_id: UUID, wish: Wish) -> "Answer | _Ready":
        """Judge the wish and keep its command, or find what became of it before. Raises Refused."""
        digest = _digest(case_id, wish)
        async with self._db.read(who.principal) as session:
            case = await self._casebook.must_see(session, case_id)
            known = await commands.get(session, command_id)
            if known is None:
                await self._judge(session, who, case, wish)
                led = await recusing.unit_led(session, who, case, wish.act, wish.assignee)
        if known is None:
            command = _command(who, command_id, wish)
            if led is not None:
                command = command.model_copy(update={"unit_id": led})
            return _Ready(command, await self._keep(who, case_id, command, digest, wish))
        if (known.case_id, known.content_hash) != (case_id, digest):
            raise Refused("IDEMPOTENCY_KEY_REUSED")
        if known.state != "PENDING":
            return _settled(known)
        return _Ready(Command.model_validate(known.body), fresh=False)

    async def follow(self, who: Identity, command_id: UUID) -> Answer:
        """How a command of this officer stands; raises Refused NOT_FOUND."""
        async with self._db.read(who.principal) as session:
            known = await commands.get(session, command_id)
        if known is None:
            raise Refused("NOT_FOUND")
        return _settled(known)

    async def keep_promises(self) -> None:
        """Send promised commands again until they are settled, for ever. For the background: survives every outage."""
        while True:
            await asyncio.sleep(RESEND_SECONDS)
            try:
                async with self._db.read(SYSTEM) as session:
                    waiting = await commands.promised(session)
                for item in waiting:
                    command = Command.model_validate(item["body"])
                    if command.command_id not in self._flying:
                        await self._keep_promise(item["case_id"], command)
            except Exception as error:
                if engine_away(error) is None:
                    raise
                _log.warning("promises_wait", engine=engine_away(error))

    async def _keep_promise(self, case_id: UUID, command: Command) -> None:
        """Send one promised command again. One that fails in a way of its own must not hold up the others."""
        try:
            await self._finish(case_id, command)
        except Exception as error:
            if engine_away(error) is not None:
                raise
            _log.error("promise_failed", case_id=str(case_id), exc_info=error)

    async def _judge(self, session: Any, who: Identity, case: CaseRow, wish: Wish) -> None:
        if judge.is_stale(case, wish.expected_sequence):
            raise Refused(judge.STALE)
        refusal = judge.refusal(wish.act, who.officer, case)
        if refusal is not None:
            raise Refused(refusal)
        given = wish.given()
        unfit = permissions.refuse_fields(wish.act, given, judge.needs(wish.act, case))
        if unfit is not None:
            raise Refused(unfit[0], extra={"field": unfit[1]})
        refusal = judge.refuse_wish(wish, case, lambda need: need.value in given)
        if refusal is not None:
            raise Refused(refusal)
        await self._known(session, case, wish)
        if wish.unit_id is not None and wish.act is not Act.RELEASE_SUPPORT:
            permit = await self._casebook.refuse_route(
                session, case, wish.act, who, wish.unit_id, wish.kind, wish.ground
            )
            if wish.act is Act.REFER:
                await self._casebook.refuse_papers(session, wish.unit_id, permit, wish.papers)
        if wish.respondent_units:
            await self._casebook.refuse_link(session, case, wish.respondent_units)

    @staticmethod
    async def _known(session: Any, case: CaseRow, wish: Wish) -> None:
        """Raises Refused for a code that is in no table, or of another department."""
        table = recusals() if wish.act in RECUSALS else reason_codes()
        if wish.reason_code is not None and wish.reason_code not in table:
            raise Refused("UNKNOWN_REASON", extra={"field": "reason_code"})
        if wish.category is not None and wish.category not in categories():
            raise Refused("UNKNOWN_CATEGORY", extra={"field": "category"})
        unfit = _refuse_ground(wish)
        if unfit is not None:
            raise Refused(unfit, extra={"field": "ground"})
        if wish.disposal is not None:
            receiver = case.course.receiver
            unit = await units.get(session, receiver.unit_id) if receiver is not None else None
            found = disposals().get(wish.disposal)
            own = {row.department for row in disposals().values()}
            department = unit.department if unit is not None and unit.department in own else "*"
            if found is None or found.department != department:
                raise Refused("UNKNOWN_DISPOSAL", extra={"field": "disposal"})
        known = {wish.assignee, *wish.respondent_accounts} - {None}
        if known and not known <= await accounts.known_ids(session, known):
            raise Refused("UNKNOWN_ACCOUNT")

    async def _keep(self, who: Identity, case_id: UUID, command: Command, digest: str, wish: Wish) -> bool:
        """The command and its sealed texts, in one transaction, before anything is sent; False when it is known."""
        async with self._db.session(SYSTEM) as session:
            insert = commands.insert if wish.texts else commands.insert_alone
            fresh = await insert(
                session,
                command_id=command.command_id,
                case_id=case_id,
                account_id=who.account.account_id,
                act=command.act.value,
                content_hash=digest,
                body=command.model_dump_json(),
            )
            if not fresh:
                # Sent twice at the same moment, or somebody else's key.
                known = await commands.get(session, command.command_id)
                mine = known is not None and known.account_id == who.account.account_id
                if known is None or not mine or (known.case_id, known.content_hash) != (case_id, digest):
                    raise Refused("IDEMPOTENCY_KEY_REUSED")
                return False
            author = Author(who.account.account_id, who.officer.unit_id)
            await self._texts.seal(session, case_id, command.command_id, wish.texts, author)
            return True

    async def _send(self, case_id: UUID, command: Command) -> Answer:
        lock = self._locks.setdefault(case_id, asyncio.Lock())
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await lock.acquire()
        except TimeoutError:
            return await self._promise(case_id, command)
        try:
            return await self._look_and_update(case_id, command)
        finally:
            lock.release()

    async def _look_and_update(self, case_id: UUID, command: Command) -> Answer:
        async with self._db.read(SYSTEM) as session:
            known = await commands.get(session, command.command_id)
            case = await cases.get(session, case_id)
        if known is not None and known.state != "PENDING":
            return _settled(known)
        if case is not None and judge.is_stale(case, command.expected_sequence):
            return await self._refused(case_id, command, "STALE")
        return await self._update(case_id, command)

    async def _update(self, case_id: UUID, command: Command) -> Answer:
        flight = self._flying.get(command.command_id)
        if flight is None:
            flight = asyncio.create_task(self._execute(case_id, command))
            self._flying[command.command_id] = flight
            flight.add_done_callback(lambda _: self._flying.pop(command.command_id, None))
        done, _ = await asyncio.wait({flight}, timeout=WAIT_SECONDS)
        if done:
            try:
                return Answer(command.command_id, case_id, "DONE", result=flight.result())
            except Refused as refused:
                return await self._refused(case_id, command, refused.code)
        flight.add_done_callback(_say_how_it_ended)
        try:
            await asyncio.wait_for(self._ping(), 1.5)
        except (EngineAway, RPCError, TimeoutError) as error:
            flight.cancel()
            raise EngineAway("temporal") from error
        return await self._promise(case_id, command)

    async def _execute(self, case_id: UUID, command: Command) -> ActResult:
        """Raises Refused as the workflow refuses, EngineAway when Temporal can't be reached."""
        handle = self._client.get_workflow_handle(workflow_id(case_id))
        try:
            result: ActResult = await handle.execute_update(
                UPDATE_ACT, command, id=str(command.command_id), result_type=ActResult
            )
            return result
        except WorkflowUpdateFailedError as error:
            raise Refused(_refusal_code(error)) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise EngineAway("temporal") from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise Refused("ILLEGAL_ACT") from error  # archived: its workflow has ended
            if engine_away(error) is None:
                raise
            raise EngineAway("temporal") from error
        except RuntimeError as error:
            if engine_away(error) is None:
                raise
            raise EngineAway("temporal") from error

    async def _finish(self, case_id: UUID, command: Command) -> None:
        try:
            await self._execute(case_id, command)
        except Refused as refused:
            await self._refused(case_id, command, refused.code)

    async def _refused(self, case_id: UUID, command: Command, code: str) -> Answer:
        async with self._db.session(SYSTEM) as session:
            await commands.refuse(session, command.command_id, json.dumps({"code": code}))
            known = await commands.get(session, command.command_id)
        if known is not None and known.state == "DONE":
            return _settled(known)  # an earlier sending of the same command got through
        return Answer(command.command_id, case_id, "REFUSED", refusal=code)

    async def _promise(self, case_id: UUID, command: Command) -> Answer:
        async with self._db.session(SYSTEM) as session:
            await commands.promise(session, command.command_id)
        return Answer(command.command_id, case_id, "PENDING")


def _refuse_ground(wish: Wish) -> str | None:
    """Why the ground of an act that names no receiver is none; None when it is one."""
    if wish.act is Act.SUSPEND_CLOCK:
        return None if wish.ground in suspensions() else Refusal.UNKNOWN_GROUND.value
    if wish.unit_id is not None:
        return None
    return handovers.refuse_ground(wish.ground, handovers.ground_use(wish.act, None), None, grounds())


def _command(who: Identity, command_id: UUID, wish: Wish) -> Command:
    refs: dict[str, DocumentRef] = {field: reference(command_id, field, text) for field, text in wish.texts.items()}
    return Command(
        command_id=command_id,
        act=wish.act,
        actor=who.actor,
        expected_sequence=wish.expected_sequence,
        unit_id=wish.unit_id,
        respondent_units=tuple(sorted(set(wish.respondent_units))),
        reason_code=wish.reason_code,
        ground=wish.ground,
        note=refs.get("note"),
        public_reply=refs.get("public_reply"),
        extract=refs.get("extract"),
        outcome=wish.outcome,
        satisfaction=wish.satisfaction,
        kind=wish.kind,
        purpose=wish.purpose,
        amount=wish.amount,
        category=wish.category,
        track=wish.track,
        level=wish.level,
        disposal=wish.disposal,
        papers=tuple(sorted(set(wish.papers))),
        assignee=wish.assignee,
        main_case_id=wish.main_case_id,
        respondent_accounts=tuple(sorted(set(wish.respondent_accounts))),
    )


def _digest(case_id: UUID, wish: Wish) -> str:
    """What makes two requests the same: everything that was asked for."""
    asked = {**wish.__dict__, "case_id": str(case_id)}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _settled(known: CommandRow) -> Answer:
    result = known.result or {}
    return Answer(
        known.command_id,
        known.case_id,
        known.state,
        result=ActResult.model_validate(result) if known.state == "DONE" else None,
        refusal=str(result.get("code", "ILLEGAL_ACT")) if known.state == "REFUSED" else None,
    )


def _refusal_code(error: WorkflowUpdateFailedError) -> str:
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type not in (ILLEGAL_ACT, STALE, ROUTE_REFUSED):
        raise error
    if cause.type == STALE:
        return "STALE"
    return own_code(RefusalDetail.model_validate(cause.details[0]).code) if cause.details else "ILLEGAL_ACT"


def _say_how_it_ended(flight: asyncio.Task[ActResult]) -> None:
    # What failed is sent again, by the promise keeper or by its officer; somebody must look at the task's exception.
    if not flight.cancelled() and (error := flight.exception()) is not None:
        _log.info("command_not_done_yet", reason=type(error).__name__)
