"""Joined and split complaints on the reporter's side: own answers, each rated by itself, and nothing of others."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.cases import CaseTransitioned
from contracts.complaints import ComplaintRated, ComplaintSupplemented
from contracts.lifecycle import Act, Purpose, Stage, Track
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.complaints.projection import project
from tests.integration.complaints.people import Referrals, Reporter, answered, deadline, step
from tests.integration.complaints.test_readings import Office


class Filed:
    """A complaint with the first of its cases."""

    def __init__(self, receipt: dict[str, str], complaint_id: UUID, case_id: UUID) -> None:
        self.receipt = receipt
        self.complaint_id = complaint_id
        self.case_id = case_id


async def filed(reporter: Reporter, admin: "asyncpg.Connection[Any]") -> Filed:
    receipt = await reporter.submitted()
    row = await admin.fetchrow(
        "SELECT complaint_id, case_id FROM complaints JOIN complaint_cases USING (complaint_id) WHERE case_number = $1",
        receipt["case_number"],
    )
    assert row is not None
    return Filed(receipt, row["complaint_id"], row["case_id"])


@pytest.fixture
async def mine(reporter: Reporter, admin: "asyncpg.Connection[Any]") -> Filed:
    return await filed(reporter, admin)


@pytest.fixture
async def other(reporter: Reporter, admin: "asyncpg.Connection[Any]") -> Filed:
    return await filed(reporter, admin)


async def happen(db: Database, *events: CaseTransitioned) -> None:
    for event in events:
        async with db.session() as session:
            await project(session, event)


def about_both(event: CaseTransitioned, *complaints: UUID) -> CaseTransitioned:
    return event.model_copy(update={"complaint_ids": complaints})


def acts(page: dict[str, Any]) -> list[str]:
    return [entry["act"] for entry in page["entries"]]


def joined(main: Filed, joining: Filed, referrals: Referrals) -> list[CaseTransitioned]:
    """The main case asks its own reporter something, takes the other complaint over, and is dispatched and answered."""
    asked = referrals.publish("只问第一位反映人的话")
    before = [
        step(main.case_id, main.complaint_id, 1, Act.REGISTER),
        step(main.case_id, main.complaint_id, 2, Act.REQUEST_SUPPLEMENT, public_document=asked),
    ]
    own_case = [
        step(joining.case_id, joining.complaint_id, 1, Act.REGISTER),
        step(joining.case_id, joining.complaint_id, 2, Act.MERGE, to_stage=Stage.MERGED),
    ]
    both = (main.complaint_id, joining.complaint_id)
    absorbed = step(main.case_id, main.complaint_id, 3, Act.ABSORB, to_stage=Stage.TRIAGE)
    answer = answered(main.case_id, main.complaint_id, referrals.publish("两件一并答复"))[2:]
    after = [event.model_copy(update={"sequence": event.sequence + 1}) for event in answer]
    return [*before, *own_case, *(about_both(event, *both) for event in (absorbed, *after))]


async def test_who_joins_a_case_sees_its_steps_from_then_on(
    reporter: Reporter, db: Database, mine: Filed, other: Filed, referrals: Referrals
) -> None:
    await happen(db, *joined(other, mine, referrals))
    page = await reporter.tracked(mine.receipt)
    assert acts(page) == ["REGISTER", "MERGE", "ACCEPT", "DISPATCH", "SIGN", "REVIEW_PASS"]
    assert "只问第一位反映人的话" not in str(page)
    assert (page["stage"], page["reply"]["text"]) == ("PENDING_VISIT", "两件一并答复"), (
        "the case that goes on comes first"
    )
    assert [part["stage"] for part in page["parts"]] == ["PENDING_VISIT", "MERGED"]
    first = await reporter.tracked(other.receipt)
    assert first["entries"][1]["note"]["text"] == "只问第一位反映人的话"
    assert "MERGE" not in acts(first)
    assert {part["part"] for part in page["parts"]}.isdisjoint(part["part"] for part in first["parts"])


async def test_the_end_is_the_same_in_any_order(
    reporter: Reporter, db: Database, mine: Filed, other: Filed, referrals: Referrals
) -> None:
    await happen(db, *reversed(joined(other, mine, referrals)))
    assert acts(await reporter.tracked(mine.receipt)) == [
        "REGISTER", "MERGE", "ACCEPT", "DISPATCH", "SIGN", "REVIEW_PASS",
    ]  # fmt: skip


async def test_the_database_itself_hides_what_came_before_the_joining(
    reporter: Reporter, db: Database, mine: Filed, other: Filed, referrals: Referrals, admin: "asyncpg.Connection[Any]"
) -> None:
    await happen(db, *joined(other, mine, referrals))
    rows = await readable(admin, mine, other.case_id)
    assert min(row["sequence"] for row in rows) > 2


async def readable(admin: "asyncpg.Connection[Any]", whose: Filed, case_id: UUID) -> list["asyncpg.Record"]:
    """The steps of a case that the database shows to the reporter of a complaint, whatever is asked of it."""
    code = await admin.fetchval("SELECT query_code_hash FROM complaints WHERE complaint_id = $1", whose.complaint_id)
    async with admin.transaction():
        await admin.execute("SET LOCAL ROLE complaints")
        await admin.execute("SELECT set_config('huiyin.role', 'public', true)")
        await admin.execute("SELECT set_config('huiyin.code', $1, true)", code.hex())
        return await admin.fetch("SELECT * FROM timeline WHERE case_id = $1 ORDER BY sequence", case_id)


async def ratings_told(admin: "asyncpg.Connection[Any]", whose: Filed) -> list[ComplaintRated]:
    rows = await admin.fetch(
        "SELECT payload FROM outbox WHERE key = $1 AND type = $2 ORDER BY id",
        str(whose.complaint_id),
        ComplaintRated.TYPE,
    )
    return [ComplaintRated.model_validate_json(row["payload"]) for row in rows]


def joined_late(main: Filed, joining: Filed, referrals: Referrals, *, closed: bool) -> list[CaseTransitioned]:
    """The main case is answered, perhaps closed as well, and takes the other complaint over only then."""
    answer = answered(main.case_id, main.complaint_id, referrals.publish("此前已作的答复"))
    last = answer[-1].sequence
    silence = step(main.case_id, main.complaint_id, last + 1, Act.SILENCE_LAPSED, to_stage=Stage.CLOSED)
    stage = Stage.CLOSED if closed else Stage.PENDING_VISIT
    absorbed = step(main.case_id, main.complaint_id, last + 2, Act.ABSORB, to_stage=stage)
    return [
        *answer,
        *([silence] if closed else []),
        step(joining.case_id, joining.complaint_id, 1, Act.REGISTER),
        step(joining.case_id, joining.complaint_id, 2, Act.MERGE, to_stage=Stage.MERGED),
        about_both(absorbed.model_copy(update={"told": False}), main.complaint_id, joining.complaint_id),
    ]


@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "the answer last"])
async def test_who_is_joined_to_an_answered_case_reads_the_answer_and_leaves_its_rating_to_the_first(
    reporter: Reporter,
    db: Database,
    mine: Filed,
    other: Filed,
    referrals: Referrals,
    admin: "asyncpg.Connection[Any]",
    *,
    in_order: bool,
) -> None:
    events = joined_late(other, mine, referrals, closed=False)
    await happen(db, *(events if in_order else reversed(events)))
    page = await reporter.tracked(mine.receipt)
    assert (page["stage"], page["reply"]["text"]) == ("PENDING_VISIT", "此前已作的答复")
    assert acts(page) == ["REGISTER", "MERGE"], "the answer, and nothing else from before the joining"
    part = page["parts"][0]
    assert (page["may"]["rate"], part["may_rate"], part["rating_closed"]) == (False, False, True)
    assert part["answered_before_joining"] == page["reply"]["at"]
    assert "由当时的反映人评价" in part["notice"]
    english = await reporter.tracked(mine.receipt, "en")
    assert "those who were in the case then rate it" in english["parts"][0]["notice"]
    for named in ({}, {"part": part["part"]}):
        refused = await reporter.rate(mine.receipt, 5, **named)
        assert (refused.status_code, refused.json()["code"]) == (409, "RATING_CLOSED")
    assert await ratings_told(admin, mine) == [], "the case hears of no rating, and stays open"
    first = await reporter.tracked(other.receipt)
    assert (first["may"]["rate"], first["parts"][0]["notice"]) == (True, None)
    assert (await reporter.rate(other.receipt, 1)).status_code == 201
    told = await ratings_told(admin, other)
    assert [(event.case_ids, event.satisfaction) for event in told] == [((other.case_id,), 1)]


async def test_who_is_joined_to_a_closed_case_reads_the_answer_and_that_it_is_not_rated_any_more(
    reporter: Reporter, db: Database, mine: Filed, other: Filed, referrals: Referrals
) -> None:
    await happen(db, *joined_late(other, mine, referrals, closed=True))
    page = await reporter.tracked(mine.receipt)
    assert (page["stage"], page["reply"]["text"]) == ("CLOSED", "此前已作的答复")
    assert (page["may"]["rate"], page["parts"][0]["rating_closed"]) == (False, True)
    refused = await reporter.rate(mine.receipt, 5)
    assert (refused.status_code, refused.json()["code"]) == (409, "RATING_CLOSED")


_GUARDED = pytest.mark.parametrize(
    "guard", [{"track": Track.INTEGRITY}, {"restricted": True}], ids=["a report", "past its ordinary desk"]
)


@_GUARDED
@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "the answer last"])
@pytest.mark.parametrize("closed", [False, True], ids=["to be rated", "closed"])
async def test_on_a_guarded_case_who_is_joined_late_learns_when_it_was_answered_and_nothing_more(
    reporter: Reporter,
    db: Database,
    mine: Filed,
    other: Filed,
    referrals: Referrals,
    admin: "asyncpg.Connection[Any]",
    guard: dict[str, Any],
    *,
    in_order: bool,
    closed: bool,
) -> None:
    events = [event.model_copy(update=guard) for event in joined_late(other, mine, referrals, closed=closed)]
    given = next(event for event in events if event.act is Act.REVIEW_PASS)
    await happen(db, *(events if in_order else reversed(events)))
    page = await reporter.tracked(mine.receipt)
    part = page["parts"][0]
    assert (page["stage"], page["reply"], part["reply"]) == ("CLOSED" if closed else "PENDING_VISIT", None, None)
    assert datetime.fromisoformat(part["answered_before_joining"]) == given.at
    assert "受理单位将另行答复您" in part["notice"]
    assert "answers you by a new reply" in (await reporter.tracked(mine.receipt, "en"))["parts"][0]["notice"]
    assert "SUBSTANTIATED" not in str(page)
    assert (page["may"]["rate"], part["rating_closed"]) == (False, True)
    refused = await reporter.rate(mine.receipt, 5)
    assert (refused.status_code, refused.json()["code"]) == (409, "RATING_CLOSED")
    assert await readable(admin, mine, other.case_id) == [], "the database itself does not show the answer"
    first = await reporter.tracked(other.receipt)
    assert first["reply"]["text"] == "此前已作的答复", "whom it was written for reads it still"
    assert given.sequence in [row["sequence"] for row in await readable(admin, other, other.case_id)]


@_GUARDED
async def test_on_a_guarded_case_the_answer_after_the_joining_is_read_and_rated_by_both(
    reporter: Reporter,
    db: Database,
    mine: Filed,
    other: Filed,
    referrals: Referrals,
    admin: "asyncpg.Connection[Any]",
    guard: dict[str, Any],
) -> None:
    events = joined_late(other, mine, referrals, closed=False)
    both, last = events[-1].complaint_ids, events[-1].sequence
    redo = about_both(step(other.case_id, other.complaint_id, last + 1, Act.RATE, to_stage=Stage.REDO), *both)
    # As referrals tells of it: a step after the answer names the answer's text and outcome again.
    redo = redo.model_copy(update={name: getattr(events[8], name) for name in ("public_document", "outcome")})
    anew = answered(other.case_id, other.complaint_id, referrals.publish("重办后的答复"))[-1]
    anew = about_both(anew.model_copy(update={"sequence": last + 2}), *both)
    await happen(db, *(event.model_copy(update=guard) for event in (*events, redo)))
    shown = await readable(admin, mine, other.case_id)
    assert [(row["act"], row["outcome"], row["document_id"]) for row in shown] == [("RATE", None, None)]
    assert (await reporter.tracked(mine.receipt))["reply"] is None
    await happen(db, anew.model_copy(update=guard))
    for receipt in (mine.receipt, other.receipt):
        page = await reporter.tracked(receipt)
        assert (page["reply"]["text"], page["may"]["rate"]) == ("重办后的答复", True)
        assert page["parts"][0]["answered_before_joining"] is None
        assert (await reporter.rate(receipt, 4)).status_code == 201


async def test_the_newest_answer_counts_for_who_is_joined_after_a_redo(
    reporter: Reporter, db: Database, mine: Filed, other: Filed, referrals: Referrals
) -> None:
    first = answered(other.case_id, other.complaint_id, referrals.publish("第一次答复"))
    last = first[-1].sequence
    redone = answered(other.case_id, other.complaint_id, referrals.publish("重办后的答复"))[-1]
    absorbed = step(other.case_id, other.complaint_id, last + 3, Act.ABSORB, to_stage=Stage.PENDING_VISIT)
    both = (other.complaint_id, mine.complaint_id)
    await happen(
        db,
        *first,
        step(other.case_id, other.complaint_id, last + 1, Act.RATE, to_stage=Stage.REDO),
        redone.model_copy(update={"sequence": last + 2}),
        step(mine.case_id, mine.complaint_id, 1, Act.MERGE, to_stage=Stage.MERGED),
        about_both(absorbed.model_copy(update={"told": False}), *both),
    )
    page = await reporter.tracked(mine.receipt)
    assert page["reply"]["text"] == "重办后的答复"
    assert "第一次答复" not in str(page)


async def test_an_answer_is_no_longer_read_once_the_complaint_has_left(
    reporter: Reporter, db: Database, mine: Filed, other: Filed, referrals: Referrals, admin: "asyncpg.Connection[Any]"
) -> None:
    events = joined_late(other, mine, referrals, closed=False)
    gone = step(other.case_id, other.complaint_id, events[-1].sequence + 1, Act.DISOWN, to_stage=Stage.PENDING_VISIT)
    await happen(db, *events, gone.model_copy(update={"told": False}))
    page = await reporter.tracked(mine.receipt)
    assert (page["reply"], page["parts"][0]["answered_before_joining"], len(page["parts"])) == (None, None, 1)
    assert await readable(admin, mine, other.case_id) == []


async def test_a_complaint_that_leaves_the_main_case_sees_no_more_of_it(
    reporter: Reporter,
    db: Database,
    mine: Filed,
    other: Filed,
    referrals: Referrals,
    referrals_tokens: ServiceTokens,
    admin: "asyncpg.Connection[Any]",
) -> None:
    both = (other.complaint_id, mine.complaint_id)
    history = joined(other, mine, referrals)[:5]
    dispatched = about_both(step(other.case_id, other.complaint_id, 4, Act.ACCEPT), *both)
    left = step(other.case_id, other.complaint_id, 5, Act.DISOWN, to_stage=Stage.PENDING_DISPATCH)
    later = step(other.case_id, other.complaint_id, 6, Act.DISPATCH)
    unmerged = step(mine.case_id, mine.complaint_id, 3, Act.UNMERGE, to_stage=Stage.TRIAGE)
    await happen(db, *history, dispatched, left, later, unmerged)
    page = await reporter.tracked(mine.receipt)
    assert (page["stage"], len(page["parts"])) == ("TRIAGE", 1)
    assert "DISPATCH" not in acts(page)
    assert (await reporter.supplement(mine.receipt, "仍有补充")).status_code == 201
    sent = await admin.fetchval(
        "SELECT payload FROM outbox WHERE key = $1 AND type = $2", str(mine.complaint_id), ComplaintSupplemented.TYPE
    )
    assert ComplaintSupplemented.model_validate_json(sent).case_ids == (mine.case_id,)
    office = Office(reporter.http, referrals_tokens, admin)
    texts = (await office.read(office.grant(other.case_id))).json()
    assert [text["case_number"] for text in texts["complaints"]] == [other.receipt["case_number"]]


async def test_both_answers_of_a_split_complaint_are_rated_each_by_its_own(
    reporter: Reporter, db: Database, mine: Filed, referrals: Referrals, admin: "asyncpg.Connection[Any]"
) -> None:
    part = uuid4()
    await happen(db, *answered(mine.case_id, mine.complaint_id, referrals.publish("举报部分的答复")))
    await happen(db, *answered(part, mine.complaint_id, referrals.publish("投诉部分的答复")))
    page = await reporter.tracked(mine.receipt)
    by_text = {found["reply"]["text"]: found for found in page["parts"]}
    assert all(found["may_rate"] for found in page["parts"])
    wanted = by_text["举报部分的答复"]["part"]
    assert (await reporter.rate(mine.receipt, 2, part=wanted)).status_code == 201
    again = await reporter.rate(mine.receipt, 3, part=wanted)
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_RATED")
    page = await reporter.tracked(mine.receipt)
    assert [found["may_rate"] for found in page["parts"] if found["part"] == wanted] == [False]
    assert page["may"]["rate"] is True
    assert (await reporter.rate(mine.receipt, 5)).status_code == 201, "without a part: the one that still waits"
    assert (await reporter.tracked(mine.receipt))["may"]["rate"] is False
    told = await ratings_told(admin, mine)
    assert [(event.case_ids, event.satisfaction) for event in told] == [((mine.case_id,), 2), ((part,), 5)]


async def test_another_complaints_part_is_not_rated(
    reporter: Reporter, db: Database, mine: Filed, other: Filed, referrals: Referrals
) -> None:
    for found in (mine, other):
        await happen(db, *answered(found.case_id, found.complaint_id, referrals.publish("答复")))
    theirs = (await reporter.tracked(other.receipt))["parts"][0]["part"]
    refused = await reporter.rate(mine.receipt, 1, part=theirs)
    assert (refused.status_code, refused.json()["code"]) == (409, "RATING_NOT_ASKED")


async def test_a_redo_of_one_part_leaves_the_other_part_to_be_rated(
    reporter: Reporter, db: Database, mine: Filed, referrals: Referrals
) -> None:
    part = uuid4()
    for case_id in (mine.case_id, part):
        await happen(db, *answered(case_id, mine.complaint_id, referrals.publish("答复")))
    redo = step(part, mine.complaint_id, 10, Act.RATE, to_stage=Stage.REDO, deadline=deadline(Purpose.REDO))
    await happen(db, redo)
    page = await reporter.tracked(mine.receipt)
    assert [(found["stage"], found["may_rate"]) for found in page["parts"]] == [
        ("REDO", False),
        ("PENDING_VISIT", True),
    ]
