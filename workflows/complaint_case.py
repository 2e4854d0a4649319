"""The case: one workflow from registration to archive, the only writer of the case's state.

People act through the Update ``act``; the reporter's later messages come as signals; clocks are one timer, the earliest
wake-up of all. Every step is recorded by an activity before the state moves, so the database is never behind an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from contracts.cases import Deadline, UnitRef
    from contracts.clock import BusinessClock
    from contracts.lifecycle import FINAL, QUIET, RULE, Act, Party, Purpose, Stage, Track
    from contracts.messages import (
        CONFLICTING_CONTENT,
        ILLEGAL_ACT,
        QUERY_STATE,
        QUEUE_REFERRALS,
        ROUTE_REFUSED,
        SIGNAL_CALENDAR_CHANGED,
        SIGNAL_CLOCK_CHANGED,
        SIGNAL_REPORTER,
        STALE,
        UPDATE_ACT,
        WORKFLOW_TYPE,
        Actor,
        ActResult,
        CaseState,
        ClockRequest,
        Command,
        LinkCheck,
        RefusalDetail,
        ReporterMessage,
        RouteCheck,
        RouteRequest,
        RouteVerdict,
        Transition,
    )
    from workflows import clocks, decide, ports

KEPT_RESULTS = 100
KEPT_MESSAGES = 200
MAX_UPDATES = 1_000
"""Continue as new well before the server's limit of 2,000 Updates a run."""

_SYSTEM = Actor(party=Party.SYSTEM)
_REPORTER = Actor(party=Party.REPORTER)
_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=20),
    non_retryable_error_types=[CONFLICTING_CONTENT],
)
_TIMEOUT = timedelta(seconds=30)

A = TypeVar("A")
R = TypeVar("R")


@workflow.defn(name=WORKFLOW_TYPE)
class ComplaintCase:
    """State machine of one case. Input is the whole carried state, so that a continuation and a restore start alike."""

    @workflow.init
    def __init__(self, state: CaseState) -> None:
        self._state = state
        self._lock = asyncio.Lock()
        self._messages: list[ReporterMessage] = []
        self._clock_changed = False
        self._calendar_changed = False
        self._updates = 0

    @workflow.run
    async def run(self, state: CaseState) -> None:
        """Register the case, then serve it until it is archived."""
        if self._state.business_clock is None:
            clock = await self._read_clock()
            self._state = self._state.model_copy(update={"business_clock": clock})
        if self._state.stage is Stage.SUBMITTED:
            await self._register()
        while self._state.stage not in FINAL:
            await self._wait()
            await self._serve()
            if self._should_continue():
                await self._settle()
                workflow.continue_as_new(self._state)
        await workflow.wait_condition(workflow.all_handlers_finished)

    # -- what comes in

    @workflow.update(name=UPDATE_ACT)
    async def act(self, command: Command) -> ActResult:
        """Do an officer's command; a repeated command id gets its first answer.

        Raises ApplicationError of type IllegalAct, Stale or RouteRefused with a RefusalDetail.
        """
        self._updates += 1
        async with self._lock:
            done = self._result(command.command_id)
            if done is not None:
                return done
            self._refuse_illegal(command)
            await self._command(command)
            return self._state.results[-1]

    @act.validator
    def check_act(self, command: Command) -> None:
        """Refuse what is illegal now, before anything is written to the history."""
        if self._result(command.command_id) is None and not self._lock.locked():
            self._refuse_illegal(command)

    @workflow.signal(name=SIGNAL_REPORTER)
    def reporter(self, message: ReporterMessage) -> None:
        """A later fact from the reporter."""
        self._messages.append(message)

    @workflow.signal(name=SIGNAL_CLOCK_CHANGED)
    def clock_changed(self) -> None:
        """The business clock was set anew: timers are to be laid again."""
        self._clock_changed = True

    @workflow.signal(name=SIGNAL_CALENDAR_CHANGED)
    def calendar_changed(self) -> None:
        """Days were imported: running clocks are to be counted anew. Harmless when it comes twice."""
        self._calendar_changed = True

    @workflow.query(name=QUERY_STATE)
    def state(self) -> CaseState:
        """The carried state, for operators."""
        return self._state

    # -- the main loop

    async def _wait(self) -> None:
        due = clocks.next_due(self._state.clocks, self._now())
        clocks_then = self._state.clocks

        def woken() -> bool:
            return (
                bool(self._messages)
                or self._clock_changed
                or self._calendar_changed
                or self._state.clocks != clocks_then
                or self._state.stage in FINAL
                or self._should_continue()
            )

        if due is None:
            await workflow.wait_condition(woken)
            return
        seconds = self._clock().wall_seconds(due.at - self._now())
        if seconds <= 0:
            return
        try:
            await workflow.wait_condition(woken, timeout=timedelta(seconds=seconds + 0.001))
        except TimeoutError:
            return

    async def _serve(self) -> None:
        async with self._lock:
            if self._clock_changed:
                self._clock_changed = False
                clock = await self._read_clock()
                self._state = self._state.model_copy(update={"business_clock": clock})
            if self._calendar_changed:
                self._calendar_changed = False
                await self._recount()
            while self._messages:
                await self._message(self._messages[0])
                self._messages.pop(0)
            while self._state.stage not in FINAL:
                due = clocks.next_due(self._state.clocks, self._now())
                if due is None or due.at > self._now():
                    return
                await self._lapse(due)

    async def _settle(self) -> None:
        """Serve until nobody waits for an answer of this run."""
        while self._messages or self._calendar_changed or not workflow.all_handlers_finished():
            await workflow.wait_condition(
                lambda: bool(self._messages) or self._calendar_changed or workflow.all_handlers_finished()
            )
            await self._serve()

    def _should_continue(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or self._updates >= MAX_UPDATES

    # -- the kinds of step

    async def _register(self) -> None:
        facts = self._state.facts
        async with self._lock:
            verdict = await self._ask(
                ports.route_intake,
                RouteRequest(case_id=facts.case_id, track=facts.track, category=facts.category, region=facts.region),
            )
            if verdict.unit is None:
                # Not an ApplicationError: that would end the case. The task is tried again until there is a desk.
                raise RuntimeError("no desk registers this case")
            await self._step(Act.REGISTER, _SYSTEM, desk=verdict.unit)

    async def _command(self, command: Command) -> None:
        desk, holder = self._state.desk, self._state.holder
        linked, respondents = self._state.linked, self._state.respondent_units
        effect: decide.Effect | None = None
        if command.act in (Act.DISPATCH, Act.TRANSFER):
            holder = await self._route(command, to_desk=False)
        elif command.act is Act.HAND_TO_DESK:
            desk, holder = await self._route(command, to_desk=True), None
        elif command.act is Act.LINK_RESPONDENTS:
            respondents, linked = decide.respondents_after(self._state, command), True
            effect, holder = await self._link(respondents)
        await self._step(
            command.act,
            command.actor,
            desk=desk,
            holder=holder,
            linked=linked,
            respondents=respondents,
            command=command,
            satisfaction=command.satisfaction,
            effect=effect,
        )

    async def _link(self, respondents: tuple[str, ...]) -> tuple[decide.Effect | None, UnitRef | None]:
        """The effect of linking, and who holds the case after it: a report is taken from a holder who is accused."""
        holder, facts = self._state.holder, self._state.facts
        check = LinkCheck(case_id=facts.case_id, unit_ids=respondents, holder_id=holder.unit_id if holder else None)
        verdict = await self._ask(ports.check_respondents, check)
        if verdict.refusal is not None:
            raise self._error(ROUTE_REFUSED, verdict.refusal)
        if verdict.holder_accused and facts.track is Track.INTEGRITY:
            return decide.recalled(self._state), None
        return None, holder

    async def _route(self, command: Command, *, to_desk: bool) -> UnitRef:
        facts = self._state.facts
        check = RouteCheck(
            case_id=facts.case_id,
            track=facts.track,
            category=facts.category,
            region=facts.region,
            unit_id=command.unit_id or "",
            from_unit=command.actor.unit_id or "",
            to_desk=to_desk,
            linked=self._state.linked,
            respondent_units=self._state.respondent_units,
        )
        verdict = await self._ask(ports.check_route, check)
        self._refuse_route(verdict)
        if verdict.unit is None:
            raise ApplicationError("the route check named no unit", type=ROUTE_REFUSED)
        return verdict.unit

    async def _message(self, message: ReporterMessage) -> None:
        if message.message_id in self._state.seen_messages:
            return
        if self._state.stage in RULE[message.act].stages:
            await self._step(message.act, _REPORTER, satisfaction=message.satisfaction)
        else:
            workflow.logger.info("reporter's message came too late", extra={"act": message.act})
        seen = (*self._state.seen_messages, message.message_id)[-KEPT_MESSAGES:]
        self._state = self._state.model_copy(update={"seen_messages": seen})

    async def _lapse(self, due: clocks.Due) -> None:
        clock = clocks.running(self._state.clocks, due.purpose)
        about = clock.deadline if clock else None
        if due.act in (Act.DUE_SOON, Act.OVERDUE):
            await self._step(due.act, _SYSTEM, about=about, marked=due)
        else:
            await self._step(due.act, _SYSTEM, about=about)

    async def _recount(self) -> None:
        """Each deadline that the calendar moves is a step of its own; one that it leaves alone is none."""
        running = self._state.clocks
        if not running:
            return
        counted = await self._ask(ports.recount, list(running))
        for clock, deadline in zip(running, counted, strict=True):
            if clocks.touched(clock.deadline, deadline):
                await self._step(Act.RECOUNT, _SYSTEM, about=deadline, before=clock.deadline)

    # -- one step

    async def _step(
        self,
        act: Act,
        actor: Actor,
        *,
        desk: UnitRef | None = None,
        holder: UnitRef | None = None,
        linked: bool | None = None,
        respondents: tuple[str, ...] | None = None,
        command: Command | None = None,
        satisfaction: int | None = None,
        about: Deadline | None = None,
        before: Deadline | None = None,
        marked: clocks.Due | None = None,
        effect: decide.Effect | None = None,
    ) -> None:
        """Work out the next state, record the step, then move. A step that could not be recorded did not happen."""
        old, at = self._state, self._now()
        effect = effect or decide.effect(old, act, satisfaction)
        stopped = clocks.without(old.clocks, effect.stops)
        if marked is not None:
            stopped = clocks.marked(stopped, marked)
        if before is not None and about is not None:
            stopped = clocks.recounted(stopped, about, at)
        new_desk = desk or old.desk
        if new_desk is None:
            raise ApplicationError("a case has a desk from its registration", type=ILLEGAL_ACT, non_retryable=True)
        new_holder = holder if command is not None else old.holder
        sequence = old.sequence + 1
        deadlines = await self._deadlines(effect.starts, new_holder or new_desk, at)
        quiet = act in QUIET and effect.to is old.stage
        moved = old.model_copy(
            update={
                "sequence": sequence,
                "changed_sequence": old.changed_sequence if quiet else sequence,
                "stage": effect.to,
                "desk": new_desk,
                "holder": new_holder,
                "clocks": clocks.started(stopped, deadlines),
                "linked": old.linked if linked is None else linked,
                "respondent_units": old.respondent_units if respondents is None else respondents,
                "redo_count": old.redo_count + (1 if effect.redo else 0),
                "satisfaction": satisfaction or old.satisfaction,
                "public_document": (command.public_reply if command else None) or old.public_document,
                "outcome": (command.outcome if command else None) or old.outcome,
            }
        )
        moved = moved.model_copy(update={"task": decide.task_after(moved, command, sequence)})
        recorded = await self._ask(
            ports.record_transition,
            Transition(
                facts=old.facts,
                sequence=sequence,
                changed_sequence=max(1, moved.changed_sequence),
                act=act,
                actor=actor,
                at=at,
                from_stage=old.stage,
                to_stage=moved.stage,
                desk=new_desk,
                holder=moved.holder,
                task=moved.task,
                clocks=moved.clocks,
                respondent_units=moved.respondent_units,
                linked=moved.linked,
                redo_count=moved.redo_count,
                command_id=command.command_id if command else None,
                reason_code=command.reason_code if command else None,
                ground=command.ground if command else None,
                note=command.note if command else None,
                public_document=moved.public_document,
                outcome=moved.outcome,
                satisfaction=moved.satisfaction,
                deadline=about or _about(moved, act),
                deadline_before=before,
            ),
        )
        results = old.results
        if command is not None:
            result = ActResult(command_id=command.command_id, sequence=sequence, stage=moved.stage)
            results = (*results, result)[-KEPT_RESULTS:]
        self._state = moved.model_copy(update={"results": results, "business_clock": recorded.business_clock})

    async def _deadlines(self, starts: tuple[Purpose, ...], unit: UnitRef, at: datetime) -> list[Deadline]:
        if not starts:
            return []
        facts = self._state.facts
        return await self._ask(
            ports.set_clocks,
            [
                ClockRequest(
                    purpose=purpose,
                    track=facts.track,
                    channel=facts.channel,
                    category=facts.category,
                    unit_id=unit.unit_id,
                    started_at=at,
                )
                for purpose in starts
            ],
        )

    # -- small things

    async def _ask(self, port: Callable[[A], Awaitable[R]], argument: A) -> R:
        answer: R = await workflow.execute_activity(
            port, argument, task_queue=QUEUE_REFERRALS, start_to_close_timeout=_TIMEOUT, retry_policy=_RETRY
        )
        return answer

    async def _read_clock(self) -> BusinessClock:
        return await workflow.execute_activity(
            ports.read_clock, task_queue=QUEUE_REFERRALS, start_to_close_timeout=_TIMEOUT, retry_policy=_RETRY
        )

    def _clock(self) -> BusinessClock:
        clock = self._state.business_clock
        if clock is None:
            raise ApplicationError("the business clock is read before anything else", non_retryable=True)
        return clock

    def _now(self) -> datetime:
        return self._clock().to_business(workflow.now())

    def _result(self, command_id: UUID) -> ActResult | None:
        return next((result for result in self._state.results if result.command_id == command_id), None)

    def _refuse_illegal(self, command: Command) -> None:
        code = decide.refusal(self._state, command)
        if code is not None:
            raise self._error(STALE if code == decide.STALE_VIEW else ILLEGAL_ACT, code)

    def _refuse_route(self, verdict: RouteVerdict) -> None:
        if verdict.refusal is not None:
            raise self._error(ROUTE_REFUSED, verdict.refusal)

    def _error(self, kind: str, code: str) -> ApplicationError:
        detail = RefusalDetail(code=code, sequence=self._state.sequence, stage=self._state.stage)
        return ApplicationError(f"refused: {code}", detail, type=kind, non_retryable=True)


def _about(state: CaseState, act: Act) -> Deadline | None:
    """The deadline that a told act names: what the reporter must meet, else when the holder must answer."""
    wanted = {
        Act.REQUEST_SUPPLEMENT: (Purpose.SUPPLEMENT,),
        Act.REVIEW_PASS: (Purpose.VISIT,),
        Act.RECORD_VISIT: (Purpose.SILENCE,),
    }.get(act, (Purpose.REDO, Purpose.HANDLE, Purpose.ACKNOWLEDGE))
    found = (clocks.running(state.clocks, purpose) for purpose in wanted)
    return next((clock.deadline for clock in found if clock is not None), None)
