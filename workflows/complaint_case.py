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
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from contracts import judge
    from contracts.cases import Deadline
    from contracts.clock import BusinessClock
    from contracts.lifecycle import FINAL, RULE, Act, Party, Stage
    from contracts.messages import (
        ILLEGAL_ACT,
        QUERY_STATE,
        ROUTE_REFUSED,
        SIGNAL_CALENDAR_CHANGED,
        SIGNAL_CLOCK_CHANGED,
        SIGNAL_DEPARTURE,
        SIGNAL_JOINED,
        SIGNAL_REPORTER,
        SIGNAL_SUCCESSION,
        STALE,
        UPDATE_ACT,
        WORKFLOW_TYPE,
        Actor,
        ActResult,
        CaseState,
        Command,
        Departure,
        Joined,
        RefusalDetail,
        ReporterMessage,
        RouteRequest,
        Succession,
        workflow_id,
    )
    from workflows import clocks, decide, handover, joining, ports, reorganising, splitting, stepping
    from workflows.asking import Asking, is_conflict
    from workflows.handover import Moves
    from workflows.parts import Move
    from workflows.transitions import transition

KEPT_MESSAGES = 200
MAX_UPDATES = 1_000
"""Continue as new well before the server's limit of 2,000 Updates a run."""

_SYSTEM = Actor(party=Party.SYSTEM)
_REPORTER = Actor(party=Party.REPORTER)
NOT_DECIDED_ALONE = "not-decided-alone"
"""The patch since when judge.NOT_ALONE is refused: what an earlier version has let through stays as it went."""

A = TypeVar("A")


@workflow.defn(name=WORKFLOW_TYPE)
class ComplaintCase:
    """State machine of one case. Input is the whole carried state, so that a continuation and a restore start alike."""

    @workflow.init
    def __init__(self, state: CaseState) -> None:
        self._state = state
        self._lock = asyncio.Lock()
        self._asking = Asking(state.own_worker)
        self._moves = Moves(self._asking.look_up, workflow.patched)
        self._messages: list[ReporterMessage] = []
        self._joined: list[Joined] = []
        self._successions: list[Succession] = []
        self._departures: list[Departure] = []
        self._clock_changed = False
        self._calendar_changed = False
        self._updates = 0

    @workflow.run
    async def run(self, state: CaseState) -> None:
        """Register the case, then serve it until it is archived.

        A step whose place is taken does not end the case: the task is tried again until an operator has seen to it.
        """
        try:
            await self._live()
        except ActivityError as error:
            if not is_conflict(error):
                raise
            raise RuntimeError("a step's place in the record is taken by another content") from error

    async def _live(self) -> None:
        if self._state.business_clock is None:
            clock = await self._asking.look_up(ports.read_clock)
            self._state = self._state.model_copy(update={"business_clock": clock})
        if self._state.stage is Stage.SUBMITTED:
            await self._register()
        while self._state.stage not in FINAL:
            await self._wait()
            await self._serve()
            if self._should_continue():
                await self._settle()
                workflow.continue_as_new(self._state.model_copy(update={"own_worker": True}))
        while self._joined:
            # Who asked to be joined while the last step was recorded must not wait for ever.
            await self._join(self._joined.pop(0))
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
            self._refuse_illegal(command, workflow.patched)
            await self._command(command)
            return self._state.results[-1]

    @act.validator
    def check_act(self, command: Command) -> None:
        """Refuse what is illegal now, before anything is written to the history."""
        if self._result(command.command_id) is None and not self._lock.locked():
            self._refuse_illegal(command, lambda _: True)

    @workflow.signal(name=SIGNAL_REPORTER)
    def reporter(self, message: ReporterMessage) -> None:
        """A later fact from the reporter."""
        self._messages.append(message)

    @workflow.signal(name=SIGNAL_JOINED)
    def joined(self, joined: Joined) -> None:
        """Another case was joined to this one, or leaves it, or this one's main case ended."""
        self._joined.append(joined)

    @workflow.signal(name=SIGNAL_SUCCESSION)
    def succession(self, succession: Succession) -> None:
        """A unit has a successor, who takes its seats in this case."""
        self._successions.append(succession)

    @workflow.signal(name=SIGNAL_DEPARTURE)
    def departure(self, departure: Departure) -> None:
        """An officer has left; his task is handed on."""
        self._departures.append(departure)

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
                self._told()
                or self._clock_changed
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
                clock = await self._asking.look_up(ports.read_clock)
                self._state = self._state.model_copy(update={"business_clock": clock})
            if self._calendar_changed:
                self._calendar_changed = False
                await self._recount()
            await self._drain(self._messages, self._message)
            await self._drain(self._joined, self._join)
            await self._drain(self._successions, self._succeed)
            await self._drain(self._departures, self._hand_on)
            while self._state.stage not in FINAL:
                due = clocks.next_due(self._state.clocks, self._now())
                if due is None or due.at > self._now():
                    return
                await self._lapse(due)

    @staticmethod
    async def _drain(words: list[A], serve: Callable[[A], Awaitable[None]]) -> None:
        """Serve what came in, in order; what fails on its way is still there."""
        while words:
            await serve(words[0])
            words.pop(0)

    async def _settle(self) -> None:
        """Serve until nobody waits for an answer of this run."""
        while self._told() or not workflow.all_handlers_finished():
            await workflow.wait_condition(lambda: self._told() or workflow.all_handlers_finished())
            await self._serve()

    def _told(self) -> bool:
        waiting = (self._messages, self._joined, self._successions, self._departures)
        return any(waiting) or self._calendar_changed

    def _should_continue(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or self._updates >= MAX_UPDATES

    # -- the kinds of step

    async def _register(self) -> None:
        facts = self._state.facts
        async with self._lock:
            verdict = await self._asking.look_up(
                ports.route_intake,
                RouteRequest(
                    case_id=facts.case_id,
                    track=facts.track,
                    category=facts.category,
                    region=facts.region,
                    respondent_units=self._state.respondent_units,
                ),
            )
            if verdict.unit is None:
                # Not an ApplicationError: that would end the case. The task is tried again until there is a desk.
                raise RuntimeError("no desk registers this case")
            await self._step(
                Act.REGISTER, _SYSTEM, Move(decide.effect(self._state, Act.REGISTER), {"desk": verdict.unit})
            )

    async def _command(self, command: Command) -> None:
        before = self._state
        try:
            move = await self._moves.of(before, command, self._now())
        except handover.Refused as refused:
            raise self._error(ROUTE_REFUSED, str(refused)) from refused
        await self._step(command.act, command.actor, move, command=command)
        await self._tell_others(before, command)

    async def _tell_others(self, before: CaseState, command: Command) -> None:
        """What an act means for other cases: the part split off begins, the main case takes over or lets go."""
        if command.act is Act.SPLIT:
            part = splitting.split_off(before, command)
            await workflow.start_child_workflow(
                WORKFLOW_TYPE,
                part,
                id=workflow_id(part.facts.case_id),
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        news = joining.news(before, self._state, command)
        if news is not None and not await self._signal(*news) and command.act is Act.MERGE:
            await self._step(Act.MERGE_FAILED, _SYSTEM, joining.unmerged(self._state))

    async def _signal(self, case_id: UUID, joined: Joined) -> bool:
        """Tell another case; False when its workflow has ended."""
        other = workflow.get_external_workflow_handle(workflow_id(case_id))
        try:
            await other.signal(SIGNAL_JOINED, joined)
        except FailureError:
            workflow.logger.info("the other case has ended", extra={"act": joined.act})
            return False
        return True

    async def _join(self, joined: Joined) -> None:
        """Take what another case told, or decline it."""
        if joining.declines(self._state, joined):
            await self._signal(*joining.refused(self._state, joined))
            return
        move = joining.move(self._state, joined)
        if move is not None:
            await self._step(joined.act, _SYSTEM, move)

    async def _succeed(self, succession: Succession) -> None:
        move = reorganising.succeeded(self._state, succession)
        if move is not None and self._state.stage in RULE[Act.SUCCEED].stages:
            await self._step(Act.SUCCEED, _SYSTEM, move)

    async def _hand_on(self, departure: Departure) -> None:
        move = reorganising.handed_on(self._state, departure)
        if move is not None:
            await self._step(Act.HAND_ON, _SYSTEM, move)

    async def _message(self, message: ReporterMessage) -> None:
        if message.message_id in self._state.seen_messages:
            return
        move = stepping.heard(self._state, message)
        if move is not None:
            await self._step(message.act, _REPORTER, move, satisfaction=message.satisfaction)
        else:
            workflow.logger.info("reporter's message came too late", extra={"act": message.act})
        seen = (*self._state.seen_messages, message.message_id)[-KEPT_MESSAGES:]
        self._state = self._state.model_copy(update={"seen_messages": seen})

    async def _lapse(self, due: clocks.Due) -> None:
        clock = clocks.running(self._state.clocks, due.purpose)
        about = clock.deadline if clock else None
        await self._step(due.act, _SYSTEM, stepping.lapsed(self._state, due), about=about)
        if due.act is Act.ARCHIVE:
            for news in joining.ended(self._state):
                await self._signal(*news)

    async def _recount(self) -> None:
        """Each deadline that the calendar moves is a step of its own; one that it leaves alone is none."""
        running = self._state.clocks
        if not running:
            return
        counted = await self._asking.look_up(ports.recount, list(running))
        for clock, deadline in zip(running, counted, strict=True):
            if clocks.touched(clock.deadline, deadline):
                counted_anew = clocks.recounted(self._state.clocks, deadline, self._now())
                move = Move(decide.effect(self._state, Act.RECOUNT), clocks=counted_anew)
                await self._step(Act.RECOUNT, _SYSTEM, move, about=deadline, before=clock.deadline)

    # -- one step

    async def _step(
        self,
        act: Act,
        actor: Actor,
        move: Move,
        *,
        command: Command | None = None,
        satisfaction: int | None = None,
        about: Deadline | None = None,
        before: Deadline | None = None,
    ) -> None:
        """Work out the next state, record the step, then move. A step that could not be recorded did not happen."""
        old, at = self._state, self._now()
        if move.changes.get("desk", old.desk) is None:
            raise ApplicationError("a case has a desk from its registration", type=ILLEGAL_ACT, non_retryable=True)
        wanted = stepping.wanted(old, move, at)
        deadlines: list[Deadline] = await self._asking.look_up(ports.set_clocks, wanted) if wanted else []
        moved = stepping.stepped(old, act, move, deadlines, command, satisfaction)
        recorded = await self._asking.record(transition(old, moved, act, actor, at, command, about, before))
        if command is not None:
            moved = stepping.answered(moved, command)
        laddered = clocks.laddered(moved.clocks, recorded.ladders, at)
        self._state = moved.model_copy(update={"clocks": laddered, "business_clock": recorded.business_clock})

    # -- small things

    def _clock(self) -> BusinessClock:
        clock = self._state.business_clock
        if clock is None:
            raise ApplicationError("the business clock is read before anything else", non_retryable=True)
        return clock

    def _now(self) -> datetime:
        return self._clock().to_business(workflow.now())

    def _result(self, command_id: UUID) -> ActResult | None:
        return next((result for result in self._state.results if result.command_id == command_id), None)

    def _refuse_illegal(self, command: Command, patched: Callable[[str], bool]) -> None:
        code = decide.refusal(self._state, command)
        if code is not None and (code not in judge.NOT_ALONE or patched(NOT_DECIDED_ALONE)):
            raise self._error(STALE if code == judge.STALE else ILLEGAL_ACT, code)

    def _error(self, kind: str, code: str) -> ApplicationError:
        detail = RefusalDetail(code=code, sequence=self._state.sequence, stage=self._state.stage)
        return ApplicationError(f"refused: {code}", detail, type=kind, non_retryable=True)
