"""What a case makes of a unit that has a successor and of an officer who has left. Pure."""

from dataclasses import replace
from typing import Any

from contracts.cases import UnitRef
from contracts.lifecycle import ENDED, Act, Purpose, Stage, Track
from contracts.messages import CaseState, Departure, Succession
from workflows import decide
from workflows.handover import Move, released


def succeeded(state: CaseState, word: Succession) -> Move | None:
    """The move when a unit's successor takes its seats and its task, with whoever holds it; None when nothing changes.

    Where the unit is a respondent its successor is one too, and a report leaves the seats of whom it accuses then.
    """
    seated = _seated(state, word)
    accused = set(word.accused_ids) if state.facts.track is Track.INTEGRITY else set()
    moved = state.model_copy(update=seated)
    course, at_work = moved.course, state.stage not in ENDED and state.stage is not Stage.MERGED
    effect = decide.effect(state, Act.SUCCEED)
    if moved.desk is not None and moved.desk.unit_id in accused and word.desk is not None:
        seated["desk"] = word.desk
    supports = tuple(support for support in course.supports if support.unit.unit_id not in accused)
    if supports != course.supports:
        course = course.model_copy(update={"supports": supports})
        effect = replace(effect, stops=() if course.waiting_supports() else (Purpose.SUPPORT,))
    if {unit.unit_id for unit in (moved.holder, course.arbiter, course.receiver) if unit is not None} & accused:
        course, seated["holder"] = released(course), None
        effect = decide.recalled(state) if at_work else effect
    seated["course"] = course
    changes = {name: value for name, value in seated.items() if value != getattr(state, name)}
    return Move(effect, changes) if changes else None


def _seated(state: CaseState, word: Succession) -> dict[str, Any]:
    """Seats, task and respondents with the successor in the unit's place."""

    def heir(unit: UnitRef | None) -> UnitRef | None:
        return word.successor if unit is not None and unit.unit_id == word.unit_id else unit

    course, task, respondents = state.course, state.task, set(state.respondent_units)
    if word.unit_id in respondents:
        respondents.add(word.successor.unit_id)
    supports = tuple(support.model_copy(update={"unit": heir(support.unit)}) for support in course.supports)
    request = course.request.model_copy(update={"unit": heir(course.request.unit)}) if course.request else None
    if task is not None and task.unit_id == word.unit_id:
        task = task.model_copy(update={"unit_id": word.successor.unit_id})
    seats = {"arbiter": heir(course.arbiter), "receiver": heir(course.receiver), "supports": supports}
    return {
        "desk": heir(state.desk),
        "holder": heir(state.holder),
        "course": course.model_copy(update={**seats, "request": request}),
        "respondent_units": tuple(sorted(respondents)),
        "task": task,
    }


def handed_on(state: CaseState, departure: Departure) -> Move | None:
    """The move when the officer who holds the task has left; None when he does not hold it."""
    task = state.task
    if task is None or task.assignee != departure.account_id:
        return None
    left = task.model_copy(update={"assignee": departure.heir_id})
    return Move(decide.effect(state, Act.HAND_ON), {"task": left})
