"""What of a step the world hears: the event names a reply only when it was reviewed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from contracts.cases import Deadline, DocumentRef, Outcome, UnitRef
from contracts.course import Course
from contracts.lifecycle import TOLD_TO_REPORTER, Act, Channel, Party, Purpose, Role, Stage, TaskKind, Track
from contracts.messages import Actor, CaseFacts, RunningClock, Transition
from services.referrals.permissions import Officer
from services.referrals.repository.cases import CaseRow, Step, TaskRow
from services.referrals.repository.history import GENESIS, chained, published_document
from services.referrals.service.steps import public_document, transitioned
from services.referrals.views import clock_view, summary, view

REPLY = DocumentRef(document_id=UUID(int=1), sha256="1" * 64)
NOTE = DocumentRef(document_id=UUID(int=2), sha256="2" * 64)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def step(act: Act, before: Stage, after: Stage, **changes: object) -> Transition:
    facts = CaseFacts(
        case_id=uuid4(), case_number="N1", complaint_ids=(uuid4(),), channel=Channel.WEB, track=Track.GENERAL,
        category="0401", region="370100", named=True, respondent_count=0, submitted_at=NOON,
    )  # fmt: skip
    values: dict[str, object] = {
        "facts": facts, "sequence": 7, "changed_sequence": 7, "act": act, "actor": Actor(party=Party.OFFICER),
        "at": NOON, "from_stage": before, "to_stage": after, "note": NOTE, "public_document": REPLY,
        "outcome": Outcome.EXPLAINED, "desk": UnitRef(unit_id="desk", name="d", region="370100"),
    }  # fmt: skip
    return Transition(**{**values, **changes})  # type: ignore[arg-type]


def deadline(purpose: Purpose = Purpose.HANDLE) -> Deadline:
    return Deadline(
        purpose=purpose,
        clock_id="X",
        article="x",
        started_at=NOON,
        due_at=NOON + timedelta(days=2),
        due_soon_at=NOON + timedelta(hours=30),
        provisional=False,
        calendar_version="t",
    )


@pytest.mark.parametrize(
    ("act", "before", "after", "named"),
    [
        (Act.REPLY, Stage.HANDLING, Stage.FEEDBACK, None),
        (Act.REVIEW_FAIL, Stage.FEEDBACK, Stage.HANDLING, None),
        # The reply that failed its review is still carried: a transfer must not tell it.
        (Act.TRANSFER, Stage.HANDLING, Stage.DISPATCHED, None),
        (Act.REVIEW_PASS, Stage.FEEDBACK, Stage.PENDING_VISIT, REPLY),
        (Act.RATE, Stage.PENDING_VISIT, Stage.CLOSED, REPLY),
        (Act.REQUEST_SUPPLEMENT, Stage.TRIAGE, Stage.SUPPLEMENT, NOTE),
        (Act.REJECT, Stage.TRIAGE, Stage.REJECTED, NOTE),
    ],
)
def test_the_event_names_only_what_the_reporter_may_read(
    act: Act, before: Stage, after: Stage, named: DocumentRef | None
) -> None:
    done = step(act, before, after)
    event = transitioned(done, "0" * 64)
    assert public_document(done) == event.public_document == named
    assert event.told is (act in TOLD_TO_REPORTER)
    assert (event.outcome is None) is (named is None)


@pytest.mark.parametrize("act", [Act.RECUSE, Act.ORDER_RECUSAL])
def test_no_event_tells_why_somebody_keeps_away(act: Act) -> None:
    done = step(act, Stage.HANDLING, Stage.HANDLING, reason_code="RELATIVE")
    assert (done.reason_code, transitioned(done, "0" * 64).reason_code) == ("RELATIVE", None)


@pytest.mark.parametrize("restricted", [False, True])
def test_the_event_tells_whether_the_case_was_sent_past_its_ordinary_desk(*, restricted: bool) -> None:
    passed = step(Act.REVIEW_PASS, Stage.FEEDBACK, Stage.PENDING_VISIT, course=Course(restricted=restricted))
    assert transitioned(passed, "0" * 64).restricted is restricted


def test_a_recount_is_told_only_of_a_date_that_the_reporter_has_to_keep() -> None:
    def told(purpose: Purpose, days: int) -> bool:
        before = deadline(purpose)
        after = before.model_copy(update={"due_at": before.due_at + timedelta(days=days), "provisional": days == 0})
        moved = step(Act.RECOUNT, Stage.HANDLING, Stage.HANDLING, deadline=after, deadline_before=before)
        event = transitioned(moved, "0" * 64)
        assert (event.deadline, event.deadline_before) == (after, before)
        return event.told

    assert told(Purpose.SUPPLEMENT, 1)
    assert not told(Purpose.SUPPLEMENT, 0)
    assert not told(Purpose.HANDLE, 1)


def test_a_text_is_published_once_by_the_act_that_tells_it() -> None:
    assert published_document(step(Act.REVIEW_PASS, Stage.FEEDBACK, Stage.PENDING_VISIT)) == REPLY.document_id
    assert published_document(step(Act.REJECT, Stage.TRIAGE, Stage.REJECTED)) == NOTE.document_id
    assert published_document(step(Act.REPLY, Stage.HANDLING, Stage.FEEDBACK)) is None


def test_the_chain_is_sha256_over_the_bytes_of_both_hashes_and_when_it_was_recorded() -> None:
    content = sha256(b"content").hexdigest()
    at = datetime(1970, 1, 1, 0, 0, 2, 17, UTC)
    assert chained(GENESIS, content, at) == sha256(bytes(32) + bytes.fromhex(content) + b"2000017").hexdigest()


@pytest.mark.parametrize(("hours", "lamp"), [(0, "NORMAL"), (30, "DUE_SOON"), (48, "OVERDUE"), (400, "OVERDUE")])
def test_lamps_are_derived_from_the_deadline(hours: int, lamp: str) -> None:
    clock = RunningClock(deadline=deadline())
    assert clock_view(clock, NOON + timedelta(hours=hours)).lamp == lamp


def test_officers_see_which_dates_are_provisional_in_queue_and_case() -> None:
    due = deadline().model_copy(update={"provisional": True, "due_at": datetime(2027, 3, 3, 16, tzinfo=UTC)})
    done = step(Act.ACCEPT, Stage.TRIAGE, Stage.PENDING_DISPATCH, deadline=due)
    task = TaskRow(TaskKind.DISPATCH, "desk", Role.DISPATCHER, None, 7, NOON, due.due_at)
    row = CaseRow(
        facts=done.facts, sequence=7, changed_sequence=7, stage=done.to_stage, desk=done.desk, holder=None, linked=True,
        redo_count=0, outcome=None, satisfaction=None, public_document=None, clocks=(RunningClock(deadline=due),),
        respondent_units=(), course=Course(), task=task, updated_at=NOON,
    )  # fmt: skip
    shown = view(
        row, steps=[Step(done, "0" * 64, NOON, None)], texts={}, grants=(), respondents=(), now=NOON,
        officer=Officer("a", "desk", frozenset()),
    )  # fmt: skip
    assert shown.task is not None
    for part in (shown.task, shown.clocks[0], shown.timeline[0]):
        assert (part.due, part.provisional) == ("2027-03-03 24:00（暂定）", True)
    settled = row.clocks[0].deadline.model_copy(update={"provisional": False})
    queued = summary(replace(row, clocks=(RunningClock(deadline=settled),)), "a", NOON)
    assert queued.task is not None
    assert (queued.task.due, queued.task.provisional) == ("2027-03-03 24:00", False)


OLD, NEW = (
    UnitRef(unit_id="old", name="原单位", region="370100"),
    UnitRef(unit_id="new", name="新单位", region="370100"),
)


@pytest.mark.parametrize(
    ("before", "after", "had", "told"),
    [
        (Stage.HANDLING, Stage.HANDLING, OLD, True),
        (Stage.HANDLING, Stage.HANDLING, NEW, False),  # a helper's or the desk's successor is none of their business
        (Stage.HANDLING, Stage.PENDING_DISPATCH, OLD, False),  # taken from an accused successor: dispatching is told
        (Stage.MERGED, Stage.MERGED, OLD, False),  # the main case tells
        (Stage.CLOSED, Stage.CLOSED, OLD, False),
    ],
)
def test_the_reporter_is_told_once_who_goes_on_after_a_merger_of_units(
    before: Stage, after: Stage, had: UnitRef, told: bool
) -> None:
    event = transitioned(step(Act.SUCCEED, before, after, holder=NEW), "0" * 64, had=had)
    assert event.told is told
    assert event.holder == NEW
