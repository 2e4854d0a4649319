"""What an act does to a case, by the table in contracts/lifecycle. Pure: no time, no input or output of its own."""

from dataclasses import dataclass, replace

from contracts import judge
from contracts.lifecycle import (
    ARBITRATED_BOUNCE,
    DESK_ROLE,
    DUTY,
    MAX_REDO,
    ROLES_AT,
    RULE,
    SATISFIED,
    Act,
    Field,
    HandoverKind,
    Party,
    Purpose,
    Rule,
    Seat,
    Stage,
)
from contracts.messages import CaseState, Command, Task
from workflows import clocks


def refusal(state: CaseState, command: Command) -> str | None:
    """Why an officer's command can't be done now: a code, or None when it can."""
    rule = RULE[command.act]
    if rule.party is not Party.OFFICER or state.stage not in rule.stages:
        return judge.ILLEGAL_ACT
    if judge.is_stale(state, command.expected_sequence):
        return judge.STALE
    unfit = judge.refuse_wish(command, state, lambda need: _brought(command, need))
    return unfit or judge.refusal(command.act, command.actor, state)


def _brought(command: Command, need: Field) -> bool:
    return bool(getattr(command, need.value))


def respondents_after(state: CaseState, command: Command) -> tuple[str, ...]:
    """The linked units after an act that links, in order of their ids.

    On a guarded case linking only adds: whoever was once found to be accused never receives it (信访工作条例 art. 30),
    unless a supervisor corrects it on record.
    """
    adds = command.act is Act.LINK_RESPONDENTS and judge.guarded(state)
    return tuple(sorted({*(state.respondent_units if adds else ()), *command.respondent_units}))


@dataclass(frozen=True)
class Effect:
    """Where an act leads: the stage, the clocks to stop and to start, and whether it counts as the redo."""

    to: Stage
    stops: tuple[Purpose, ...]
    starts: tuple[Purpose, ...]
    redo: bool = False


def effect(state: CaseState, act: Act, satisfaction: int | None = None) -> Effect:
    """The effect of a legal act. ``satisfaction`` (1–5) decides a rating or a call-back."""
    rule = RULE[act]
    plain = Effect(rule.to or state.stage, rule.stops, rule.starts)
    if act is Act.RATE or (act is Act.RECORD_VISIT and satisfaction is not None):
        return _rated(state, satisfaction)
    match act:
        case Act.RECORD_VISIT:
            waiting = clocks.running(state.clocks, Purpose.SILENCE) is not None
            return Effect(state.stage, (Purpose.VISIT,), () if waiting else (Purpose.SILENCE,))
        case Act.SUPPLEMENT:
            answered = state.stage is Stage.SUPPLEMENT
            return Effect(Stage.TRIAGE if answered else state.stage, rule.stops if answered else (), ())
        case Act.REPLY if state.course.kind is HandoverKind.FORWARD and state.stage is not Stage.REFERRED:
            # 转送: nobody is owed an answer but the reporter, so there is no review.
            passed = RULE[Act.REVIEW_PASS]
            return Effect(Stage.PENDING_VISIT, (*rule.stops, *passed.stops), passed.starts)
        case Act.REPLY:
            return replace(plain, to=Stage.FEEDBACK)
        case Act.REVIEW_FAIL:
            return replace(plain, to=Stage.REFERRED if state.course.receiver else Stage.HANDLING)
        case Act.APPROVE_RETURN if state.course.bounces + 1 >= ARBITRATED_BOUNCE:
            return replace(plain, to=Stage.ARBITRATION, starts=(Purpose.DESIGNATE,))
        case Act.APPROVE_RETURN:
            return replace(plain, to=Stage.PENDING_DISPATCH)
        case Act.REFERRAL_RETURNED:
            to = Stage.HANDLING if state.holder else Stage.PENDING_DISPATCH
            return Effect(to, rule.stops, _missing_handle(state))
        case Act.VERIFY_REFERRAL if not state.course.vouching():
            return replace(plain, starts=())  # whoever asked must not act any more: this is the first of two
        case Act.SUPPORT_ANSWER | Act.RELEASE_SUPPORT if len(state.course.waiting_supports()) == 1:
            return replace(plain, stops=(Purpose.SUPPORT,))
    return plain


def recalled(state: CaseState) -> Effect:
    """A guarded case leaves whoever has it and turns out to be accused, at once, and waits to be dispatched anew."""
    stops = (*RULE[Act.RECALL].stops, Purpose.DESIGNATE, Purpose.VISIT, Purpose.SILENCE, Purpose.REDO)
    return Effect(Stage.PENDING_DISPATCH, stops, _missing_handle(state))


def _missing_handle(state: CaseState) -> tuple[Purpose, ...]:
    return () if clocks.running(state.clocks, Purpose.HANDLE) else (Purpose.HANDLE,)


def _rated(state: CaseState, satisfaction: int | None) -> Effect:
    if satisfaction is None:
        raise ValueError("a rating needs a satisfaction of 1 to 5")
    if state.stage is Stage.CLOSED:
        return Effect(Stage.CLOSED, (), ())
    ends = (Purpose.VISIT, Purpose.SILENCE)
    # What was referred has left our hands: there is nobody here to handle it again.
    again = satisfaction < SATISFIED and state.redo_count < MAX_REDO and state.holder is not None
    if again and state.course.receiver is None:
        return Effect(Stage.REDO, ends, (Purpose.REDO,), redo=True)
    return Effect(Stage.CLOSED, ends, (Purpose.REVIEW_REQUEST,))


def task_after(state: CaseState, command: Command | None, sequence: int) -> Task | None:
    """The open task of a state that an act has just led to; ``state.task`` is still the one before.

    Who acts on a task that nobody holds has taken it; the hold lasts as long as the task does.
    """
    duty = DUTY.get(state.stage)
    if duty is None or (
        state.stage is Stage.PENDING_VISIT and clocks.running(state.clocks, Purpose.SILENCE) is not None
    ):
        return None
    unit = next(iter(judge.units_at(state, duty.seat)), None)
    if unit is None:
        raise ValueError(f"stage {state.stage} has nobody in its seat {duty.seat}")
    at_desk = duty.seat is Seat.SENDER and state.holder is None
    role = DESK_ROLE.get(duty.kind, duty.role) if at_desk else duty.role
    before = state.task
    if before is None or (before.kind, before.unit_id) != (duty.kind, unit):
        return Task(kind=duty.kind, unit_id=unit, role=role, opened_sequence=sequence)
    excluded = state.course.barred
    if before.assignee in excluded:
        before = before.model_copy(update={"assignee": None})
    if command is not None and command.act is Act.REASSIGN:
        return before.model_copy(update={"assignee": command.assignee})
    free = before.assignee is None and command is not None and command.actor.account_id not in excluded
    if command is not None and free and command.actor.unit_id == unit and _takes(before, command):
        return before.model_copy(update={"assignee": command.actor.account_id})
    return before


def _takes(task: Task, command: Command) -> bool:
    rule: Rule = RULE[command.act]
    if rule.act is Act.VERIFY_REFERRAL:
        return False  # the second officer confirms; the task stays whose it is
    own = any(task.role in ROLES_AT.get(seat, ROLES_AT[Seat.HOLDER] | ROLES_AT[Seat.DESK]) for seat in rule.seats)
    return rule.act is Act.CLAIM or (own and task.role in rule.roles and task.role in command.actor.roles)
