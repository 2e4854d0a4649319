"""A lost query code: a new one goes to the address of a named reporter and nowhere else; the answer tells nothing."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from contracts.complaints import CodeReissued
from services.chassis.auth import ServiceTokens
from services.chassis.settings import Settings
from services.complaints.runtime import Runtime
from services.complaints.vault.main import build
from tests.integration.complaints.people import Reporter

Given = dict[str, str]
Fetch = Callable[[Any], Awaitable[httpx.Response]]


def person() -> Given:
    """Nobody whom another test knows."""
    return {"name": f"张 {uuid4().hex[:6]}", "phone": f"139{uuid4().int % 10**8:08d}", "email": "z@example.org"}


class Desk:
    """Asks for codes, and looks at what that led to."""

    def __init__(self, http: httpx.AsyncClient, runtime: Runtime, admin: "asyncpg.Connection[Any]") -> None:
        self.http, self.runtime, self.admin = http, runtime, admin

    async def ask(self, **given: Any) -> httpx.Response:
        answer = await self.http.post("/v1/tracking/reissues", json=given)
        while await self.runtime.reissues.step():
            pass
        return answer

    async def issued(self, receipt: Given) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self.admin.fetch(
            "SELECT r.*, c.contact_token FROM reissued_codes r JOIN complaints c USING (complaint_id)"
            " WHERE case_number = $1 ORDER BY issued_at",
            receipt["case_number"],
        )
        return found


@pytest.fixture
def desk(http: httpx.AsyncClient, runtime: Runtime, admin: "asyncpg.Connection[Any]") -> Desk:
    return Desk(http, runtime, admin)


@pytest.fixture
async def fetch(settings: Settings) -> AsyncIterator[Fetch]:
    """Notifications asks the vault for address and code of a reissue."""
    application = build(settings)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://vault") as client:

            async def ask(row: Any) -> httpx.Response:
                claims = {
                    "contact_token": str(row["contact_token"]),
                    "notice_id": str(uuid4()),
                    "reissue_id": str(row["reissue_id"]),
                }
                body = {**claims, "purpose": "REISSUE"}
                tokens = ServiceTokens("notifications", settings)
                token = tokens.issue("vault", "contacts.open", claims={**claims, "aim": "REISSUE"})
                return await client.post("/v1/contacts/open", json=body, headers={"Authorization": f"Bearer {token}"})

            yield ask


@pytest.mark.parametrize("spelt", ["as given", "otherwise"])
async def test_a_named_reporter_gets_a_code_that_opens_the_complaint(
    reporter: Reporter, desk: Desk, fetch: Fetch, spelt: str
) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    asks = {"name": who["name"], "phone": who["phone"]}
    if spelt == "otherwise":
        asks = {"name": who["name"].replace(" ", "").upper(), "phone": f"+86 {who['phone'][:3]} {who['phone'][3:]}"}
    assert (await desk.ask(**asks)).status_code == 202
    (row,) = await desk.issued(receipt)
    sent = (await fetch(row)).json()
    assert sent["email"] == "z@example.org"
    new = {**receipt, "query_code": sent["code"]}
    assert (await reporter.tracked(new))["case_number"] == receipt["case_number"]


async def test_the_old_code_holds_until_the_new_one_is_used(reporter: Reporter, desk: Desk, fetch: Fetch) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    await desk.ask(name=who["name"], phone=who["phone"])
    (row,) = await desk.issued(receipt)
    new = {**receipt, "query_code": (await fetch(row)).json()["code"]}
    assert (await reporter.track(receipt)).status_code == 200
    assert (await reporter.supplement(new, "补充")).status_code == 201
    assert (await reporter.track(receipt)).status_code == 404
    assert (await reporter.track(new)).status_code == 200
    assert (await fetch(row)).status_code == 404, "a code that was used is given out no more"


async def test_two_codes_at_once_end_with_the_first_that_is_used(
    reporter: Reporter, desk: Desk, fetch: Fetch, admin: "asyncpg.Connection[Any]"
) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    await desk.ask(name=who["name"], phone=who["phone"])
    await admin.execute("UPDATE reissued_codes SET issued_at = issued_at - interval '2 days'")
    await desk.ask(name=who["name"], phone=who["phone"])
    first, second = [(await fetch(row)).json()["code"] for row in await desk.issued(receipt)]
    assert (await reporter.track({**receipt, "query_code": second})).status_code == 200
    assert (await reporter.track({**receipt, "query_code": first})).status_code == 404


async def test_a_code_that_was_not_used_in_time_opens_nothing(
    reporter: Reporter, desk: Desk, fetch: Fetch, admin: "asyncpg.Connection[Any]"
) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    await desk.ask(name=who["name"], phone=who["phone"])
    (row,) = await desk.issued(receipt)
    new = {**receipt, "query_code": (await fetch(row)).json()["code"]}
    await admin.execute("UPDATE reissued_codes SET expires_at = now() WHERE reissue_id = $1", row["reissue_id"])
    assert (await reporter.track(new)).status_code == 404
    assert (await reporter.track(receipt)).status_code == 200


async def test_the_answer_is_one_and_a_stranger_moves_nothing(reporter: Reporter, desk: Desk) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    anonymous = {**person(), "name": ""}
    nameless = await reporter.submitted(reporter=anonymous)
    right = await desk.ask(name=who["name"], phone=who["phone"])
    for asked in (
        {"name": who["name"], "phone": "13700000000"},
        {"name": "李四", "phone": who["phone"]},
        {"name": "李四", "phone": anonymous["phone"]},
        {"name": who["name"], "phone": who["phone"], "case_number": nameless["case_number"]},
        {"name": who["name"], "phone": who["phone"], "case_number": "rubbish"},
    ):
        answer = await desk.ask(**asked)
        assert (answer.status_code, answer.text) == (right.status_code, right.text)
        assert dict(answer.headers).keys() == dict(right.headers).keys()
    assert len(await desk.issued(receipt)) == 1
    assert await desk.issued(nameless) == []


async def test_asking_again_and_again_sends_one_mail(reporter: Reporter, desk: Desk) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    for _ in range(3):
        assert (await desk.ask(name=who["name"], phone=who["phone"])).status_code == 202
    assert len(await desk.issued(receipt)) == 1


async def test_a_name_is_asked_with_so_many_times_a_day_whatever_the_number(
    reporter: Reporter, desk: Desk, admin: "asyncpg.Connection[Any]"
) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    for guess in range(desk.runtime.settings.reissue_tries):
        await desk.ask(name=who["name"], phone=f"137{guess:08d}")
    spelt = who["name"].replace(" ", "").upper()
    assert (await desk.ask(name=spelt, phone=who["phone"])).status_code == 202
    assert await desk.issued(receipt) == [], "the right number came too late in the day"
    await admin.execute("UPDATE guesses SET at = at - interval '1 day'")
    await desk.ask(name=who["name"], phone=who["phone"])
    assert len(await desk.issued(receipt)) == 1


async def test_a_case_number_is_asked_about_so_many_times_a_day_whatever_the_name(
    reporter: Reporter, desk: Desk
) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    for _ in range(desk.runtime.settings.reissue_tries):
        other = person()
        await desk.ask(name=other["name"], phone=other["phone"], case_number=receipt["case_number"])
    await desk.ask(name=who["name"], phone=who["phone"], case_number=receipt["case_number"])
    assert await desk.issued(receipt) == []
    await desk.ask(name=who["name"], phone=who["phone"])
    assert len(await desk.issued(receipt)) == 1, "who leaves the number out is found by name and phone"


async def test_without_a_number_nothing_is_asked(desk: Desk) -> None:
    answer = await desk.ask(name="张三")
    assert (answer.status_code, answer.json()["code"]) == (422, "NUMBER_MISSING")


async def test_it_is_on_record_and_the_code_is_in_no_record(
    reporter: Reporter, desk: Desk, fetch: Fetch, admin: "asyncpg.Connection[Any]"
) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    await desk.ask(name=who["name"], phone=who["phone"])
    (row,) = await desk.issued(receipt)
    code = (await fetch(row)).json()["code"]
    await reporter.track({**receipt, "query_code": code})
    payload = await admin.fetchval(
        "SELECT payload FROM outbox WHERE type = $1 AND key = $2", CodeReissued.TYPE, str(row["complaint_id"])
    )
    event = CodeReissued.model_validate_json(payload)
    assert event.reissue_id == row["reissue_id"]
    logged = await admin.fetch(
        "SELECT * FROM audit_log WHERE chain = $1 ORDER BY sequence", f"case/{event.case_ids[0]}"
    )
    assert [entry["action"] for entry in logged] == ["CODE_REISSUED", "CODE_REPLACED"]
    opened = await admin.fetch("SELECT * FROM vault.audit_log WHERE chain = $1", f"contact/{row['contact_token']}")
    assert [entry["purpose"] for entry in opened] == ["REISSUE"]
    kept = json.dumps([str(dict(entry)) for entry in (*logged, *opened)]) + payload.decode()
    assert code not in kept
    assert code.replace("-", "") not in kept


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM vault.sealed_codes",
        "UPDATE reissued_codes SET ended_at = NULL",
        "UPDATE complaints SET query_code_hash = ''",
    ],
)
async def test_the_service_itself_reads_no_code_and_changes_none(settings: Settings, statement: str) -> None:
    connection = await asyncpg.connect(settings.complaints_dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_page_takes_a_request_and_says_the_same_to_everybody(
    browser: httpx.AsyncClient, reporter: Reporter, desk: Desk
) -> None:
    who = person()
    receipt = await reporter.submitted(reporter=who)
    assert "/tracking/lost" in (await browser.get("/tracking")).text
    told = await browser.post("/tracking/lost", data={"name": who["name"], "phone": who["phone"]})
    stranger = await browser.post("/tracking/lost", data={"name": "李四", "phone": "13700000001"})
    assert told.status_code == stranger.status_code == 202
    assert told.text == stranger.text
    await desk.ask(name="李四", phone="13700000002")
    assert len(await desk.issued(receipt)) == 1
    wrong = await browser.post("/tracking/lost", data={"name": who["name"], "phone": "12x"})
    assert wrong.status_code == 422
    assert who["name"] in wrong.text
