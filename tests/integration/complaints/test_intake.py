"""Intake: the same request is one complaint with one number and code, however often and concurrently it comes."""

import asyncio
import json
import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from contracts.complaints import ComplaintSubmitted, ContactWay
from contracts.lifecycle import Channel, Track
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.complaints import domain
from services.complaints.runtime import Runtime
from services.complaints.schemas import Submission
from services.complaints.service import Origin
from tests.integration.complaints.people import FORM, Reporter, new_key

Admin = asyncpg.Connection


async def rows_of(admin: Admin, case_number: str) -> dict[str, int]:
    """How much one complaint left in each table."""
    counted = await admin.fetchrow(
        """
        SELECT count(DISTINCT c.complaint_id) AS complaints, count(DISTINCT cc.case_id) AS cases,
               count(DISTINCT o.id) AS events, count(DISTINCT s.contact_token) AS identities,
               count(DISTINCT i.key_hash) AS keys
        FROM complaints c LEFT JOIN complaint_cases cc USING (complaint_id)
        LEFT JOIN outbox o ON o.key = c.complaint_id::text
        LEFT JOIN vault.sealed_identities s ON s.complaint_id = c.complaint_id
        LEFT JOIN idempotency i ON i.result_id = c.complaint_id
        WHERE c.case_number = $1
        """,
        case_number,
    )
    return dict(counted)


async def event_of(admin: Admin, case_number: str) -> ComplaintSubmitted:
    payload = await admin.fetchval(
        "SELECT payload FROM outbox o JOIN complaints c ON o.key = c.complaint_id::text WHERE case_number = $1",
        case_number,
    )
    return ComplaintSubmitted.model_validate_json(payload)


async def test_a_repeated_request_gets_the_same_answer(reporter: Reporter, admin: Admin) -> None:
    key = new_key()
    person = {"name": "张三", "email": "z@example.org"}
    answers = [await reporter.submit(key, reporter=person) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.text for answer in answers}) == 1
    assert await rows_of(admin, answers[0].json()["case_number"]) == {
        "complaints": 1,
        "cases": 1,
        "events": 1,
        "identities": 1,
        "keys": 1,
    }


async def test_concurrent_requests_are_one_complaint(reporter: Reporter, admin: Admin) -> None:
    for _ in range(10):
        key = new_key()
        answers = await asyncio.gather(*(reporter.submit(key, reporter={"name": "李四"}) for _ in range(16)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
        assert (await rows_of(admin, answers[0].json()["case_number"]))["complaints"] == 1


async def test_any_order_of_requests_behaves_as_a_dictionary_of_keys(reporter: Reporter) -> None:
    """The model: a key stands for its first content; other contents are refused, and change nothing."""
    choice = random.Random(2026)
    for _ in range(5):
        keys, contents = [new_key() for _ in range(4)], ["一", "二", "三"]
        known: dict[str, tuple[str, str]] = {}
        for _ in range(40):
            key, content = choice.choice(keys), choice.choice(contents)
            answer = await reporter.submit(key, narrative=content)
            first, text = known.setdefault(key, (content, answer.text))
            if content == first:
                assert (answer.status_code, answer.text) == (201, text)
            else:
                assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
        assert len({text for _, text in known.values()}) == len(known)


async def test_concurrent_requests_of_one_key_with_two_contents_are_one_complaint(reporter: Reporter) -> None:
    key = new_key()
    answers = await asyncio.gather(*(reporter.submit(key, narrative=f"第{number % 2}种") for number in range(12)))
    assert sorted({answer.status_code for answer in answers}) == [201, 422]
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1


async def test_the_same_key_on_another_channel_is_another_request(reporter: Reporter) -> None:
    key = new_key()
    web, mini = await reporter.submit(key), await reporter.submit(key, path="/v1/mini-program/complaints")
    assert web.json()["case_number"] != mini.json()["case_number"]


async def test_after_a_crash_between_commit_and_answer_the_repeat_gets_the_lost_receipt(
    reporter: Reporter, runtime: Runtime, settings: Settings, db: Database
) -> None:
    key = new_key()
    async with db.session() as session:
        lost = await runtime.intake.submit(session, Submission(**FORM), Origin(Channel.WEB, key), "zh")
    reborn = Runtime.start(settings, db)
    async with db.session() as session:
        again = await reborn.intake.submit(session, Submission(**FORM), Origin(Channel.WEB, key), "zh")
    await reborn.documents.close()
    assert again == lost
    await reporter.tracked({"case_number": lost.case_number, "query_code": lost.query_code})


async def test_nothing_is_half_done(reporter: Reporter, admin: Admin) -> None:
    """Whatever part can't be written: no complaint, no claim of the key, no identity; and the repeat succeeds."""
    for table in ("outbox", "vault.sealed_identities", "complaint_cases", "complaints"):
        key = new_key()
        before = await admin.fetchval("SELECT count(*) FROM idempotency")
        await admin.execute(f"REVOKE INSERT ON {table} FROM complaints")
        try:
            answer = await reporter.submit(key, reporter={"name": "王五"})
        finally:
            await admin.execute(f"GRANT INSERT ON {table} TO complaints")
        assert answer.status_code == 500
        assert await admin.fetchval("SELECT count(*) FROM idempotency") == before
        assert (await reporter.submit(key, reporter={"name": "王五"})).status_code == 201


async def test_a_case_number_in_use_is_drawn_again(reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = (await reporter.submitted())["case_number"]
    free = domain.new_case_number(datetime.now(UTC))
    draws = iter([taken, taken, free])
    monkeypatch.setattr(domain, "new_case_number", lambda at: next(draws))
    assert (await reporter.submitted())["case_number"] == free


async def test_the_event_carries_ids_classes_and_hashes(reporter: Reporter, admin: Admin) -> None:
    person = {"name": "张三", "phone": "13900000001", "email": "z@example.org"}
    receipt = await reporter.submitted(category="0801", reporter=person, ways=["EMAIL"], respondents=["甲", "乙"])
    event = await event_of(admin, receipt["case_number"])
    assert (event.channel, event.track, event.category, event.region) == (
        Channel.WEB,
        Track.INTEGRITY,
        "0801",
        "330106",
    )
    assert (event.named, event.ways, event.respondent_count) == (True, (ContactWay.EMAIL,), 2)
    assert isinstance(event.contact_token, UUID)
    text = event.model_dump_json()
    assert not any(
        secret in text for secret in (*person.values(), "甲", "乙", FORM["narrative"], receipt["query_code"])
    )


@pytest.mark.parametrize(
    ("changes", "named", "ways", "token"),
    [
        ({"reporter": None}, False, (), False),
        ({"reporter": {}}, False, (), False),
        ({"reporter": {"email": "a@example.org"}}, False, (ContactWay.EMAIL,), True),
        ({"reporter": {"name": "张三"}}, True, (), True),
        ({"reporter": {"name": "张三", "email": "a@example.org"}, "ways": []}, True, (), True),
        ({"reporter": {"phone": "13900000001", "email": "a@example.org"}}, False, ("EMAIL", "SMS"), True),
    ],
)
async def test_who_leaves_a_name_is_named_and_who_leaves_an_address_is_told(
    reporter: Reporter, admin: Admin, changes: dict[str, Any], named: bool, ways: tuple[str, ...], token: bool
) -> None:
    event = await event_of(admin, (await reporter.submitted(**changes))["case_number"])
    assert (event.named, event.ways, event.contact_token is not None) == (named, ways, token)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"category": "9999"}, 422, "UNKNOWN_CATEGORY"),
        ({"region": "000000"}, 422, "UNKNOWN_REGION"),
        ({"region": "330199"}, 422, "UNKNOWN_REGION"),
        ({"category": "0801", "track": "GENERAL"}, 422, "TRACK_NOT_ALLOWED"),
        ({"ways": ["EMAIL"]}, 422, "ADDRESS_MISSING"),
        ({"narrative": ""}, 422, "validation"),
    ],
)
async def test_what_does_not_fit_is_refused_in_the_caller_s_language(
    reporter: Reporter, changes: dict[str, Any], status: int, code: str
) -> None:
    zh, en = await reporter.submit(**changes), await reporter.submit(lang="en", **changes)
    for answer in (zh, en):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
    assert not zh.json()["detail"].isascii()
    assert en.json()["detail"].isascii()


async def test_the_place_is_chosen_from_the_divisions(http: httpx.AsyncClient) -> None:
    async def below(parent: str | None = None) -> dict[str, str]:
        answer = await http.get("/v1/reference/divisions", params={"parent": parent} if parent else {})
        assert answer.status_code == 200, answer.text
        return {item["code"]: item["name"] for item in answer.json()}

    assert (await below())["330000"] == "浙江省"
    assert (await below("330000"))["330100"] == "杭州市"
    assert (await below("330100"))["330106"] == "西湖区"
    assert await below("330106") == {}


async def test_unstorable_characters_are_refused(http: httpx.AsyncClient) -> None:
    for text in ("a\\u0000b", "\\ud800"):
        body = json.dumps(FORM).replace(json.dumps(FORM["narrative"]), f'"{text}"')
        headers = {"Idempotency-Key": new_key(), "Content-Type": "application/json"}
        answer = await http.post("/v1/complaints", content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("key", [None, "", "short", "x" * 129, "has a space in it, no"])
async def test_a_missing_key_is_said(http: httpx.AsyncClient, key: str | None) -> None:
    answer = await http.post("/v1/complaints", json=FORM, headers={} if key is None else {"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    assert "Idempotency-Key" in answer.json()["detail"]
