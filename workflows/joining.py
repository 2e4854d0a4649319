"""Cases that belong together: what one case makes of what another tells it (并案). Pure."""

from uuid import UUID

from contracts.lifecycle import RULE, Act
from contracts.messages import CaseState, Command, Joined
from workflows import decide
from workflows.parts import Move


def news(before: CaseState, after: CaseState, command: Command) -> tuple[UUID, Joined] | None:
    """What a command means for another case, and for which: the main one takes over, or lets go."""
    facts = before.facts
    if command.act is Act.MERGE and after.course.main_case is not None:
        main, act = after.course.main_case, Act.ABSORB
    elif command.act is Act.UNMERGE and before.course.main_case is not None:
        main, act = before.course.main_case, Act.DISOWN
    else:
        return None
    return main, Joined(act=act, case_id=facts.case_id, complaint_ids=facts.complaint_ids)


def refused(state: CaseState, joined: Joined) -> tuple[UUID, Joined]:
    """The answer to a case that can't be taken any more."""
    return joined.case_id, Joined(act=Act.MERGE_FAILED, case_id=state.facts.case_id)


def ended(state: CaseState) -> tuple[tuple[UUID, Joined], ...]:
    """What the end of a main case means for those that were joined to it."""
    end = Joined(act=Act.MERGE_ENDED, case_id=state.facts.case_id)
    return tuple((merged, end) for merged in state.course.merged_cases)


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
            # The parts of a split have one complaint in common, which each keeps.
            shared = joined.case_id in (course.split_case, course.origin_case)
            gone = () if shared else joined.complaint_ids
            complaints = tuple(found for found in facts.complaint_ids if found not in gone)
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
