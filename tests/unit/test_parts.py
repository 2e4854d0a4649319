"""What the model found, each as a case of its own: seats, clocks and secrets that an act once left behind."""

from uuid import UUID, uuid4

import pytest

from contracts import judge
from contracts.lifecycle import RULE, Act, Purpose, Stage, Track
from contracts.messages import CaseState, Joined
from tests.unit.world import OFFICERS, UNITS, World
from workflows import clocks, joining


def act(world: World, case_id: UUID, wanted: Act, **fields: object) -> str | None:
    """Done by the first officer who may; the refusal's code when it is refused."""
    state = world.cases[case_id]
    codes = {judge.refusal(wanted, officer, state): officer for officer in OFFICERS}
    if None not in codes:
        return next(code for code in codes if code not in (judge.NOT_YOUR_UNIT, judge.NOT_YOUR_ROLE))
    [command, *_] = world.commands(case_id, codes[None], RULE[wanted])
    return world.does(case_id, command.model_copy(update=fields))


def life(
    world: World, track: Track, *steps: tuple[Act, dict[str, object]] | Act, category: str | None = None
) -> tuple[UUID, CaseState]:
    """A case that went this way."""
    case_id = world.new(track, category)
    for step in steps:
        wanted, fields = step if isinstance(step, tuple) else (step, {})
        assert act(world, case_id, wanted, **fields) is None, wanted
    return case_id, world.cases[case_id]


def to(unit_id: str, wanted: Act = Act.DISPATCH) -> tuple[Act, dict[str, object]]:
    return wanted, {"unit_id": unit_id, "kind": None}


def link(*unit_ids: str) -> tuple[Act, dict[str, object]]:
    return Act.LINK_RESPONDENTS, {"respondent_units": unit_ids}


HOSPITAL = link("hosp-a")
INSURANCE = "0110"
"""A category of which the insurance bureau takes the lead."""


def test_a_complaint_that_becomes_a_report_passes_by_a_desk_that_it_accuses() -> None:
    _, state = life(World(), Track.GENERAL, link("wj-a"), (Act.RECLASSIFY, {"track": Track.INTEGRITY}))
    assert state.desk == UNITS["rdesk-p"].ref()


def test_what_passed_by_a_superior_does_not_come_back_by_a_correction() -> None:
    _, state = life(World(), Track.GENERAL, Act.BYPASS, (Act.RECLASSIFY, {"track": Track.INTEGRITY}))
    assert state.desk == UNITS["rdesk-p"].ref()


def test_what_passed_by_a_superior_never_goes_to_whom_it_accuses() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL, Act.BYPASS, link("wj-a"), Act.ACCEPT)
    assert act(world, case_id, Act.DISPATCH, unit_id="wj-a", kind=None) == "ACCUSED"


def test_what_was_referred_stays_there_when_its_sender_turns_out_to_be_accused() -> None:
    world = World()
    case_id, away = life(
        world, Track.INTEGRITY, HOSPITAL, Act.ACCEPT, to("yb-a"), Act.SIGN,
        (Act.PROPOSE_REFERRAL, {"unit_id": "jj-a"}), Act.APPROVE_REFERRAL, to("jj-a", Act.REFER), category=INSURANCE,
    )  # fmt: skip
    assert act(world, case_id, Act.LINK_RESPONDENTS, respondent_units=("yb-a",)) is None
    state = world.cases[case_id]
    assert (state.stage, state.holder, state.course.receiver) == (Stage.REFERRED, None, away.course.receiver)
    assert state.task is not None
    assert state.task.unit_id == "rdesk-a"


def test_a_helper_that_is_let_go_takes_its_clock_along() -> None:
    world = World()
    case_id, _ = life(world, Track.INTEGRITY, HOSPITAL, Act.ACCEPT, to("jj-a"), Act.SIGN, to("yb-a", Act.ADD_SUPPORT))
    assert act(world, case_id, Act.LINK_RESPONDENTS, respondent_units=("yb-a",)) is None
    state = world.cases[case_id]
    assert not state.course.supports
    assert clocks.running(state.clocks, Purpose.SUPPORT) is None


def test_a_unit_does_not_help_itself() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL, Act.ACCEPT, to("wj-a"), Act.SIGN)
    assert act(world, case_id, Act.ADD_SUPPORT, unit_id="wj-a") == judge.SAME_UNIT


def test_an_accused_person_neither_keeps_nor_gets_the_task() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL)
    assert act(world, case_id, Act.LINK_PERSONS, respondent_accounts=("desk-a-2",)) is None
    assert act(world, case_id, Act.REASSIGN, assignee="desk-a-2") == judge.ASSIGNEE_EXCLUDED


def test_who_links_itself_as_accused_does_not_take_the_task_by_it() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL)
    doer = next(it for it in OFFICERS if it.unit_id == "desk-a")
    [command] = world.commands(case_id, doer, RULE[Act.LINK_PERSONS])
    own = command.model_copy(update={"respondent_accounts": (doer.account_id,)})
    assert world.does(case_id, own) is None
    task = world.cases[case_id].task
    assert task is not None
    assert task.assignee is None


def test_a_designated_holder_does_not_pass_the_case_on() -> None:
    back = (Act.REQUEST_RETURN, Act.APPROVE_RETURN)
    world = World()
    case_id, _ = life(world, Track.GENERAL, Act.ACCEPT, to("wj-a"), *back, to("wj-p"), *back, to("wj-a", Act.DESIGNATE))
    assert act(world, case_id, Act.TRANSFER, unit_id="wj-p", kind=None) == judge.DESIGNATED


@pytest.mark.parametrize("away", [Act.RECLASSIFY, Act.BYPASS, Act.HAND_TO_DESK])
def test_the_period_of_a_redo_ends_when_the_case_begins_anew(away: Act) -> None:
    world = World()
    answer = (Act.REPLY, Act.REVIEW_PASS)
    case_id, _ = life(
        world, Track.GENERAL, Act.ACCEPT, to("wj-a"), Act.SIGN, *answer, (Act.RECORD_VISIT, {"satisfaction": 1}),
        Act.REPLY, Act.REVIEW_FAIL, Act.RECALL,
    )  # fmt: skip
    assert clocks.running(world.cases[case_id].clocks, Purpose.REDO)
    assert act(world, case_id, away, unit_id="desk-b") is None
    assert {clock.deadline.purpose for clock in world.cases[case_id].clocks} == {Purpose.ACKNOWLEDGE}


def test_an_accused_successor_takes_no_seat_in_a_report() -> None:
    world = World()
    steps = (HOSPITAL, link("wj-b"), Act.ACCEPT, to("yb-a"), Act.SIGN)
    case_id, _ = life(world, Track.INTEGRITY, *steps, category=INSURANCE)
    world.succeeds(case_id, "yb-a", "wj-b")
    state = world.cases[case_id]
    assert (state.stage, state.holder) == (Stage.PENDING_DISPATCH, None)


def test_who_succeeds_an_accused_unit_is_accused() -> None:
    world = World()
    case_id, _ = life(world, Track.INTEGRITY, HOSPITAL, Act.ACCEPT, to("yb-a"), Act.SIGN, category=INSURANCE)
    world.succeeds(case_id, "hosp-a", "yb-a")
    state = world.cases[case_id]
    assert state.respondent_units == ("hosp-a", "yb-a")
    assert (state.stage, state.holder) == (Stage.PENDING_DISPATCH, None)


def test_a_dispute_that_leaves_an_accused_arbiter_leaves_no_clock_behind() -> None:
    world = World()
    back = (Act.REQUEST_RETURN, Act.APPROVE_RETURN)
    # Two returns by units below wj-p, at a desk that stands beside them: wj-p designates.
    case_id, state = life(
        world, Track.INTEGRITY, HOSPITAL, to("rdesk-b", Act.HAND_TO_DESK), Act.ACCEPT, to("wj-b"), *back,
        to("wj-b"), *back,
    )  # fmt: skip
    assert state.course.arbiter is not None
    assert act(world, case_id, Act.LINK_RESPONDENTS, respondent_units=(state.course.arbiter.unit_id,)) is None
    left = world.cases[case_id]
    assert (left.stage, left.course.arbiter) == (Stage.PENDING_DISPATCH, None)
    assert {clock.deadline.purpose for clock in left.clocks} == {Purpose.HANDLE}


def test_a_part_that_leaves_its_origin_again_takes_no_complaint_away() -> None:
    _, origin = life(World(), Track.GENERAL)
    part = uuid4()
    own = origin.facts.complaint_ids
    course = origin.course.model_copy(update={"split_case": part, "merged_cases": (part,)})
    left = joining.move(
        origin.model_copy(update={"course": course}), Joined(act=Act.DISOWN, case_id=part, complaint_ids=own)
    )
    assert left is not None
    assert left.changes["facts"].complaint_ids == own
