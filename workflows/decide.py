"""What an act does to a case, by the table in contracts/lifecycle.py. Pure: no time, no input or output of its own."""

from dataclasses import dataclass

from contracts.lifecycle import (
    DUTY,
    INSTEAD,
    MAX_REDO,
    RULE,
    SATISFIED,
    Act,
    Field,
    Party,
    Purpose,
    Rule,
    Seat,
    Stage,
    Track,
)
from contracts.messages import Actor, CaseState, Command, Task
from workflows import clocks

NO_SUCH_STEP = "NOT_LEGAL_NOW"
NOT_YOUR_UNIT = "NOT_YOUR_UNIT"
NOT_YOUR_ROLE = "NOT_YOUR_ROLE"
NOT_YOURS = "NOT_YOURS"
ALREADY_YOURS = "ALREADY_YOURS"
STALE_VIEW = "STALE"
NOT_LINKED = "NOT_LINKED"


def seat_unit(state: CaseState, seat: Seat) -> str | None:
    """The id of the unit in a seat of the case."""
    unit = state.desk if seat is Seat.DESK else state.holder
    return unit.unit_id if unit else None


def refusal(state: CaseState, command: Command) -> str | None:
    """Why an officer's command can't be done now: a code, or None when it can."""
    rule = RULE[command.act]
    if rule.party is not Party.OFFICER or state.stage not in rule.stages:
        return NO_SUCH_STEP
    if not state.changed_sequence <= command.expected_sequence <= state.sequence:
        return STALE_VIEW
    missing = next((need for need in rule.needs if not _brought(command, need)), None)
    if missing is not None:
        return f"MISSING_{missing.name}"
    if command.act is Act.CLAIM:
        return _claim_refusal(state.task, command.actor)
    if not set(rule.roles) & set(command.actor.roles):
        return NOT_YOUR_ROLE
    if rule.seat is not None:
        if seat_unit(state, rule.seat) != command.actor.unit_id:
            return NOT_YOUR_UNIT
        if state.task and _anothers(state.task, command.actor):
            return NOT_YOURS
    if command.act is Act.ACCEPT and _unlinked(state):
        return NOT_LINKED
    return None


def _unlinked(state: CaseState) -> bool:
    """A report stays at the restricted desk until it is known whom it accuses (信访工作条例 art. 30)."""
    return state.facts.track is Track.INTEGRITY and not state.linked


def _brought(command: Command, need: Field) -> bool:
    return bool(getattr(command, need.value) or (need in INSTEAD and getattr(command, INSTEAD[need].value)))


def _anothers(task: Task, actor: Actor) -> bool:
    """A colleague of the same unit has taken the task; another unit's task is no hindrance to what this one may do."""
    return task.unit_id == actor.unit_id and task.assignee not in (None, actor.account_id)


def respondents_after(state: CaseState, command: Command) -> tuple[str, ...]:
    """The linked units after LINK_RESPONDENTS, in order of their ids.

    On a report linking only adds: whoever was once found to be accused never receives it (信访工作条例 art. 30).
    """
    before = state.respondent_units if state.facts.track is Track.INTEGRITY else ()
    return tuple(sorted({*before, *command.respondent_units}))


def _claim_refusal(task: Task | None, actor: Actor) -> str | None:
    if task is None:
        return NO_SUCH_STEP
    if task.unit_id != actor.unit_id:
        return NOT_YOUR_UNIT
    if task.role not in actor.roles:
        return NOT_YOUR_ROLE
    if task.assignee is None:
        return None
    return ALREADY_YOURS if task.assignee == actor.account_id else NOT_YOURS


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
    if act is Act.RATE or (act is Act.RECORD_VISIT and satisfaction is not None):
        return _rated(state, satisfaction)
    if act is Act.RECORD_VISIT:
        waiting = clocks.running(state.clocks, Purpose.SILENCE) is not None
        return Effect(state.stage, (Purpose.VISIT,), () if waiting else (Purpose.SILENCE,))
    if act is Act.SUPPLEMENT:
        answered = state.stage is Stage.SUPPLEMENT
        return Effect(Stage.TRIAGE if answered else state.stage, rule.stops if answered else (), ())
    return Effect(rule.to or state.stage, rule.stops, rule.starts)


RECALL = (Purpose.SIGN, Purpose.VISIT, Purpose.SILENCE, Purpose.REDO)
"""Clocks that end when a report is taken back from a holder who turns out to be accused; handling goes on."""


def recalled(state: CaseState) -> Effect:
    """A report leaves a holder who turns out to be accused, at once, and waits to be dispatched anew."""
    handling = clocks.running(state.clocks, Purpose.HANDLE) is not None
    return Effect(Stage.PENDING_DISPATCH, RECALL, () if handling else (Purpose.HANDLE,))


def _rated(state: CaseState, satisfaction: int | None) -> Effect:
    if satisfaction is None:
        raise ValueError("a rating needs a satisfaction of 1 to 5")
    if state.stage is Stage.CLOSED:
        return Effect(Stage.CLOSED, (), ())
    ends = (Purpose.VISIT, Purpose.SILENCE)
    if satisfaction < SATISFIED and state.redo_count < MAX_REDO:
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
    unit = seat_unit(state, duty.seat)
    if unit is None:
        raise ValueError(f"stage {state.stage} has nobody in its seat {duty.seat}")
    before = state.task
    if before is None or (before.kind, before.unit_id) != (duty.kind, unit):
        return Task(kind=duty.kind, unit_id=unit, role=duty.role, opened_sequence=sequence)
    if command is not None and before.assignee is None and command.actor.unit_id == unit and _takes(RULE[command.act]):
        return before.model_copy(update={"assignee": command.actor.account_id})
    return before


def _takes(rule: Rule) -> bool:
    return rule.act is Act.CLAIM or rule.seat is not None
