"""Cases that belong together: what one case makes of what another tells it (并案). Pure."""

from contracts.lifecycle import RULE, Act
from contracts.messages import CaseState, Joined
from workflows import decide
from workflows.handover import Move


def declines(state: CaseState, joined: Joined) -> bool:
    """True when the case can't take the other's complaints any more: the other goes on by itself."""
    return joined.act is Act.ABSORB and not _knows(state, joined) and state.stage not in RULE[Act.ABSORB].stages


def move(state: CaseState, joined: Joined) -> Move | None:
    """What the word changes; None when it was heard before, or comes too late."""
    if state.stage not in RULE[joined.act].stages:
        return None
    facts, course = state.facts, state.course
    plain = Move(decide.effect(state, joined.act))
    match joined.act:
        case Act.MERGE_ENDED | Act.MERGE_FAILED if course.main_case != joined.case_id:
            return None
        case Act.MERGE_ENDED:
            return plain
        case Act.MERGE_FAILED:
            return unmerged(state)
        case Act.ABSORB if not _knows(state, joined):
            complaints = tuple(dict.fromkeys((*facts.complaint_ids, *joined.complaint_ids)))
            merged = (*course.merged_cases, joined.case_id)
        case Act.DISOWN if _knows(state, joined):
            complaints = tuple(found for found in facts.complaint_ids if found not in joined.complaint_ids)
            merged = tuple(found for found in course.merged_cases if found != joined.case_id)
        case _:
            return None
    changes = {
        "facts": facts.model_copy(update={"complaint_ids": complaints}),
        "course": course.model_copy(update={"merged_cases": merged}),
    }
    return Move(plain.effect, changes)


def unmerged(state: CaseState) -> Move:
    """The case goes on by itself: the main one would not have it."""
    course = state.course.model_copy(update={"main_case": None})
    return Move(decide.effect(state, Act.MERGE_FAILED), {"course": course})


def _knows(state: CaseState, joined: Joined) -> bool:
    return joined.case_id in state.course.merged_cases
