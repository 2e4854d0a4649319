"""Cases that look alike: referrals alone may ask, ids alone are answered, and every question is on record."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.lifecycle import Act
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.complaints.projection import project
from tests.integration.complaints.people import FORM, Reporter, step

TEXT = "父亲住院九天,出院清单上床位费收了十二天,其中三天和重症监护的床位费同一天重复计算,要求退还并说明原因。"


def unlike() -> str:
    """A text like no other."""
    return "".join(chr(0x4E00 + int(byte, 16) * 97 % 20000) for byte in (uuid4().hex[i : i + 4] for i in range(28)))


@pytest.fixture
def question(referrals_tokens: ServiceTokens) -> Any:
    def issue(case_id: UUID, **changes: Any) -> dict[str, str]:
        given: dict[str, Any] = {"audience": "complaints", "purpose": "likeness", "subject": "officer-1", **changes}
        token = referrals_tokens.issue(
            given.pop("audience"), given.pop("purpose"), claims={"case_id": str(case_id)}, **given
        )
        return {"Authorization": f"Bearer {token}"}

    return issue


class Alike:
    """Submitting, and asking what looks alike."""

    def __init__(self, reporter: Reporter, question: Any, admin: "asyncpg.Connection[Any]") -> None:
        self.reporter = reporter
        self.question = question
        self.admin = admin

    async def filed(self, **changes: Any) -> UUID:
        receipt = await self.reporter.submitted(**{"narrative": unlike(), **changes})
        found: UUID = await self.admin.fetchval(
            "SELECT case_id FROM complaint_cases JOIN complaints USING (complaint_id) WHERE case_number = $1",
            receipt["case_number"],
        )
        return found

    async def to(self, case_id: UUID) -> dict[str, tuple[bool, bool]]:
        answer = await self.reporter.http.post("/internal/v1/likeness", headers=self.question(case_id))
        assert answer.status_code == 200, answer.text
        return {item["case_id"]: (item["same_reporter"], item["similar_text"]) for item in answer.json()["items"]}


@pytest.fixture
def alike(reporter: Reporter, question: Any, admin: "asyncpg.Connection[Any]") -> Alike:
    return Alike(reporter, question, admin)


async def test_a_name_with_its_number_or_two_ways_find_the_other_case_and_one_guess_does_not(alike: Alike) -> None:
    phone, mail = f"139{uuid4().int % 10**8:08d}", f"{uuid4().hex}@example.org"
    first = await alike.filed(reporter={"name": "张三", "phone": phone, "email": mail})
    by_name = await alike.filed(reporter={"name": "张 三", "phone": f"+86 {phone}"})
    by_ways = await alike.filed(reporter={"phone": phone, "email": mail.upper()})
    for guess in ({"phone": phone}, {"email": mail}, {"name": "李四", "phone": phone}):
        probe = await alike.filed(reporter=guess)
        assert str(first) not in await alike.to(probe), "who knows one of it learns nothing"
    assert await alike.to(first) == {str(by_name): (True, False), str(by_ways): (True, False)}


async def test_of_a_report_nobody_is_told_whose_it_is(alike: Alike) -> None:
    who = {"name": "张三", "phone": f"136{uuid4().int % 10**8:08d}"}
    report = await alike.filed(reporter=who, track="INTEGRITY", category="0802")
    probe = await alike.filed(reporter=who)
    assert await alike.to(probe) == {}
    assert await alike.to(report) == {}


async def test_a_similar_text_finds_the_other_case(alike: Alike) -> None:
    own = unlike()
    first = await alike.filed(narrative=TEXT + own + own[::-1])
    second = await alike.filed(narrative=TEXT + own + own[::-1] + "请尽快处理。")
    assert (await alike.to(first))[str(second)] == (False, True)


async def test_short_texts_say_too_little(alike: Alike) -> None:
    first = await alike.filed(narrative=FORM["narrative"])
    await alike.filed(narrative=FORM["narrative"])
    assert await alike.to(first) == {}


async def test_a_joined_case_is_found_by_each_of_its_complaints(
    alike: Alike, db: Database, admin: "asyncpg.Connection[Any]"
) -> None:
    who = {"name": "王五", "phone": f"137{uuid4().int % 10**8:08d}"}
    main, joining = await alike.filed(), await alike.filed(reporter=who)
    complaints = [
        await admin.fetchval("SELECT complaint_id FROM complaint_cases WHERE case_id = $1", case_id)
        for case_id in (main, joining)
    ]
    event = step(main, complaints[0], 1, Act.REGISTER).model_copy(update={"complaint_ids": tuple(complaints)})
    async with db.session() as session:
        await project(session, event)
    again = await alike.filed(reporter=who)
    assert set(await alike.to(again)) == {str(main), str(joining)}


async def test_nobody_else_may_ask_and_a_question_is_on_record(
    alike: Alike, question: Any, settings: Any, admin: "asyncpg.Connection[Any]"
) -> None:
    case_id = await alike.filed()
    ask = alike.reporter.http.post
    stranger = ServiceTokens("notifications", settings).issue(
        "complaints", "likeness", subject="x", claims={"case_id": str(case_id)}
    )
    refused = [
        {},
        {"Authorization": f"Bearer {stranger}"},
        question(case_id, purpose="narrative"),
        question(case_id, audience="vault"),
    ]
    for headers in refused:
        assert (await ask("/internal/v1/likeness", headers=headers)).status_code == 401
    await alike.to(case_id)
    rows = await admin.fetch("SELECT resource, officer FROM narrative_access WHERE case_id = $1", case_id)
    assert [tuple(row) for row in rows] == [("likeness", "officer-1")]


async def test_neither_address_nor_text_can_be_found_in_what_is_kept(
    alike: Alike, admin: "asyncpg.Connection[Any]"
) -> None:
    await alike.filed(narrative=TEXT, reporter={"phone": "13912340000"})
    kept = "".join(str(row[0]) for row in await admin.fetch("SELECT l::text FROM likeness l"))
    kept += "".join(str(row[0]) for row in await admin.fetch("SELECT m::text FROM likeness_marks m"))
    for secret in ("13912340000", "床位费"):
        assert secret not in kept
        assert secret.encode().hex() not in kept
