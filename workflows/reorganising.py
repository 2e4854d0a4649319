"""What a case makes of a unit that has a successor and of an officer who has left. Pure."""

from dataclasses import replace
from typing import Any

from contracts import judge
from contracts.cases import UnitRef
from contracts.lifecycle import Act
from contracts.messages import CaseState, Departure, LinkVerdict, Succession
from workflows import decide, parts
from workflows.parts import Move


def succeeded(state: CaseState, word: Succession) -> Move | None:
    """The move when a unit's successor takes its seats and its task, with whoever holds it; None when nothing changes.

    Where the unit is a respondent its successor is one too, and a report leaves the seats of whom it accuses then.
    """
    seated = _seated(state, word)
    desk, holder = seated["desk"], seated["holder"]
    if judge.guarded(state) and desk is not None and desk.unit_id in word.accused_ids and word.desk is not None:
        seated["desk"] = word.desk
    accused = holder is not None and holder.unit_id in word.accused_ids
    verdict = LinkVerdict(holder_accused=accused, accused_ids=word.accused_ids)
    move = parts.withheld(state, seated, verdict, decide.effect(state, Act.SUCCEED))
    changes = {name: value for name, value in move.changes.items() if value != getattr(state, name)}
    return replace(move, changes=changes) if changes else None


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
    major = course.major.model_copy(update={"superior": heir(course.major.superior)}) if course.major else None
    seats = {"major": major, "arbiter": heir(course.arbiter), "receiver": heir(course.receiver), "supports": supports}
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
