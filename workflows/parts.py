"""Who has a part in a case, and what becomes of it when units turn out to be accused or have a successor. Pure."""

from dataclasses import dataclass, field, replace
from typing import Any

from contracts import judge
from contracts.cases import UnitRef
from contracts.course import Course, Support
from contracts.lifecycle import ENDED, Purpose, Stage
from contracts.messages import CaseState, LinkVerdict, RunningClock
from workflows import decide, major
from workflows.decide import Effect


@dataclass(frozen=True)
class Move:
    """What a step changes: the effect on stage and clocks, fields of the state, and clocks that are no longer as they
    were. ``unit``: whom the clocks that start run for, when not the holder or the desk."""

    effect: Effect
    changes: dict[str, Any] = field(default_factory=dict)
    clocks: tuple[RunningClock, ...] | None = None
    unit: UnitRef | None = None


def course_with(course: Course, **changes: Any) -> Course:
    """The course with other values in these fields."""
    return course.model_copy(update=changes)


def released(course: Course) -> Course:
    """The course when a hand-over ends: no helpers, no open request, nobody it was referred to."""
    return course_with(
        course, kind=None, basis=None, ground=None, supports=(), request=None, arbiter=None, receiver=None,
        received=False, papers=(), disposal=None, designated=False,
    )  # fmt: skip


def withheld(state: CaseState, changes: dict[str, Any], verdict: LinkVerdict, effect: Effect) -> Move:
    """The move after which nobody whom a guarded case accuses has a part in it.

    Helpers are let go. From a holder, a receiver or an arbiter the case is taken and dispatched anew; but what was
    referred to somebody who is not accused stays there, and the desk takes the accused sender's place.
    """
    after = state.model_copy(update=changes)
    if not judge.guarded(after):
        return supported(state, changes, effect)
    accused = set(verdict.accused_ids)
    kept = tuple(support for support in after.course.supports if support.unit.unit_id not in accused)
    course, effect = major.withdrawn(state, course_with(after.course, supports=kept), effect, accused)
    through = any(unit is not None and unit.unit_id in accused for unit in (course.receiver, course.arbiter))
    going = state.stage not in ENDED | {Stage.MERGED}
    if going and (through or (verdict.holder_accused and course.receiver is None)):
        recalled = decide.recalled(state)
        again = tuple(purpose for purpose in effect.starts if purpose is Purpose.REPORT_UP)
        recalled = replace(recalled, starts=(*recalled.starts, *again))
        return Move(recalled, {**changes, "holder": None, "course": released(course)})
    if through:
        course = released(course)
    left = {"holder": None} if verdict.holder_accused else {}
    return supported(state, {**changes, **left, "course": course}, effect)


def supported(state: CaseState, changes: dict[str, Any], effect: Effect) -> Move:
    """The move with each helper once, none of them the holder, and no clock for helpers where none is waited for."""
    after = state.model_copy(update=changes)
    kept: dict[str, Support] = {}
    for support in sorted(after.course.supports, key=lambda support: support.document is not None):
        if after.holder is None or support.unit.unit_id != after.holder.unit_id:
            kept.setdefault(support.unit.unit_id, support)
    course = after.course
    if len(kept) < len(course.supports):
        course = course_with(course, supports=tuple(kept.values()))
    if not course.waiting_supports():
        effect = replace(effect, stops=(*effect.stops, Purpose.SUPPORT))
    same = course is state.course
    return Move(effect, changes if same else {**changes, "course": course})
