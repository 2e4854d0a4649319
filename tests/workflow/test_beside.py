"""What goes on beside the handling in the running workflow: referrals with their papers, major clues reported upward,
clocks that are longer or stand still."""

from datetime import timedelta

import pytest

from contracts.course import Major
from contracts.lifecycle import Act, Purpose, Role, Stage, Track
from contracts.messages import ILLEGAL_ACT, ROUTE_REFUSED, SIGNAL_SUCCESSION, Succession
from tests.workflow.conftest import Bench
from tests.workflow.office import DISCIPLINE, HEALTH, INSURANCE, POLICE, SUPERIOR, command, new_case, officer
from tests.workflow.test_complaint_case import do, in_stage, refused, send
from tests.workflow.test_handover import TO_HANDLING, due
from workflows import clocks

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_extension_is_asked_decided_and_moves_the_deadline(bench: Bench) -> None:
    handle = await bench.start(new_case())
    before = await do(bench, handle, *TO_HANDLING)
    asked = await do(bench, handle, Act.REQUEST_EXTENSION)
    assert due(asked, Purpose.HANDLE) == due(before, Purpose.HANDLE), "asking moves nothing"
    assert await refused(handle, command(asked, Act.REQUEST_EXTENSION)) == (ILLEGAL_ACT, "REQUEST_OPEN")
    own = command(asked, Act.GRANT_EXTENSION, account="officer-1")
    assert await refused(handle, own) == (ILLEGAL_ACT, "OWN_REQUEST")
    granted = await do(bench, handle, Act.GRANT_EXTENSION)
    moved = clocks.running(granted.clocks, Purpose.HANDLE)
    assert moved is not None
    was = clocks.running(before.clocks, Purpose.HANDLE)
    assert was is not None
    assert moved.deadline.due_at == was.deadline.due_at + timedelta(days=3)
    assert [event.amount for event in moved.events] == [3]
    assert granted.course.request is None
    denied = await do(bench, handle, Act.REQUEST_EXTENSION, Act.DENY_EXTENSION)
    assert due(denied, Purpose.HANDLE) == moved.deadline.due_at


async def test_a_suspended_clock_stands_still_and_runs_on_for_what_was_left(bench: Bench) -> None:
    handle = await bench.start(new_case())
    before = await do(bench, handle, *TO_HANDLING)
    await do(bench, handle, Act.SUSPEND_CLOCK)
    await bench.forward(handle, 20)
    assert Act.OVERDUE not in bench.office.acts
    resumed = await do(bench, handle, Act.RESUME_CLOCK)
    was, now = (clocks.running(state.clocks, Purpose.HANDLE) for state in (before, resumed))
    assert was is not None
    assert now is not None
    longer = now.deadline.due_at - was.deadline.due_at
    assert timedelta(days=20) <= longer < timedelta(days=20, hours=1)
    await bench.forward(handle, 8)
    assert Act.OVERDUE in bench.office.acts


async def test_a_referral_waits_for_the_leader_then_receipt_disposal_and_answer(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    await do(bench, handle, *TO_HANDLING, Act.PROPOSE_REFERRAL)
    approved = await do(bench, handle, Act.APPROVE_REFERRAL)
    assert clocks.running(approved.clocks, Purpose.DECIDE_REFERRAL) is None
    assert due(approved, Purpose.SEND_REFERRAL)
    away = await do(bench, handle, Act.REFER)
    assert (away.stage, away.course.receiver, away.holder) == (Stage.REFERRED, DISCIPLINE, HEALTH)
    assert clocks.running(away.clocks, Purpose.HANDLE) is None
    assert due(away, Purpose.RECEIPT)
    received = await do(bench, handle, Act.RECORD_RECEIPT)
    assert due(received, Purpose.DISPOSAL)
    assert await refused(handle, command(received, Act.REPLY)) == (ILLEGAL_ACT, "NO_DISPOSAL")
    disposed = await do(bench, handle, Act.RECORD_DISPOSAL)
    assert due(disposed, Purpose.ANSWER)
    assert (await do(bench, handle, Act.REPLY)).stage is Stage.FEEDBACK
    assert (await do(bench, handle, Act.REVIEW_PASS)).stage is Stage.PENDING_VISIT


async def test_a_referral_that_comes_back_is_handled_here_again(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    state = await do(bench, handle, *TO_HANDLING, Act.REFER, Act.REFERRAL_RETURNED)
    assert (state.stage, state.holder, state.course.receiver) == (Stage.HANDLING, HEALTH, None)
    assert due(state, Purpose.HANDLE)


async def test_two_officers_verify_a_suspected_crime_before_the_leader_decides(bench: Bench) -> None:
    handle = await bench.start(new_case())
    asked = await do(bench, handle, *TO_HANDLING)
    asked = await do(bench, handle, Act.PROPOSE_REFERRAL, unit_id=POLICE.unit_id, ground="SUSPECTED_CRIME")
    assert due(asked, Purpose.DECIDE_REFERRAL) is None, "the leader's three days run from the report of both"
    assert await refused(handle, command(asked, Act.APPROVE_REFERRAL)) == (ILLEGAL_ACT, "NOT_VERIFIED")
    assert await refused(handle, command(asked, Act.VERIFY_REFERRAL)) == (ILLEGAL_ACT, "SECOND_OFFICER")
    await do(bench, handle, Act.LINK_PERSONS, respondent_accounts=("officer-7",))
    recused = command(await bench.state(handle), Act.VERIFY_REFERRAL, account="officer-7")
    assert await refused(handle, recused) == (ILLEGAL_ACT, "EXCLUDED")
    await send(handle, command(await bench.state(handle), Act.VERIFY_REFERRAL, account="officer-2"))
    verified = await bench.state(handle)
    assert verified.course.request is not None
    assert verified.course.request.verified_by == "officer-2"
    assert due(verified, Purpose.DECIDE_REFERRAL)
    own = command(verified, Act.APPROVE_REFERRAL, account="officer-2")
    assert await refused(handle, own) == (ILLEGAL_ACT, "OWN_REQUEST")
    approved = await do(bench, handle, Act.APPROVE_REFERRAL)
    assert due(approved, Purpose.SEND_REFERRAL)
    away = command(approved, Act.REFER, unit_id=POLICE.unit_id, ground="SUSPECTED_CRIME")
    assert await refused(handle, away) == (ROUTE_REFUSED, "MISSING_PAPERS")
    sent = await do(
        bench, handle, Act.REFER, unit_id=POLICE.unit_id, ground="SUSPECTED_CRIME", papers=("TRANSFER_LETTER",)
    )
    assert (sent.stage, sent.course.papers) == (Stage.REFERRED, ("TRANSFER_LETTER",))
    back = await do(bench, handle, Act.REFERRAL_RETURNED)
    assert back.course.papers == ()


async def test_another_officer_steps_in_for_one_who_asked_and_turns_out_to_be_accused(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_HANDLING)
    await do(bench, handle, Act.PROPOSE_REFERRAL, unit_id=POLICE.unit_id, ground="SUSPECTED_CRIME")
    await do(bench, handle, Act.VERIFY_REFERRAL, account="officer-2")
    half = await do(bench, handle, Act.LINK_PERSONS, respondent_accounts=("officer-1",))
    assert await refused(handle, command(half, Act.APPROVE_REFERRAL)) == (ILLEGAL_ACT, "ASKER_EXCLUDED")
    again = command(half, Act.VERIFY_REFERRAL, account="officer-2")
    assert await refused(handle, again) == (ILLEGAL_ACT, "SECOND_OFFICER")
    await do(bench, handle, Act.VERIFY_REFERRAL, account="officer-3")
    approved = await do(bench, handle, Act.APPROVE_REFERRAL)
    assert approved.course.request is not None
    assert (approved.course.request.asked_by, approved.course.request.verified_by) == ("officer-2", "officer-3")


async def test_a_leaders_no_to_a_referral_has_its_reason_on_record(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_HANDLING)
    asked = await do(bench, handle, Act.PROPOSE_REFERRAL, unit_id=POLICE.unit_id, ground="SUSPECTED_CRIME")
    assert await refused(handle, command(asked, Act.DENY_REFERRAL, note=None)) == (ILLEGAL_ACT, "MISSING_NOTE")
    denied = await do(bench, handle, Act.DENY_REFERRAL)
    assert denied.course.request is None
    assert bench.office.steps[-1].note is not None


async def test_a_major_clue_is_reported_upward_in_time_before_it_is_answered(bench: Bench) -> None:
    handle = await bench.start(new_case())
    ready = await do(bench, handle, *TO_HANDLING)
    wrong = command(ready, Act.MARK_MAJOR, ground="XF-22")
    assert await refused(handle, wrong) == (ROUTE_REFUSED, "WRONG_GROUND")
    marked = await do(bench, handle, Act.MARK_MAJOR)
    assert marked.course.major == Major(ground="XF-25")
    assert due(marked, Purpose.REPORT_UP)
    assert marked.changed_sequence == ready.changed_sequence, "nobody's view is out of date by it"
    assert await refused(handle, command(marked, Act.REPLY)) == (ILLEGAL_ACT, "MAJOR_UNREPORTED")
    await bench.forward(handle, 1.05)
    assert Act.OVERDUE in bench.office.acts
    reported = await do(bench, handle, Act.REPORT_MAJOR)
    assert reported.course.major == Major(ground="XF-25", reported=True, superior=SUPERIOR)
    assert due(reported, Purpose.REPORT_UP) is None
    assert await refused(handle, command(reported, Act.LIFT_MAJOR)) == (ILLEGAL_ACT, "LEADER_LIFTS")
    assert (reported.stage, reported.holder) == (Stage.HANDLING, HEALTH), "the holder goes on with it"
    assert (await do(bench, handle, Act.REPLY)).stage is Stage.FEEDBACK


async def test_a_leader_takes_back_with_a_note_that_a_clue_is_major(bench: Bench) -> None:
    handle = await bench.start(new_case())
    reported = await do(bench, handle, *TO_HANDLING, Act.MARK_MAJOR, Act.REPORT_MAJOR)
    leader = officer(HEALTH, Role.LEADER, account="leader-1")
    silent = command(reported, Act.LIFT_MAJOR, actor=leader, note=None)
    assert await refused(handle, silent) == (ILLEGAL_ACT, "MISSING_NOTE")
    await send(handle, command(reported, Act.LIFT_MAJOR, actor=leader))
    assert (await bench.state(handle)).course.major is None


async def test_a_major_clue_that_becomes_guarded_is_reported_anew(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await bench.until(handle, in_stage(Stage.TRIAGE))
    await do(bench, handle, Act.MARK_MAJOR, Act.REPORT_MAJOR)
    above = await do(bench, handle, Act.BYPASS)
    assert above.course.major == Major(ground="XF-25"), "whoever was told may be whom it is about"
    assert due(above, Purpose.REPORT_UP)
    assert (await do(bench, handle, Act.LIFT_MAJOR)).course.major is None


@pytest.mark.parametrize(("ground", "stays"), [("EXPERTISE", True), ("JUDICIAL", True), ("HEARING", False)])
@pytest.mark.parametrize("away", [Act.TRANSFER, Act.RECALL])
async def test_what_a_clock_stands_on_outlasts_a_hand_over_or_was_the_units_own(
    bench: Bench, away: Act, ground: str, stays: bool
) -> None:
    handle = await bench.start(new_case())
    before = await do(bench, handle, *TO_HANDLING)
    await do(bench, handle, Act.SUSPEND_CLOCK, ground=ground)
    await bench.forward(handle, 2)
    moved = await do(bench, handle, away, **({"unit_id": INSURANCE.unit_id} if away is Act.TRANSFER else {}))
    clock, was = (clocks.running(state.clocks, Purpose.HANDLE) for state in (moved, before))
    assert clock is not None
    assert was is not None
    assert clock.suspended is stays
    if not stays:
        assert clock.deadline.due_at > was.deadline.due_at, "the time that it stood still does not count"
        ended = clock.events[-1]
        assert (ended.type, ended.ground, ended.handover) == ("resume", "HEARING", True)


async def test_a_clock_stands_on_through_a_succession(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_HANDLING)
    held = await do(bench, handle, Act.SUSPEND_CLOCK, ground="HEARING")
    await handle.signal(SIGNAL_SUCCESSION, Succession(unit_id=HEALTH.unit_id, successor=INSURANCE))
    after = await bench.until(handle, lambda state: state.holder == INSURANCE)
    assert after.clocks == held.clocks, "the successor takes the unit's own papers over too"
