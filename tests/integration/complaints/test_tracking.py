"""The reporter's page: what happened, in words; the answer, fetched and checked; and nothing for anybody else."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import event as sa_event

from contracts.cases import CaseTransitioned, Outcome
from contracts.complaints import ComplaintRated, ComplaintSupplemented
from contracts.lifecycle import Act, Purpose, Stage
from services.chassis.db import Database
from services.complaints.projection import project
from tests.integration.complaints.people import (
    DUE,
    FORM,
    Referrals,
    Reporter,
    answered,
    deadline,
    new_key,
    step,
)


class Case:
    """A submitted complaint, and the means to move its case."""

    def __init__(self, db: Database, receipt: dict[str, str], complaint_id: UUID, case_id: UUID) -> None:
        self.db = db
        self.receipt = receipt
        self.complaint_id = complaint_id
        self.case_id = case_id

    async def moves(self, *events: CaseTransitioned) -> None:
        for event in events:
            async with self.db.session() as session:
                await project(session, event)

    async def answered(self, referrals: Referrals, text: str = "经查属实,已退费。") -> None:
        await self.moves(*answered(self.case_id, self.complaint_id, referrals.publish(text)))

    def step(self, sequence: int, act: Act, **fields: Any) -> CaseTransitioned:
        return step(self.case_id, self.complaint_id, sequence, act, **fields)


@pytest.fixture
async def case(reporter: Reporter, db: Database, admin: "asyncpg.Connection[Any]") -> Case:
    receipt = await reporter.submitted()
    row = await admin.fetchrow(
        "SELECT complaint_id, case_id FROM complaints JOIN complaint_cases USING (complaint_id) WHERE case_number = $1",
        receipt["case_number"],
    )
    return Case(db, receipt, row["complaint_id"], row["case_id"])


async def emitted(admin: "asyncpg.Connection[Any]", case: Case, kind: str) -> list[bytes]:
    rows = await admin.fetch(
        "SELECT payload FROM outbox WHERE key = $1 AND type = $2 ORDER BY id", str(case.complaint_id), kind
    )
    return [row["payload"] for row in rows]


async def test_a_new_complaint_is_waiting_for_registration(reporter: Reporter, case: Case) -> None:
    page = await reporter.tracked(case.receipt)
    assert (page["stage"], page["stage_name"], page["entries"]) == ("SUBMITTED", "待登记", [])
    assert page["may"] == {"supplement": True, "rate": False}
    assert page["deadline"] is None
    assert page["reply"] is None


async def test_the_page_tells_each_step_and_the_deadline_in_words(reporter: Reporter, case: Case) -> None:
    await case.moves(*answered(case.case_id, case.complaint_id)[:4])
    page = await reporter.tracked(case.receipt)
    assert [entry["text"] for entry in page["entries"]] == [
        "已登记,由云川市受理台预审。",
        "云川市受理台已受理。",
        "已转交云川市医疗保障局,须于2026年9月25日24:00前答复。",
    ]
    assert page["deadline"]["text"] == "2026年9月25日24:00"
    english = await reporter.tracked(case.receipt, "en")
    assert english["stage_name"] == "handed over"
    assert english["entries"][2]["text"] == "Handed over to 云川市医疗保障局; the answer is due by 2026-09-25 24:00."


async def test_officers_own_steps_are_not_told(reporter: Reporter, case: Case) -> None:
    await case.moves(case.step(1, Act.REGISTER), case.step(2, Act.CLAIM), case.step(3, Act.OVERDUE))
    page = await reporter.tracked(case.receipt)
    assert [entry["act"] for entry in page["entries"]] == ["REGISTER"]
    assert page["stage"] == "HANDLING"


async def test_the_answer_is_fetched_checked_and_shown(reporter: Reporter, case: Case, referrals: Referrals) -> None:
    await case.answered(referrals)
    page = await reporter.tracked(case.receipt)
    assert page["reply"]["text"] == "经查属实,已退费。"
    assert (page["reply"]["outcome"], page["reply"]["outcome_name"]) == ("SUBSTANTIATED", "属实已处理")
    assert page["may"] == {"supplement": True, "rate": True}
    assert referrals.asked[-1].headers["authorization"].startswith("Bearer ")


async def test_an_answer_is_not_shown_before_its_review(reporter: Reporter, case: Case, referrals: Referrals) -> None:
    document = referrals.publish("草稿")
    await case.moves(*answered(case.case_id, case.complaint_id)[:7])
    await case.moves(case.step(8, Act.REPLY, public_document=document, outcome=Outcome.EXPLAINED))
    assert (await reporter.tracked(case.receipt))["reply"] is None
    assert referrals.asked == []


async def test_without_referrals_the_rest_is_shown(reporter: Reporter, case: Case, referrals: Referrals) -> None:
    await case.answered(referrals)
    referrals.away = True
    page = await reporter.tracked(case.receipt)
    assert page["reply"]["available"] is False
    assert page["reply"]["text"] is None
    assert len(page["entries"]) == 5


async def test_an_answer_that_was_changed_is_not_shown(reporter: Reporter, case: Case, referrals: Referrals) -> None:
    await case.answered(referrals)
    referrals.texts = dict.fromkeys(referrals.texts, "改过的答复")
    assert (await reporter.tracked(case.receipt))["reply"]["available"] is False


async def test_a_question_to_the_reporter_comes_with_its_text(
    reporter: Reporter, case: Case, referrals: Referrals
) -> None:
    document = referrals.publish("请说明诊所的位置")
    asked = case.step(
        2, Act.REQUEST_SUPPLEMENT, public_document=document, deadline=deadline(Purpose.SUPPLEMENT), holder=None
    )
    await case.moves(case.step(1, Act.REGISTER), asked)
    page = await reporter.tracked(case.receipt)
    assert page["entries"][1]["note"] == {"available": True, "text": "请说明诊所的位置"}
    assert page["deadline"]["purpose"] == "SUPPLEMENT"


async def test_every_failure_looks_the_same_and_takes_the_same_statements(
    reporter: Reporter, case: Case, db: Database
) -> None:
    other = await reporter.submitted()
    right = case.receipt
    wrong = [
        {**right, "query_code": other["query_code"]},
        {**right, "case_number": other["case_number"]},
        {**right, "case_number": "HY260101-00000000"},
        {**right, "query_code": right["query_code"][:-1] + ("0" if right["query_code"][-1] != "0" else "1")},
        {"case_number": "?", "query_code": "?"},
    ]
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa_event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    seen = set()
    for credentials in wrong:
        statements.clear()
        answer = await reporter.track(credentials)
        seen.add((answer.status_code, answer.text, tuple(sorted(answer.headers.items())), tuple(statements)))
    assert len(seen) == 1
    ((status, text, _, done),) = seen
    assert status == 404
    assert "TRACKING_NOT_FOUND" in text
    statements.clear()
    await reporter.tracked(right)
    assert tuple(statements[: len(done)]) == done, "a success begins with the same statements"


async def test_neither_narrative_nor_respondent_is_ever_shown(
    reporter: Reporter, case: Case, referrals: Referrals
) -> None:
    await case.answered(referrals)
    shown = (await reporter.track(case.receipt)).text
    assert FORM["narrative"] not in shown
    assert FORM["respondents"][0] not in shown


async def test_a_supplement_is_added_once(reporter: Reporter, case: Case, admin: "asyncpg.Connection[Any]") -> None:
    key = new_key()
    answers = await asyncio.gather(*(reporter.supplement(case.receipt, "在菜市场东侧", key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    (payload,) = await emitted(admin, case, ComplaintSupplemented.TYPE)
    event = ComplaintSupplemented.model_validate_json(payload)
    assert (str(event.supplement_id), event.files, event.case_ids) == (answers[0].json()["id"], 0, (case.case_id,))
    other = await reporter.supplement(case.receipt, "别的内容", key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_an_ended_case_takes_no_addition_but_repeats_its_answer(reporter: Reporter, case: Case) -> None:
    key = new_key()
    first = await reporter.supplement(case.receipt, "补充", key)
    await case.moves(case.step(1, Act.REGISTER), case.step(2, Act.REJECT, reason_code="R01"))
    refused = await reporter.supplement(case.receipt, "再补充")
    assert (refused.status_code, refused.json()["code"]) == (409, "CASE_ENDED")
    assert (await reporter.upload(case.receipt, b"text")).status_code == 409
    assert (await reporter.supplement(case.receipt, "补充", key)).text == first.text


async def test_an_answer_is_rated_once_and_only_when_asked(
    reporter: Reporter, case: Case, referrals: Referrals, admin: "asyncpg.Connection[Any]"
) -> None:
    early = await reporter.rate(case.receipt, 5)
    assert (early.status_code, early.json()["code"]) == (409, "RATING_NOT_ASKED")
    await case.answered(referrals)
    answers = await asyncio.gather(*(reporter.rate(case.receipt, value) for value in (1, 2, 3, 4, 5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"ALREADY_RATED"}
    (payload,) = await emitted(admin, case, ComplaintRated.TYPE)
    chosen = next(value for value, answer in zip((1, 2, 3, 4, 5), answers, strict=True) if answer.status_code == 201)
    assert ComplaintRated.model_validate_json(payload).satisfaction == chosen
    assert (await reporter.tracked(case.receipt))["may"]["rate"] is False


async def test_a_second_answer_after_a_redo_can_be_rated_again(
    reporter: Reporter, case: Case, referrals: Referrals
) -> None:
    await case.answered(referrals)
    assert (await reporter.rate(case.receipt, 1)).status_code == 201
    redo = deadline(Purpose.REDO)
    await case.moves(
        case.step(10, Act.RATE, to_stage=Stage.REDO, deadline=redo),
        case.step(11, Act.REPLY),
        case.step(12, Act.REVIEW_PASS, public_document=referrals.publish("第二次答复"), outcome=Outcome.EXPLAINED),
    )
    page = await reporter.tracked(case.receipt)
    assert (page["reply"]["text"], page["may"]["rate"]) == ("第二次答复", True)
    assert (await reporter.rate(case.receipt, 4)).status_code == 201


@pytest.mark.parametrize("satisfaction", [0, 6, True, "5", 2.5, None])
async def test_a_rating_is_one_to_five(reporter: Reporter, case: Case, satisfaction: Any) -> None:
    assert (await reporter.rate(case.receipt, satisfaction)).status_code == 422


async def test_the_deadline_shown_is_the_running_one(reporter: Reporter, case: Case) -> None:
    warned = case.step(5, Act.DUE_SOON, deadline=deadline(Purpose.VISIT), to_stage=Stage.DISPATCHED)
    await case.moves(*answered(case.case_id, case.complaint_id)[:4], warned)
    assert (await reporter.tracked(case.receipt))["deadline"]["due_at"] == DUE.isoformat().replace("+00:00", "Z")
    await case.moves(case.step(6, Act.RATE, deadline=deadline(Purpose.HANDLE)))
    assert (await reporter.tracked(case.receipt))["deadline"] is None, "a closed case has none"
