"""What an act makes of seats, hand-overs and clocks: asked of the services, then a Move that one step records.

Each method reads the state and the command, asks the ports it needs, and changes nothing itself.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.cases import DocumentRef, UnitRef
from contracts.course import ClockEvent, ClockEventType, Course, Major, Request, Support
from contracts.lifecycle import Act, HandoverKind, Role, Stage, Supervision, Track
from contracts.messages import (
    ArbiterRequest,
    BypassRequest,
    CaseState,
    ClockChange,
    ClockEffect,
    ClockFate,
    Command,
    GroundCheck,
    LinkCheck,
    MergeCheck,
    RouteCheck,
    RouteRequest,
    RouteVerdict,
    RunningClock,
)
from workflows import clocks, decide, major, parts, ports, splitting
from workflows.decide import Effect
from workflows.parts import Move, released
from workflows.parts import course_with as _with

GROUNDS_CHECKED = "grounds-checked"
"""The patch since when the ground of a return is checked."""


class Refused(Exception):
    """The services say no; the text is the code."""


class Moves:
    """The moves of officers' acts."""

    def __init__(self, ask: Any, patched: Callable[[str], bool]) -> None:
        """``patched``: may this run do what an earlier version did not (temporalio workflow.patched)?"""
        self._ask = ask
        self._patched = patched

    async def of(self, state: CaseState, command: Command, at: datetime) -> Move:
        """The move that a legal command makes at business time ``at``; raises Refused."""
        move = await self._of(state, command, at)
        course, effect = major.guarded_anew(state, state.model_copy(update=move.changes), move.effect)
        if effect is not move.effect:
            move = replace(move, effect=effect, changes={**move.changes, "course": course})
        return await self._given_away(state, move, at)

    async def _given_away(self, state: CaseState, move: Move, at: datetime) -> Move:
        """The move after which clocks run on that stood still on a ground of the unit that gives the case away."""
        holder = move.changes.get("holder", state.holder)
        if state.holder is None or (holder is not None and holder.unit_id == state.holder.unit_id):
            return move
        anew = {*move.effect.stops, *move.effect.starts}
        found = state.clocks if move.clocks is None else move.clocks
        left = tuple([clock if clock.deadline.purpose in anew else await self._ended(clock, at) for clock in found])
        return move if left == found else replace(move, clocks=left)

    async def _ended(self, clock: RunningClock, at: datetime) -> RunningClock:
        """The clock after its unit has given the case away: it runs on where what it stood on ends with that."""
        ground = clocks.stands_on(clock)
        if ground is None:
            return clock
        event = ClockEvent(type=ClockEventType.RESUME, at=at, ground=ground, handover=True)
        verdict = await self._ask(ports.change_clock, ClockChange(clock=clock, event=event, ground=ground))
        return clock if verdict.deadline is None else clocks.changed(clock, event, verdict.deadline, at)

    async def _of(self, state: CaseState, command: Command, at: datetime) -> Move:
        plain = Move(decide.effect(state, command.act, command.satisfaction))
        course = state.course
        match command.act:
            case Act.DISPATCH | Act.TRANSFER | Act.REFER:
                return await self._hand_over(state, command, plain.effect)
            case Act.HAND_TO_DESK:
                verdict = await self._route(state, command, to_desk=True)
                return Move(fated(state, plain.effect, verdict.effects), {"desk": verdict.unit, "holder": None})
            case Act.DESIGNATE:
                return await self._designate(state, command, plain.effect)
            case Act.BYPASS:
                return await self._bypass(state, plain.effect)
            case Act.LINK_RESPONDENTS | Act.CORRECT_RESPONDENTS:
                return await self._link(state, command, plain.effect)
            case Act.LINK_PERSONS:
                excluded = tuple(sorted({*course.excluded, *command.respondent_accounts}))
                return Move(plain.effect, {"course": _with(course, excluded=excluded)})
            case Act.REQUEST_RETURN if command.ground is not None and self._patched(GROUNDS_CHECKED):
                _refuse(await self._ask(ports.check_ground, GroundCheck(act=command.act, ground=command.ground)))
                return plain
            case Act.MARK_MAJOR:
                assert command.ground is not None
                _refuse(await self._ask(ports.check_ground, GroundCheck(act=command.act, ground=command.ground)))
                return Move(plain.effect, {"course": _with(course, major=Major(ground=command.ground))})
            case Act.REPORT_MAJOR:
                assert course.major is not None
                verdict = await self._route(state, command, to_desk=False)
                reported = course.major.model_copy(update={"reported": True, "superior": verdict.unit})
                return Move(plain.effect, {"course": _with(course, major=reported)})
            case Act.APPROVE_RETURN:
                return await self._return(state, plain.effect)
            case Act.RECALL:
                return Move(plain.effect, {"holder": None, "course": released(course)})
            case Act.RECLASSIFY:
                return await self._reclassify(state, command, plain.effect)
            case Act.ADD_SUPPORT:
                verdict = await self._route(state, command, to_desk=False)
                assert verdict.unit is not None
                asked = Support(unit=verdict.unit, asked_sequence=state.sequence + 1)
                return Move(plain.effect, {"course": _with(course, supports=(*course.supports, asked))})
            case Act.SUPPORT_ANSWER:
                return Move(plain.effect, {"course": answered(course, command.actor.unit_id, command.note)})
            case Act.RELEASE_SUPPORT:
                kept = tuple(support for support in course.supports if support.unit.unit_id != command.unit_id)
                return Move(plain.effect, {"course": _with(course, supports=kept)})
            case Act.REQUEST_EXTENSION | Act.GRANT_EXTENSION | Act.SUSPEND_CLOCK | Act.RESUME_CLOCK:
                return await self._clock(state, command, plain.effect, at)
            case Act.PROPOSE_REFERRAL:
                verdict = await self._route(state, command, to_desk=False)
                request = Request(
                    act=command.act,
                    unit=verdict.unit,
                    ground=command.ground,
                    asked_sequence=state.sequence + 1,
                    verify=verdict.verify,
                    asked_by=command.actor.account_id,
                )
                # The leader's days run from the report of the two who verified (国务院令第310号 art. 5).
                effect = replace(plain.effect, starts=()) if verdict.verify else plain.effect
                return Move(effect, {"course": _with(course, request=request)}, unit=verdict.unit)
            case Act.SPLIT:
                return await self._split(state, command, plain.effect)
            case Act.MERGE:
                return await self._merge(state, command, plain.effect)
        return Move(plain.effect, _plain_changes(state, command), unit=_counterpart(state, command.act))

    async def _hand_over(self, state: CaseState, command: Command, effect: Effect) -> Move:
        verdict = await self._route(state, command, to_desk=False)
        course = _with(released(state.course), kind=verdict.kind, basis=verdict.basis, ground=command.ground)
        fate = fated(state, effect, verdict.effects)
        if command.act is Act.REFER:
            course = _with(course, receiver=verdict.unit, kind=HandoverKind.REFER, papers=command.papers)
            return Move(fate, {"course": course}, unit=verdict.unit)
        on = (*course.passed, state.holder.unit_id) if command.act is Act.TRANSFER and state.holder else ()
        return Move(fate, {"holder": verdict.unit, "course": _with(course, passed=on)})

    async def _designate(self, state: CaseState, command: Command, effect: Effect) -> Move:
        verdict = await self._route(state, command, to_desk=False)
        course = _with(released(state.course), designated=True, kind=HandoverKind.ASSIGN, basis=verdict.basis)
        return Move(fated(state, effect, verdict.effects), {"holder": verdict.unit, "course": course})

    async def _bypass(self, state: CaseState, effect: Effect) -> Move:
        verdict = await self._ask(ports.find_bypass, _bypass_request(state))
        _refuse(verdict)
        course = _with(released(state.course), restricted=True)
        return Move(effect, {"desk": verdict.unit, "holder": None, "course": course})

    async def _link(self, state: CaseState, command: Command, effect: Effect) -> Move:
        """A guarded case is taken at once from a holder who turns out to be accused, and from others with a part."""
        respondents = decide.respondents_after(state, command)
        verdict = await self._ask(ports.check_respondents, _link_check(state, respondents))
        _refuse(verdict)
        changes: dict[str, Any] = {"linked": True, "respondent_units": respondents}
        if command.act is Act.CORRECT_RESPONDENTS:
            changes["linked"] = bool(respondents) or state.facts.track is Track.GENERAL
            changes["course"] = _with(state.course, excluded=tuple(sorted(command.respondent_accounts)))
        return parts.withheld(state, changes, verdict, effect)

    async def _return(self, state: CaseState, effect: Effect) -> Move:
        assert state.holder is not None
        assert state.desk is not None
        course = _with(released(state.course), bounces=state.course.bounces + 1)
        bounced = tuple(dict.fromkeys((*course.bounced, state.holder.unit_id)))
        course = _with(course, bounced=bounced)
        if effect.to is not Stage.ARBITRATION:
            return Move(effect, {"holder": None, "course": course})
        verdict = await self._ask(
            ports.find_arbiter,
            ArbiterRequest(
                case_id=state.facts.case_id,
                track=state.facts.track,
                region=state.facts.region,
                desk_id=state.desk.unit_id,
                unit_ids=bounced,
                respondent_units=state.respondent_units,
                restricted=state.course.restricted,
            ),
        )
        _refuse(verdict)
        return Move(effect, {"holder": None, "course": _with(course, arbiter=verdict.unit)}, unit=verdict.unit)

    async def _reclassify(self, state: CaseState, command: Command, effect: Effect) -> Move:
        facts = state.facts
        track = command.track or facts.track
        moved = facts.model_copy(update={"category": command.category, "track": track})
        changes: dict[str, Any] = {"facts": moved}
        if track is not facts.track:
            changes["desk"] = await self._desk(state, track, command.category or facts.category)
        return Move(effect, changes)

    async def _split(self, state: CaseState, command: Command, effect: Effect) -> Move:
        """The submission goes on as a report at the restricted desk; the general part becomes a case of its own."""
        desk = await self._desk(state, Track.INTEGRITY, state.facts.category)
        course = _with(state.course, split_case=splitting.split_case_id(state, command))
        facts = state.facts.model_copy(update={"track": Track.INTEGRITY})
        return Move(effect, {"facts": facts, "desk": desk, "course": course})

    async def _merge(self, state: CaseState, command: Command, effect: Effect) -> Move:
        assert command.main_case_id is not None
        assert state.desk is not None
        verdict = await self._ask(
            ports.check_merge,
            MergeCheck(
                case_id=state.facts.case_id,
                main_case_id=command.main_case_id,
                track=state.facts.track,
                desk_id=state.desk.unit_id,
                origin_case_id=state.course.origin_case,
            ),
        )
        _refuse(verdict)
        return Move(effect, {"course": _with(state.course, main_case=command.main_case_id)})

    async def _clock(self, state: CaseState, command: Command, effect: Effect, at: datetime) -> Move:
        course, request = state.course, state.course.request
        purpose = request.purpose if command.act is Act.GRANT_EXTENSION and request else command.purpose
        amount = request.amount if command.act is Act.GRANT_EXTENSION and request else command.amount
        clock = clocks.running(state.clocks, purpose) if purpose else None
        if clock is None:
            raise Refused("NO_SUCH_CLOCK")
        kind = {
            Act.SUSPEND_CLOCK: ClockEventType.SUSPEND,
            Act.RESUME_CLOCK: ClockEventType.RESUME,
        }.get(command.act, ClockEventType.EXTEND)
        event = ClockEvent(type=kind, at=at, amount=(amount or 0) if kind is ClockEventType.EXTEND else 0)
        asked = command.act is Act.REQUEST_EXTENSION
        change = ClockChange(clock=clock, event=event, ground=command.ground, asked=asked)
        verdict = await self._ask(ports.change_clock, change)
        _refuse(verdict)
        if asked:
            wanted = Request(
                act=command.act,
                purpose=purpose,
                amount=amount,
                asked_sequence=state.sequence + 1,
                asked_by=command.actor.account_id,
            )
            return Move(effect, {"course": _with(course, request=wanted)})
        event = event.model_copy(update={"ground": verdict.ground})
        changed = clocks.changed(clock, event, verdict.deadline, at)
        moved = tuple(changed if found is clock else found for found in state.clocks)
        cleared = {"course": _with(course, request=None)} if command.act is Act.GRANT_EXTENSION else {}
        return Move(effect, cleared, clocks=moved)

    async def _desk(self, state: CaseState, track: Track, category: str) -> UnitRef:
        """The desk of a track. What was sent past a superior stays where it is, and so does a report that stays one;
        a complaint that becomes a report goes to the next desk above where its own one is accused."""
        facts = state.facts
        assert state.desk is not None
        if state.course.restricted or track is facts.track:
            return state.desk
        wanted = RouteRequest(case_id=facts.case_id, track=track, category=category, region=facts.region)
        desk: UnitRef = _unit_of(await self._ask(ports.route_intake, wanted))
        if track is Track.INTEGRITY and state.respondent_units:
            moved = state.model_copy(update={"desk": desk})
            judged = await self._ask(ports.check_respondents, _link_check(moved, state.respondent_units))
            if desk.unit_id in judged.accused_ids:
                return _unit_of(await self._ask(ports.find_bypass, _bypass_request(moved)))
        return desk

    async def _route(self, state: CaseState, command: Command, *, to_desk: bool) -> RouteVerdict:
        facts, request = state.facts, state.course.request
        approved = request.unit if request is not None and request.approved else None
        verdict: RouteVerdict = await self._ask(
            ports.check_route,
            RouteCheck(
                case_id=facts.case_id,
                track=facts.track,
                category=facts.category,
                region=facts.region,
                unit_id=command.unit_id or "",
                from_unit=command.actor.unit_id or "",
                to_desk=to_desk,
                linked=state.linked,
                respondent_units=state.respondent_units,
                act=command.act,
                kind=command.kind,
                ground=command.ground,
                restricted=state.course.restricted,
                papers=command.papers,
                approved=approved is not None and approved.unit_id == command.unit_id,
                purposes=tuple(clock.deadline.purpose for clock in state.clocks),
            ),
        )
        _refuse(verdict)
        if verdict.unit is None:
            raise Refused("UNKNOWN_UNIT")
        return verdict


def fated(state: CaseState, effect: Effect, effects: tuple[ClockEffect, ...] | None) -> Effect:
    """The effect with what the hand-over does to the case's clocks; as the table has it where nothing is said."""
    if effects is None:
        return effect
    said = {found.purpose: found.fate for found in effects}
    running = {clock.deadline.purpose for clock in state.clocks}
    stops = tuple(purpose for purpose in effect.stops if said.get(purpose) is not ClockFate.CARRY)
    stops += tuple(purpose for purpose, fate in said.items() if fate is ClockFate.STOP and purpose not in stops)
    again = (purpose for purpose, fate in said.items() if fate is ClockFate.RESTART and purpose in running)
    return Effect(effect.to, stops, tuple(dict.fromkeys((*effect.starts, *again))), effect.redo)


def answered(course: Course, unit_id: str | None, document: DocumentRef | None) -> Course:
    """The course after a helping unit has answered."""
    return _with(
        course,
        supports=tuple(
            support.model_copy(update={"document": document}) if support.unit.unit_id == unit_id else support
            for support in course.supports
        ),
    )


def supervised(course: Course, level: Supervision) -> Course:
    """The course under supervision of at least this level (督办)."""
    return _with(course, supervision=max(course.supervision, level))


def recused(course: Course, command: Command) -> Course:
    """The course without an officer who keeps away; where it is a unit's leader, its decisions are the desk's."""
    actor = command.actor
    if command.act is Act.RECUSE:
        who, led = actor.account_id, actor.unit_id if Role.LEADER in actor.roles else None
    else:
        who, led = command.assignee, command.unit_id
    assert who is not None
    leaderless = {*course.leaderless, led} - {None}
    return _with(
        course, recused=tuple(sorted({*course.recused, who})), leaderless=tuple(sorted(filter(None, leaderless)))
    )


def let_back(course: Course, command: Command) -> Course:
    """The course with an officer who kept away; the unit that he leads decides for itself again, where one is named."""
    return _with(
        course,
        recused=tuple(account for account in course.recused if account != command.assignee),
        leaderless=tuple(unit_id for unit_id in course.leaderless if unit_id != command.unit_id),
    )


def _plain_changes(state: CaseState, command: Command) -> dict[str, Any]:
    course = state.course
    match command.act:
        case Act.DENY_EXTENSION | Act.DENY_REFERRAL:
            return {"course": _with(course, request=None)}
        case Act.RECUSE | Act.ORDER_RECUSAL:
            return {"course": recused(course, command)}
        case Act.LIFT_RECUSAL:
            return {"course": let_back(course, command)}
        case Act.VERIFY_REFERRAL if course.request is not None:
            return {"course": _with(course, request=course.vouched(command.actor.account_id))}
        case Act.APPROVE_REFERRAL if course.request is not None:
            return {"course": _with(course, request=course.request.model_copy(update={"approved": True}))}
        case Act.RECORD_RECEIPT:
            return {"course": _with(course, received=True)}
        case Act.RECORD_DISPOSAL:
            return {"course": _with(course, received=True, disposal=command.disposal)}
        case Act.REFERRAL_RETURNED:
            return {"course": released(course)}
        case Act.SUPERVISE:
            return {"course": _with(course, supervision=command.level)}
        case Act.LIFT_SUPERVISION:
            return {"course": _with(course, supervision=Supervision.NONE)}
        case Act.MARK_URGENT:
            return {"course": _with(course, urgent=True)}
        case Act.LIFT_MAJOR:
            return {"course": _with(course, major=None)}
        case Act.UNMERGE:
            return {"course": _with(course, main_case=None)}
        case Act.REPLY:
            return {"course": _with(course, request=None)} if course.request else {}
    return {}


def _counterpart(state: CaseState, act: Act) -> UnitRef | None:
    """Whom the clocks of a referral run for."""
    if act in (Act.RECORD_RECEIPT, Act.RECORD_DISPOSAL):
        return state.course.receiver
    decided = act in (Act.VERIFY_REFERRAL, Act.APPROVE_REFERRAL)
    return state.course.request.unit if decided and state.course.request else None


def _link_check(state: CaseState, respondents: tuple[str, ...]) -> LinkCheck:
    course = state.course
    superior = course.major.superior if course.major else None
    seats = [*(support.unit for support in course.supports), course.receiver, course.arbiter, superior, state.desk]
    return LinkCheck(
        case_id=state.facts.case_id,
        unit_ids=respondents,
        holder_id=state.holder.unit_id if state.holder else None,
        other_ids=tuple(sorted({unit.unit_id for unit in seats if unit is not None})),
    )


def _bypass_request(state: CaseState) -> BypassRequest:
    assert state.desk is not None
    return BypassRequest(
        case_id=state.facts.case_id,
        region=state.desk.region,
        desk_id=state.desk.unit_id,
        respondent_units=state.respondent_units,
    )


def _unit_of(verdict: RouteVerdict) -> UnitRef:
    _refuse(verdict)
    assert verdict.unit is not None
    return verdict.unit


def _refuse(verdict: Any) -> None:
    if verdict.refusal is not None:
        raise Refused(verdict.refusal)
