"""A case from registration to archive: the ways it can take, what is refused, and what its clocks do."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from contracts.lifecycle import Act, Purpose, Stage, Track
from contracts.messages import (
    ILLEGAL_ACT,
    ROUTE_REFUSED,
    SIGNAL_REPORTER,
    STALE,
    UPDATE_ACT,
    ActResult,
    CaseState,
    Command,
    ReporterMessage,
)
from tests.workflow.conftest import Bench
from tests.workflow.office import ACCUSED, INSURANCE, OTHER_DESK, command, document, new_case

pytestmark = pytest.mark.asyncio(loop_scope="session")

TO_REPLY = [Act.LINK_RESPONDENTS, Act.ACCEPT, Act.DISPATCH, Act.SIGN, Act.BEGIN, Act.REPLY]
TO_VISIT = [*TO_REPLY, Act.REVIEW_PASS]


async def send(handle: WorkflowHandle, given: Command) -> ActResult:
    return await handle.execute_update(UPDATE_ACT, given, id=str(given.command_id), result_type=ActResult)


async def do(bench: Bench, handle: WorkflowHandle, *acts: Act, **fields: object) -> CaseState:
    for act in acts:
        await send(handle, command(await bench.state(handle), act, **fields))
    return await bench.state(handle)


async def rate(handle: WorkflowHandle, satisfaction: int) -> None:
    message = ReporterMessage(message_id=uuid4(), act=Act.RATE, satisfaction=satisfaction)
    await handle.signal(SIGNAL_REPORTER, message)


async def refused(handle: WorkflowHandle, given: Command) -> tuple[str, str]:
    """Type and code of the refusal."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await send(handle, given)
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return str(cause.type), cause.details[0]["code"]


def in_stage(stage: Stage) -> Callable[[CaseState], bool]:
    return lambda state: state.stage is stage


async def test_a_satisfied_reporter_ends_the_case_and_it_is_archived(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await do(bench, handle, *TO_VISIT)
    assert state.stage is Stage.PENDING_VISIT
    await rate(handle, 5)
    await bench.until(handle, in_stage(Stage.CLOSED))
    await bench.forward(handle, 31)
    await handle.result()
    assert bench.office.acts[-2:] == [Act.RATE, Act.ARCHIVE]
    assert [step.sequence for step in bench.office.steps] == list(range(1, len(bench.office.steps) + 1))


async def test_refused_with_a_reason_and_still_open_to_review_for_thirty_days(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await do(bench, handle, Act.REJECT)
    assert state.stage is Stage.REJECTED
    assert state.task is None
    assert [clock.deadline.purpose for clock in state.clocks] == [Purpose.REVIEW_REQUEST]


async def test_asked_for_more_and_the_answer_brings_it_back(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, Act.REQUEST_SUPPLEMENT)
    message = ReporterMessage(message_id=uuid4(), act=Act.SUPPLEMENT)
    await handle.signal(SIGNAL_REPORTER, message)
    await handle.signal(SIGNAL_REPORTER, message)
    state = await bench.until(handle, in_stage(Stage.TRIAGE))
    assert bench.office.acts.count(Act.SUPPLEMENT) == 1, "the same message twice is one step"
    assert Purpose.SUPPLEMENT not in {clock.deadline.purpose for clock in state.clocks}


async def test_no_answer_to_a_request_for_more_goes_on_with_what_there_is(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, Act.REQUEST_SUPPLEMENT)
    await bench.forward(handle, 10.1)
    await bench.until(handle, in_stage(Stage.TRIAGE))
    assert bench.office.acts[-1] is Act.SUPPLEMENT_LAPSED


async def test_silence_on_signing_makes_the_unit_the_owner(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, Act.ACCEPT, Act.DISPATCH)
    await bench.forward(handle, 1.1)
    state = await bench.until(handle, in_stage(Stage.SIGNED))
    assert Act.SIGN_LAPSED in bench.office.acts
    assert state.holder is not None
    assert state.holder.unit_id == "wj-a"
    assert state.task is not None
    assert state.task.unit_id == "wj-a"


async def test_due_soon_is_said_once_and_overdue_once(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, Act.ACCEPT, Act.DISPATCH, Act.SIGN)
    await bench.forward(handle, 6)
    await bench.until(handle, lambda state: any(clock.warned for clock in state.clocks))
    await bench.forward(handle, 2)
    await bench.until(handle, lambda state: any(clock.overdue for clock in state.clocks))
    await bench.forward(handle, 5)
    about = [
        (step.act, step.deadline.purpose)
        for step in bench.office.steps
        if step.act in (Act.DUE_SOON, Act.OVERDUE) and step.deadline
    ]
    assert about == [(Act.DUE_SOON, Purpose.HANDLE), (Act.OVERDUE, Purpose.HANDLE)]


async def test_an_unsatisfied_reporter_gets_one_redo_and_not_a_second(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_VISIT)
    await rate(handle, 1)
    state = await bench.until(handle, in_stage(Stage.REDO))
    assert state.redo_count == 1
    assert Purpose.REDO in {clock.deadline.purpose for clock in state.clocks}
    await do(bench, handle, Act.REPLY, Act.REVIEW_PASS)
    await rate(handle, 1)
    state = await bench.until(handle, in_stage(Stage.CLOSED))
    assert (state.redo_count, state.satisfaction) == (1, 1)


async def test_nobody_calls_and_nobody_answers_still_ends(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_VISIT)
    await bench.forward(handle, 1.5)
    await bench.until(handle, lambda state: Act.VISIT_LAPSED in bench.office.acts)
    await bench.forward(handle, 10.5)
    await bench.until(handle, in_stage(Stage.CLOSED))
    assert bench.office.acts[-1] is Act.SILENCE_LAPSED


async def test_a_call_back_with_an_answer_rates_and_one_without_starts_the_silence(bench: Bench) -> None:
    handle = await bench.start(new_case())
    await do(bench, handle, *TO_VISIT)
    state = await do(bench, handle, Act.RECORD_VISIT)
    assert state.stage is Stage.PENDING_VISIT
    assert [clock.deadline.purpose for clock in state.clocks] == [Purpose.SILENCE]
    state = await do(bench, handle, Act.RECORD_VISIT, satisfaction=4)
    assert state.stage is Stage.CLOSED


async def test_handed_to_another_jurisdictions_desk_and_there_triaged(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await do(bench, handle, Act.HAND_TO_DESK)
    assert state.desk == OTHER_DESK
    assert state.stage is Stage.TRIAGE
    assert state.task is not None
    assert state.task.unit_id == OTHER_DESK.unit_id


async def test_transfer_keeps_the_handling_deadline(bench: Bench) -> None:
    handle = await bench.start(new_case())
    before = await do(bench, handle, Act.ACCEPT, Act.DISPATCH, Act.SIGN)
    after = await do(bench, handle, Act.TRANSFER, unit_id=INSURANCE.unit_id)
    due = [next(c.deadline for c in state.clocks if c.deadline.purpose is Purpose.HANDLE) for state in (before, after)]
    assert due[0] == due[1]
    assert after.holder == INSURANCE
    assert after.stage is Stage.DISPATCHED


async def test_a_report_is_not_accepted_before_it_is_known_whom_it_accuses(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    assert await refused(handle, command(await bench.state(handle), Act.ACCEPT)) == (ILLEGAL_ACT, "NOT_LINKED")


async def test_a_report_never_reaches_whom_it_accuses(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    state = await do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT)
    outcome = await refused(handle, command(state, Act.DISPATCH, unit_id=ACCUSED.unit_id))
    assert outcome == (ROUTE_REFUSED, "ACCUSED")
    assert (await bench.state(handle)).sequence == state.sequence, "a refusal leaves no trace in the case"


async def test_a_report_that_names_nobody_needs_somebody_to_say_so(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY, respondents=0))
    assert await refused(handle, command(await bench.state(handle), Act.ACCEPT)) == (ILLEGAL_ACT, "NOT_LINKED")
    await do(bench, handle, Act.LINK_RESPONDENTS, respondent_units=(), note=document())
    assert (await do(bench, handle, Act.ACCEPT)).stage is Stage.PENDING_DISPATCH


async def test_who_was_once_accused_stays_accused(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    await do(bench, handle, Act.LINK_RESPONDENTS, Act.ACCEPT)
    state = await do(bench, handle, Act.LINK_RESPONDENTS, respondent_units=(INSURANCE.unit_id,))
    assert set(state.respondent_units) == {ACCUSED.unit_id, INSURANCE.unit_id}
    outcome = await refused(handle, command(state, Act.DISPATCH, unit_id=ACCUSED.unit_id))
    assert outcome == (ROUTE_REFUSED, "ACCUSED")


@pytest.mark.parametrize("acts", [TO_REPLY[:3], TO_REPLY[:5], TO_REPLY, TO_VISIT], ids=lambda acts: acts[-1])
async def test_a_holder_who_turns_out_to_be_accused_loses_the_report_at_once(bench: Bench, acts: list[Act]) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    before = await do(bench, handle, *acts)
    assert before.holder is not None
    state = await do(bench, handle, Act.LINK_RESPONDENTS, respondent_units=(before.holder.unit_id,))
    assert state.holder is None
    assert state.stage is Stage.PENDING_DISPATCH
    assert state.task is not None
    assert state.task.unit_id == "desk-a"
    assert {clock.deadline.purpose for clock in state.clocks} == {Purpose.HANDLE}
    again = await refused(handle, command(state, Act.DISPATCH, unit_id=before.holder.unit_id))
    assert again == (ROUTE_REFUSED, "ACCUSED")


async def test_the_desk_may_link_while_the_holders_officer_has_the_task(bench: Bench) -> None:
    handle = await bench.start(new_case(Track.INTEGRITY))
    await do(bench, handle, *TO_REPLY[:5], account="handler-7")
    state = await do(bench, handle, Act.LINK_RESPONDENTS, respondent_units=(INSURANCE.unit_id,), account="clerk-1")
    assert state.stage is Stage.HANDLING
    assert state.task is not None
    assert state.task.assignee == "handler-7"


async def test_ten_claim_at_once_and_one_wins(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await bench.state(handle)
    commands = [command(state, Act.CLAIM, account=f"officer-{n}") for n in range(10)]
    answers = await asyncio.gather(*(send(handle, given) for given in commands), return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, ActResult)]
    lost = [answer.cause for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
    assert len(won) == 1
    assert {cause.type for cause in lost if isinstance(cause, ApplicationError)} == {STALE}
    assert len(lost) == 9


async def test_the_same_command_twice_is_one_step_with_one_answer(bench: Bench) -> None:
    handle = await bench.start(new_case())
    given = command(await bench.state(handle), Act.ACCEPT)
    first = await send(handle, given)
    again = await handle.execute_update(UPDATE_ACT, given, id="another-update-id", result_type=ActResult)
    assert first == again
    assert bench.office.acts == [Act.REGISTER, Act.ACCEPT]


async def test_somebody_elses_task_is_refused(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await do(bench, handle, Act.CLAIM)
    assert await refused(handle, command(state, Act.ACCEPT, account="officer-2")) == (ILLEGAL_ACT, "NOT_YOURS")


async def test_a_reminder_does_not_make_an_officers_view_stale(bench: Bench) -> None:
    handle = await bench.start(new_case())
    seen = await do(bench, handle, Act.ACCEPT, Act.DISPATCH, Act.SIGN, Act.BEGIN)
    await do(bench, handle, Act.URGE)
    result = await send(handle, command(seen, Act.REPLY))
    assert result.stage is Stage.FEEDBACK


async def test_a_step_that_cannot_be_recorded_is_tried_again_until_it_is(bench: Bench) -> None:
    handle = await bench.start(new_case())
    bench.office.fail_next = ["database away", "database away"]
    state = await do(bench, handle, Act.ACCEPT)
    assert state.stage is Stage.PENDING_DISPATCH
    assert bench.office.acts.count(Act.ACCEPT) == 1


async def test_a_continuation_carries_everything_and_remembers_answered_commands(bench: Bench) -> None:
    handle = await bench.start(new_case())
    given = command(await bench.state(handle), Act.CLAIM)
    first = await send(handle, given)
    before = await bench.state(handle)
    # A continuation starts from the carried state alone, as the server would after continue-as-new.
    await handle.terminate("continued by the test")
    successor = await bench.client.start_workflow("ComplaintCase", before, id=f"{handle.id}/2", task_queue=bench.queue)
    again = await successor.execute_update(UPDATE_ACT, given, result_type=ActResult)
    assert again == first
    assert (await bench.state(successor)).sequence == before.sequence


@pytest.mark.timeout(400)
async def test_a_thousand_commands_later_it_has_continued_as_new_and_nobody_noticed(bench: Bench) -> None:
    handle = await bench.start(new_case())
    state = await do(bench, handle, Act.ACCEPT, Act.DISPATCH, Act.SIGN, Act.BEGIN)
    first_run = (await handle.describe()).run_id
    handle = bench.client.get_workflow_handle(handle.id)  # the case, whichever run it is in
    hands = asyncio.Semaphore(8)

    async def urge() -> ActResult:
        async with hands:
            return await send(handle, command(state, Act.URGE))

    answers = await asyncio.gather(*(urge() for _ in range(1_050)))
    now = await bench.state(handle)
    assert (await handle.describe()).run_id != first_run
    assert sorted(answer.sequence for answer in answers) == list(range(state.sequence + 1, now.sequence + 1))
    assert [step.sequence for step in bench.office.steps] == list(range(1, now.sequence + 1))
    assert (await do(bench, handle, Act.REPLY)).stage is Stage.FEEDBACK
