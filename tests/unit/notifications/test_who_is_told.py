"""Which notice is owed to whom, for every step a case can take."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from contracts.cases import CaseTransitioned, Deadline
from contracts.complaints import ContactWay
from contracts.lifecycle import LADDER, RULES, TOLD_TO_REPORTER, Act, Purpose, Rule, Stage, TaskKind
from services.notifications.domain import (
    Decision,
    Planned,
    Reason,
    Recipient,
    State,
    Template,
    Way,
    decide,
    notice_id,
    notices_for,
    receipt_for,
    recipient_of,
    reporter_template,
)
from tests.unit.notifications.events import DESK, HOLDER, deadline, submitted, transitioned


def to_units(planned: tuple[Planned, ...]) -> list[tuple[Template, str]]:
    return [(notice.template, notice.unit_id) for notice in planned if notice.unit_id]


def to_reporters(planned: tuple[Planned, ...]) -> list[Template]:
    return [notice.template for notice in planned if notice.complaint_id]


def every_way_to_end(rule: Rule) -> tuple[Stage, ...]:
    return rule.decided or ((rule.to,) if rule.to else rule.stages)


TOLD = [(rule.act, stage) for rule in RULES if rule.act in TOLD_TO_REPORTER for stage in every_way_to_end(rule)]


@pytest.mark.parametrize(("act", "stage"), TOLD)
def test_every_step_that_may_be_told_has_words_for_the_reporter(act: Act, stage: Stage) -> None:
    assert reporter_template(act, stage) is not Template.PROGRESS


@pytest.mark.parametrize(
    ("act", "before", "after", "template"),
    [
        (Act.REGISTER, Stage.SUBMITTED, Stage.TRIAGE, Template.REGISTERED),
        (Act.ACCEPT, Stage.TRIAGE, Stage.PENDING_DISPATCH, Template.ACCEPTED),
        (Act.REJECT, Stage.TRIAGE, Stage.REJECTED, Template.REJECTED),
        (Act.REQUEST_SUPPLEMENT, Stage.TRIAGE, Stage.SUPPLEMENT, Template.SUPPLEMENT_REQUESTED),
        (Act.SUPPLEMENT_LAPSED, Stage.SUPPLEMENT, Stage.TRIAGE, Template.SUPPLEMENT_LAPSED),
        (Act.DISPATCH, Stage.PENDING_DISPATCH, Stage.DISPATCHED, Template.HANDED_OVER),
        (Act.TRANSFER, Stage.HANDLING, Stage.DISPATCHED, Template.HANDED_OVER),
        (Act.HAND_TO_DESK, Stage.TRIAGE, Stage.TRIAGE, Template.HANDED_TO_DESK),
        (Act.SIGN, Stage.DISPATCHED, Stage.SIGNED, Template.SIGNED),
        (Act.SIGN_LAPSED, Stage.DISPATCHED, Stage.SIGNED, Template.SIGNED),
        (Act.REVIEW_PASS, Stage.FEEDBACK, Stage.PENDING_VISIT, Template.REPLIED),
        (Act.RECORD_VISIT, Stage.PENDING_VISIT, Stage.PENDING_VISIT, Template.RATING_REQUESTED),
        (Act.RECORD_VISIT, Stage.PENDING_VISIT, Stage.CLOSED, Template.CLOSED),
        (Act.RATE, Stage.PENDING_VISIT, Stage.REDO, Template.REDO_ORDERED),
        (Act.RATE, Stage.PENDING_VISIT, Stage.CLOSED, Template.CLOSED),
        (Act.SILENCE_LAPSED, Stage.PENDING_VISIT, Stage.CLOSED, Template.CLOSED),
    ],
)
def test_what_the_reporter_is_told(act: Act, before: Stage, after: Stage, template: Template) -> None:
    assert to_reporters(notices_for(transitioned(act, before, after))) == [template]


@pytest.mark.parametrize("act", sorted(set(Act) - TOLD_TO_REPORTER))
def test_what_the_reporter_may_not_know_is_not_told(act: Act) -> None:
    """Officers' reviews, claims and reminders stay inside, whatever stage they lead to."""
    for stage in Stage:
        assert to_reporters(notices_for(transitioned(act, Stage.HANDLING, stage, told=False))) == []


def test_an_act_of_a_newer_version_is_told_in_plain_words_and_opens_no_task_of_ours() -> None:
    """Who reads an event may be older than who wrote it."""
    event = transitioned("REVIEW", Stage.HANDLING, "RECHECK", task="RECHECK", deadline=deadline("POLICE"))  # type: ignore[arg-type]
    (notice,) = notices_for(event)
    assert (notice.template, notice.data["act"], notice.data["stage"]) == (Template.PROGRESS, "REVIEW", "RECHECK")


def test_each_of_several_reporters_on_one_case_is_told_once() -> None:
    first, second = uuid4(), uuid4()
    event = transitioned(Act.ACCEPT, Stage.TRIAGE, Stage.PENDING_DISPATCH, complaint_ids=(first, second, first))
    reporters = [notice.complaint_id for notice in notices_for(event) if notice.complaint_id]
    assert reporters == [first, second]


def test_one_receipt_for_a_complaint_that_opened_two_cases() -> None:
    event = submitted(case_ids=(uuid4(), uuid4()))
    receipt = receipt_for(event)
    assert (receipt.template, receipt.case_id, receipt.sequence) == (Template.RECEIPT, event.case_ids[0], 0)


@pytest.mark.parametrize(
    ("act", "before", "after", "expected"),
    [
        (Act.REGISTER, Stage.SUBMITTED, Stage.TRIAGE, [(Template.NEW_TASK, DESK.unit_id)]),
        (Act.ACCEPT, Stage.TRIAGE, Stage.PENDING_DISPATCH, [(Template.NEW_TASK, DESK.unit_id)]),
        (Act.SUPPLEMENT, Stage.SUPPLEMENT, Stage.TRIAGE, [(Template.NEW_TASK, DESK.unit_id)]),
        (Act.HAND_TO_DESK, Stage.TRIAGE, Stage.TRIAGE, [(Template.NEW_TASK, DESK.unit_id)]),
        (Act.BYPASS, Stage.TRIAGE, Stage.TRIAGE, [(Template.NEW_TASK, DESK.unit_id)]),
        (Act.DISPATCH, Stage.PENDING_DISPATCH, Stage.DISPATCHED, [(Template.NEW_TASK, HOLDER.unit_id)]),
        (Act.TRANSFER, Stage.SIGNED, Stage.DISPATCHED, [(Template.NEW_TASK, HOLDER.unit_id)]),
        (Act.SIGN_LAPSED, Stage.DISPATCHED, Stage.SIGNED, [(Template.NEW_TASK, HOLDER.unit_id)]),
        (Act.REPLY, Stage.HANDLING, Stage.FEEDBACK, [(Template.NEW_TASK, DESK.unit_id)]),
        (Act.REVIEW_PASS, Stage.FEEDBACK, Stage.PENDING_VISIT, [(Template.NEW_TASK, DESK.unit_id)]),
        (Act.REVIEW_FAIL, Stage.FEEDBACK, Stage.HANDLING, [(Template.REVIEW_FAILED, HOLDER.unit_id)]),
        (Act.RATE, Stage.PENDING_VISIT, Stage.REDO, [(Template.NEW_TASK, HOLDER.unit_id)]),
        (Act.URGE, Stage.HANDLING, Stage.HANDLING, [(Template.URGED, HOLDER.unit_id)]),
        (Act.URGE, Stage.FEEDBACK, Stage.FEEDBACK, [(Template.URGED, DESK.unit_id)]),
        # Whoever acted knows what comes next; nobody is on turn at the end.
        (Act.SIGN, Stage.DISPATCHED, Stage.SIGNED, []),
        (Act.BEGIN, Stage.SIGNED, Stage.HANDLING, []),
        (Act.CLAIM, Stage.TRIAGE, Stage.TRIAGE, []),
        (Act.LINK_RESPONDENTS, Stage.TRIAGE, Stage.TRIAGE, []),
        (Act.REQUEST_SUPPLEMENT, Stage.TRIAGE, Stage.SUPPLEMENT, []),
        (Act.RATE, Stage.PENDING_VISIT, Stage.CLOSED, []),
        (Act.ARCHIVE, Stage.CLOSED, Stage.ARCHIVED, []),
    ],
)
def test_what_the_units_are_told(act: Act, before: Stage, after: Stage, expected: list[tuple[Template, str]]) -> None:
    assert to_units(notices_for(transitioned(act, before, after))) == expected


@pytest.mark.parametrize("act", [Act.DUE_SOON, Act.OVERDUE])
def test_a_deadline_is_told_to_the_unit_on_turn_and_to_the_desk_that_watches(act: Act) -> None:
    event = transitioned(act, Stage.HANDLING, Stage.HANDLING, told=False, deadline=deadline())
    assert to_units(notices_for(event)) == [(Template(act), HOLDER.unit_id), (Template(act), DESK.unit_id)]


def recount(before: Deadline, after: Deadline, *, told: bool = False) -> CaseTransitioned:
    stage = Stage.HANDLING
    return transitioned(Act.RECOUNT, stage, stage, told=told, deadline=after, deadline_before=before)


def test_desk_and_holder_are_told_of_a_deadline_that_the_calendar_moved_or_confirmed() -> None:
    both = [(Template.RECOUNTED, DESK.unit_id), (Template.RECOUNTED, HOLDER.unit_id)]
    later = deadline(due_at=deadline().due_at + timedelta(days=1))
    provisional = deadline().model_copy(update={"provisional": True})
    assert to_units(notices_for(recount(deadline(), later))) == both
    assert to_units(notices_for(recount(provisional, deadline()))) == both
    notice = notices_for(recount(provisional, later))[0]
    assert notice.data["due_before"] == provisional.due_at.isoformat()
    assert (notice.data.get("provisional_before"), notice.data.get("provisional")) == ("yes", None)


def test_a_warning_that_moves_alone_is_told_to_nobody() -> None:
    sooner = deadline().model_copy(update={"due_soon_at": deadline().due_soon_at - timedelta(hours=3)})
    assert notices_for(recount(deadline(), sooner)) == ()


def test_a_reporter_is_told_of_a_period_of_his_own() -> None:
    mine, later = deadline(Purpose.SUPPLEMENT), deadline(Purpose.SUPPLEMENT, deadline().due_at + timedelta(days=1))
    assert to_reporters(notices_for(recount(mine, later, told=True))) == [Template.PERIOD_MOVED]


@pytest.mark.parametrize("act", LADDER)
def test_a_step_of_the_ladder_is_told_to_the_units_it_names_alone(act: Act) -> None:
    event = transitioned(
        act, Stage.HANDLING, Stage.HANDLING, told=False, deadline=deadline(), concerned=(HOLDER, DESK, HOLDER)
    )
    assert to_units(notices_for(event)) == [(Template(act), HOLDER.unit_id), (Template(act), DESK.unit_id)]
    assert notices_for(event.model_copy(update={"concerned": ()})) == ()


def test_a_desk_on_turn_is_told_of_its_deadline_once() -> None:
    event = transitioned(
        Act.OVERDUE, Stage.TRIAGE, Stage.TRIAGE, told=False, holder=None, deadline=deadline(Purpose.ACKNOWLEDGE)
    )
    assert to_units(notices_for(event)) == [(Template.OVERDUE, DESK.unit_id)]


@pytest.mark.parametrize("purpose", [Purpose.SUPPLEMENT, Purpose.SILENCE, Purpose.REVIEW_REQUEST])
def test_clocks_that_run_for_the_reporter_warn_no_officer(purpose: Purpose) -> None:
    event = transitioned(Act.DUE_SOON, Stage.SUPPLEMENT, Stage.SUPPLEMENT, told=False, deadline=deadline(purpose))
    assert notices_for(event) == ()


def known(**changed: object) -> Recipient:
    return recipient_of(submitted(**changed))


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        (known(), Decision(State.PENDING, Way.EMAIL)),
        (known(ways=(ContactWay.SMS, ContactWay.EMAIL)), Decision(State.PENDING, Way.EMAIL)),
        (known(ways=(ContactWay.SMS,)), Decision(State.SKIPPED, Way.SMS, Reason.WAY_NOT_SET_UP)),
        (known(ways=(ContactWay.WECHAT,)), Decision(State.SKIPPED, Way.WECHAT, Reason.WAY_NOT_SET_UP)),
        (known(ways=(), contact_token=None), Decision(State.SKIPPED, Way.TRACKING, Reason.NO_CONTACT)),
        (known(contact_token=None), Decision(State.SKIPPED, Way.TRACKING, Reason.NO_CONTACT)),
        (known(named=False), Decision(State.PENDING, Way.EMAIL)),
    ],
)
def test_how_a_reporter_is_told(recipient: Recipient, expected: Decision) -> None:
    assert decide(Template.ACCEPTED, recipient) == expected


def test_registration_is_in_the_ledger_but_not_mailed_on_top_of_the_receipt() -> None:
    assert decide(Template.REGISTERED, known()) == Decision(State.SKIPPED, Way.TRACKING, Reason.SAID_IN_RECEIPT)


def test_a_notice_has_the_same_id_whenever_its_event_comes() -> None:
    event_id = uuid4()
    ids = {
        notice_id(event_id, recipient, template)
        for recipient in ("unit:a", "unit:b")
        for template in (Template.URGED, Template.OVERDUE)
        for _again in range(3)
    }
    assert len(ids) == 4


def test_the_id_of_a_notice_is_the_same_for_ever() -> None:
    """A changed derivation would send everything that is redelivered after an upgrade a second time."""
    event_id = UUID("018f9c1e-7d3b-7a10-b2f4-6c7d8e9fa0b1")
    assert str(notice_id(event_id, "unit:wj-370702", Template.NEW_TASK)) == "a8dabe09-dcd4-5ffb-9f13-1804b190e4ea"


def test_a_notice_holds_codes_and_public_names_only() -> None:
    event = transitioned(Act.DISPATCH, Stage.PENDING_DISPATCH, Stage.DISPATCHED, deadline=deadline(), reason_code="R08")
    (notice, *_rest) = notices_for(event)
    assert notice.data == {
        "at": "2026-09-18T01:30:00+00:00",
        "act": "DISPATCH",
        "stage": "DISPATCHED",
        "case_number": "HY-20260918-000017",
        "desk": DESK.name,
        "holder": HOLDER.name,
        "task": TaskKind.SIGN.value,
        "reason_code": "R08",
        "purpose": "HANDLE",
        "due_at": "2026-09-25T16:00:00+00:00",
    }
