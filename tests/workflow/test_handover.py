"""Hand-overs in the running workflow: returns, designation, joint handling, cases that are split or joined."""

import asyncio
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHandle

from contracts.lifecycle import Act, HandoverKind, Purpose, Role, Stage, Supervision, Track
from contracts.messages import (
    ILLEGAL_ACT,
    ROUTE_REFUSED,
    SIGNAL_SUCCESSION,
    CaseState,
    ClockFate,
    Succession,
    workflow_id,
)
from tests.workflow.conftest import Bench
from tests.workflow.office import (
    DESK,
    HEALTH,
    INSURANCE,
    OTHER_DESK,
    SUPERIOR,
    command,
    document,
    new_case,
    officer,
)
from tests.workflow.test_complaint_case import do, in_stage, refused, send
from workflows import clocks

pytestmark = pytest.mark.asyncio(loop_scope="session")

TO_DISPATCH = [Act.LINK_RESPONDENTS, Act.ACCEPT]
TO_HANDLING = [*TO_DISPATCH, Act.DISPATCH, Act.SIGN, Act.BEGIN]


def due(state: CaseState, purpose: Purpose) -> object:
    clock = clocks.running(state.clocks, purpose)
    return clock.deadline.due_at if clock else None


async def test_a_returned_case_is_dispatched_anew_and_its_period_runs_on(bench: Bench) -> None:
    handle = await bench.start(new_case())
    before = await do(bench, handle, *TO_DISPATCH, Act.DISPATCH)
    asked = await do(bench, handle, Act.REQUEST_RETURN)
    assert asked.stage is Stage.RETURN_REQ
    assert asked.holder == HEALTH, "nobody is without an owner while the return is decided"
    returned = await do(bench, handle, Act.APPROVE_RETURN)
    assert (returned.stage, returned.holder, returned.course.bounces) == (Stage.PENDING_DISPATCH, None, 1)
    assert due(returned, Purpose.HANDLE) == due(before, Purpose.HANDLE)
    assert clocks.running(returned.clocks, Purpose.RETURN) is None
    again = await do(bench, handle, Act.DISPATCH, unit_id=INSURANCE.unit_id)
    assert again.holder == INSURANCE


async def test_a_denied_return_makes_the_unit_the_owner_and_can_not_be_asked_again(bench: Bench) -> None:
    handle = await bench.start(new_case())
    denied = await do(bench, handle, *TO_DISPATCH, Act.DISPATCH, Act.REQUEST_RETURN, Act.DENY_RETURN)
    assert (denied.stage, denied.holder) == (Stage.SIGNED, HEALTH)
    assert await refused(handle, command(denied, Act.REQUEST_RETURN)) == (ILLEGAL_ACT, "RETURN_CLOSED")


async def test_the_window_of_a_return_closes_by_itself(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_HANDLING)
    await bench.forward(handle, 2.05)
    state = await bench.state(handle)
    assert Act.RETURN_LAPSED in bench.office.acts
    assert await refused(handle, command(state, Act.REQUEST_RETURN)) == (ILLEGAL_ACT, "RETURN_CLOSED")


async def test_the_second_bounce_is_designated_from_above_and_that_is_final(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_DISPATCH, Act.DISPATCH, Act.REQUEST_RETURN, Act.APPROVE_RETURN)
    await do(bench, handle, Act.DISPATCH, unit_id=INSURANCE.unit_id)
    disputed = await do(bench, handle, Act.REQUEST_RETURN, Act.APPROVE_RETURN)
    assert disputed.stage is Stage.ARBITRATION
    assert disputed.course.arbiter == SUPERIOR
    assert disputed.course.bounced == (HEALTH.unit_id, INSURANCE.unit_id)
    assert disputed.task is not None
    assert disputed.task.unit_id == SUPERIOR.unit_id
    assert due(disputed, Purpose.DESIGNATE)
    settled = await do(bench, handle, Act.DESIGNATE, unit_id=HEALTH.unit_id)
    assert (settled.stage, settled.holder, settled.course.designated) == (Stage.SIGNED, HEALTH, True)
    assert await refused(handle, command(settled, Act.REQUEST_RETURN)) == (ILLEGAL_ACT, "DESIGNATED")
    assert await refused(handle, command(settled, Act.RECALL)) == (ILLEGAL_ACT, "DESIGNATED")


async def test_a_case_is_not_passed_round_in_circles(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_HANDLING)
    passed = await do(bench, handle, Act.TRANSFER, unit_id=INSURANCE.unit_id)
    signed = await do(bench, handle, Act.SIGN)
    assert passed.course.passed == (HEALTH.unit_id,)
    back = command(signed, Act.TRANSFER, unit_id=HEALTH.unit_id)
    assert await refused(handle, back) == (ILLEGAL_ACT, "PASSED_BEFORE")
    anew = await do(bench, handle, Act.RECALL, Act.DISPATCH, unit_id=HEALTH.unit_id)
    assert (anew.holder, anew.course.passed) == (HEALTH, ()), "the desk may send it there again"


async def test_silence_makes_the_owner_also_after_a_second_dispatch(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_DISPATCH, Act.DISPATCH, Act.RECALL, Act.DISPATCH)
    await bench.forward(handle, 1.05)
    assert (await bench.state(handle)).stage is Stage.SIGNED


async def test_helpers_answer_to_the_lead_before_it_replies(bench: Bench) -> None:
    handle = await bench.start(new_case())
    joint = await do(bench, handle, *TO_HANDLING, Act.ADD_SUPPORT)
    assert await refused(handle, command(joint, Act.REPLY)) == (ILLEGAL_ACT, "SUPPORT_OPEN")
    answered = await do(bench, handle, Act.SUPPORT_ANSWER)
    assert answered.holder == HEALTH
    assert answered.course.supports[0].document is not None
    assert clocks.running(answered.clocks, Purpose.SUPPORT) is None
    assert (await do(bench, handle, Act.REPLY)).stage is Stage.FEEDBACK


async def test_forwarded_is_answered_by_the_receiver_alone(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_DISPATCH)
    await do(bench, handle, Act.DISPATCH, kind=HandoverKind.FORWARD)
    state = await do(bench, handle, Act.SIGN, Act.BEGIN, Act.REPLY)
    assert state.stage is Stage.PENDING_VISIT


async def test_a_hand_over_restarts_a_clock_where_its_regime_says_so(bench: Bench) -> None:
    bench.office.fates[(Act.TRANSFER, Purpose.HANDLE)] = ClockFate.RESTART
    handle = await bench.start(new_case())
    before = await do(bench, handle, *TO_HANDLING)
    await bench.forward(handle, 1)
    after = await do(bench, handle, Act.TRANSFER, unit_id=INSURANCE.unit_id)
    was, now = (clocks.running(state.clocks, Purpose.HANDLE) for state in (before, after))
    assert was is not None
    assert now is not None
    assert now.deadline.started_at > was.deadline.started_at


async def _ended(bench: Bench, handle: WorkflowHandle) -> None:
    await asyncio.wait_for(handle.result(), 30)


async def test_a_merged_case_ends_with_its_main_one_whose_answer_goes_to_both(bench: Bench) -> None:
    main, other = new_case(), new_case()
    main_handle, other_handle = await bench.start(main), await bench.start(other)
    await bench.until(main_handle, in_stage(Stage.TRIAGE))
    await bench.until(other_handle, in_stage(Stage.TRIAGE))
    merged = await do(bench, other_handle, Act.MERGE, main_case_id=main.facts.case_id)
    assert (merged.stage, merged.clocks, merged.task) == (Stage.MERGED, (), None)
    both = {*main.facts.complaint_ids, *other.facts.complaint_ids}
    grown = await bench.until(main_handle, lambda state: set(state.facts.complaint_ids) == both)
    assert grown.course.merged_cases == (other.facts.case_id,)
    await do(bench, main_handle, *TO_HANDLING, Act.REPLY, Act.REVIEW_PASS)
    await do(bench, main_handle, Act.RECORD_VISIT, satisfaction=5)
    await bench.forward(main_handle, 31)
    await _ended(bench, main_handle)
    await _ended(bench, other_handle)
    told = {step.act for step in bench.office.steps if set(step.facts.complaint_ids) == both}
    assert {Act.ACCEPT, Act.REVIEW_PASS} <= told


async def test_a_wrong_merge_is_taken_back(bench: Bench) -> None:
    main, other = new_case(), new_case()
    main_handle, other_handle = await bench.start(main), await bench.start(other)
    await bench.until(main_handle, in_stage(Stage.TRIAGE))
    await bench.until(other_handle, in_stage(Stage.TRIAGE))
    await do(bench, other_handle, Act.MERGE, main_case_id=main.facts.case_id)
    await bench.until(main_handle, lambda state: bool(state.course.merged_cases))
    state = await do(bench, other_handle, Act.UNMERGE)
    assert state.stage is Stage.TRIAGE
    assert due(state, Purpose.ACKNOWLEDGE)
    alone = await bench.until(main_handle, lambda state: not state.course.merged_cases)
    assert alone.facts.complaint_ids == main.facts.complaint_ids


async def test_nothing_is_joined_to_a_case_that_is_not_there(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await bench.until(handle, in_stage(Stage.TRIAGE))
    given = command(state, Act.MERGE, main_case_id=uuid4())
    assert await refused(handle, given) == (ROUTE_REFUSED, "NO_MAIN_CASE")


async def test_a_mixed_submission_is_split_and_the_general_part_knows_only_its_extract(bench: Bench) -> None:
    mixed = new_case()
    handle = await bench.start(mixed)
    state = await bench.until(handle, in_stage(Stage.TRIAGE))
    given = command(state, Act.SPLIT, category="0802", extract=document(), respondent_units=(HEALTH.unit_id,))
    await send(handle, given)
    report = await bench.state(handle)
    assert report.facts.track is Track.INTEGRITY
    assert report.course.split_case is not None
    part = bench.client.get_workflow_handle(workflow_id(report.course.split_case))
    general = await bench.until(part, in_stage(Stage.TRIAGE))
    assert general.facts.track is Track.GENERAL
    assert general.facts.complaint_ids == mixed.facts.complaint_ids
    assert general.course.origin_case == mixed.facts.case_id
    assert given.extract is not None
    assert general.course.extract is not None
    assert general.course.extract.sha256 == given.extract.sha256
    assert general.course.extract.document_id != given.extract.document_id


async def test_a_units_successor_takes_its_seats_and_tasks(bench: Bench) -> None:
    handle = await bench.start(new_case())
    before = await do(bench, handle, *TO_DISPATCH, Act.DISPATCH)
    await handle.signal(SIGNAL_SUCCESSION, Succession(unit_id=HEALTH.unit_id, successor=INSURANCE))
    after = await bench.until(handle, lambda state: state.holder == INSURANCE)
    assert after.task is not None
    assert after.task.unit_id == INSURANCE.unit_id
    assert after.clocks == before.clocks


async def test_supervision_bypass_and_urgency_are_on_record(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await bench.until(handle, in_stage(Stage.TRIAGE))
    state = await do(bench, handle, Act.MARK_URGENT)
    assert state.course.urgent
    above = await do(bench, handle, Act.BYPASS)
    assert (above.desk, above.course.restricted, above.stage) == (OTHER_DESK, True, Stage.TRIAGE)
    watched = await do(bench, handle, Act.SUPERVISE, level=Supervision.LISTED)
    assert watched.course.supervision is Supervision.LISTED
    assert not (await do(bench, handle, Act.LIFT_SUPERVISION)).course.supervision


async def test_a_task_is_given_to_a_colleague(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await bench.until(handle, in_stage(Stage.TRIAGE))
    state = await do(bench, handle, Act.CLAIM)
    given = command(state, Act.REASSIGN, assignee="colleague", account="head")
    given = given.model_copy(update={"actor": officer(DESK, Role.SUPERVISOR, account="head")})
    await send(handle, given)
    task = (await bench.state(handle)).task
    assert task is not None
    assert task.assignee == "colleague"


async def test_a_hand_over_names_a_ground_of_the_table_or_is_refused(bench: Bench) -> None:
    handle = await bench.start(new_case())
    ready = await do(bench, handle, *TO_DISPATCH)
    for code, refusal in (("MY-OWN", "UNKNOWN_GROUND"), ("SUSPECTED_CRIME", "WRONG_GROUND")):
        given = command(ready, Act.DISPATCH, kind=HandoverKind.DISPATCH, ground=code)
        assert await refused(handle, given) == (ROUTE_REFUSED, refusal)
    sent = await do(bench, handle, Act.DISPATCH, kind=HandoverKind.DISPATCH, ground="XF-22")
    assert sent.course.ground == "XF-22"
    assert await refused(handle, command(sent, Act.REQUEST_RETURN, ground="XF-22")) == (ROUTE_REFUSED, "WRONG_GROUND")
    asked = await do(bench, handle, Act.REQUEST_RETURN, ground="NOT_COMPETENT")
    assert asked.stage is Stage.RETURN_REQ
    assert bench.office.steps[-1].ground == "NOT_COMPETENT"
