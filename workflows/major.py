"""A major clue (重大线索): its mark, its report to the authority above, and when that has to be made anew. Pure."""

from collections.abc import Collection
from dataclasses import replace

from contracts import judge
from contracts.course import Course, Major
from contracts.lifecycle import RULE, Act, Purpose
from contracts.messages import CaseState
from workflows.decide import Effect


def withdrawn(state: CaseState, course: Course, effect: Effect, accused: Collection[str]) -> tuple[Course, Effect]:
    """The course and effect after a superior that is accused has lost its part; another one is told then."""
    major = course.major
    if major is None or major.superior is None or major.superior.unit_id not in accused:
        return course, effect
    return _anew(state, course, effect, major)


def guarded_anew(before: CaseState, after: CaseState, effect: Effect) -> tuple[Course, Effect]:
    """The same when a case becomes guarded: to whom it was reported was not asked whether it is accused."""
    major = after.course.major
    if major is None or major.superior is None or judge.guarded(before) or not judge.guarded(after):
        return after.course, effect
    return _anew(before, after.course, effect, major)


def _anew(state: CaseState, course: Course, effect: Effect, major: Major) -> tuple[Course, Effect]:
    again = state.stage in RULE[Act.REPORT_MAJOR].stages
    left = major.model_copy(update={"superior": None, "reported": not again})
    starts = (*effect.starts, Purpose.REPORT_UP) if again else effect.starts
    return course.model_copy(update={"major": left}), replace(effect, starts=starts)
