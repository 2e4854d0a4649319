"""One step of a case: the clocks it wants, the state it leads to, and what lapses, messages and successions make. Pure.

The workflow does what is not pure between these: it asks for deadlines, records the step, and only then moves.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from contracts.cases import Deadline
from contracts.lifecycle import LADDER, QUIET, RULE, Act
from contracts.messages import ActResult, CaseState, ClockRequest, Command, ReporterMessage
from workflows import clocks, decide, handover
from workflows.parts import Move

KEPT_RESULTS = 100


def wanted(state: CaseState, move: Move, at: datetime) -> list[ClockRequest]:
    """The clocks that the move starts at business time ``at``: for whom it says, else for the holder or the desk."""
    moved = state.model_copy(update=move.changes)
    unit = move.unit or moved.holder or moved.desk
    facts = moved.facts
    return [
        ClockRequest(
            purpose=purpose,
            track=facts.track,
            channel=facts.channel,
            category=facts.category,
            unit_id=unit.unit_id if unit else None,
            started_at=at,
        )
        for purpose in move.effect.starts
    ]


def stepped(
    old: CaseState,
    act: Act,
    move: Move,
    deadlines: Sequence[Deadline],
    command: Command | None = None,
    satisfaction: int | None = None,
) -> CaseState:
    """The state after a step; ``deadlines`` of the clocks that it wanted, in order."""
    effect, sequence = move.effect, old.sequence + 1
    if command is not None:
        satisfaction = command.satisfaction
    quiet = act in QUIET and effect.to is old.stage
    left = clocks.without(old.clocks if move.clocks is None else move.clocks, effect.stops)
    moved = old.model_copy(
        update={
            **move.changes,
            "sequence": sequence,
            "changed_sequence": old.changed_sequence if quiet else sequence,
            "stage": effect.to,
            "clocks": clocks.started(left, deadlines),
            "redo_count": old.redo_count + (1 if effect.redo else 0),
            "satisfaction": satisfaction or old.satisfaction,
            "public_document": (command.public_reply if command else None) or old.public_document,
            "outcome": (command.outcome if command else None) or old.outcome,
        }
    )
    return moved.model_copy(update={"task": decide.task_after(moved, command, sequence)})


def answered(state: CaseState, command: Command) -> CaseState:
    """The state that remembers what the command led to."""
    result = ActResult(command_id=command.command_id, sequence=state.sequence, stage=state.stage)
    return state.model_copy(update={"results": (*state.results, result)[-KEPT_RESULTS:]})


def lapsed(state: CaseState, due: clocks.Due) -> Move:
    """What a clock's end, the warning before it, or a step of the ladder after it makes of the case."""
    move = Move(decide.effect(state, due.act))
    if due.act in (Act.DUE_SOON, Act.OVERDUE):
        return replace(move, clocks=clocks.marked(state.clocks, due))
    clock = clocks.running(state.clocks, due.purpose)
    if due.act in LADDER and clock is not None and clock.rungs:
        course = handover.supervised(state.course, clock.rungs[0].level)
        return replace(move, changes={"course": course}, clocks=clocks.climbed(state.clocks, due))
    return move


def heard(state: CaseState, message: ReporterMessage) -> Move | None:
    """What a reporter's message makes of the case; None when it comes too late."""
    if state.stage not in RULE[message.act].stages:
        return None
    return Move(decide.effect(state, message.act, message.satisfaction))
