"""Retaliation reported on the site: an urgent report of its own, and no word of it where those it is about may read."""

from typing import Any

import asyncpg
import httpx
import pytest

from contracts.complaints import ComplaintSubmitted
from contracts.lifecycle import Track
from tests.integration.complaints.browsing import OTHER_PAGE, codes, follow, hidden

PAGE = "/tracking/case/retaliation"
CRY = "因为我反映了收费问题，科室停了我家人的复诊号。"


async def asked(browser: httpx.AsyncClient) -> dict[str, str]:
    """The form, as the page has it."""
    page = await browser.get(PAGE)
    assert page.status_code == 200
    return {name: hidden(page.text, name) for name in ("form_token", "key")}


async def submitted(admin: "asyncpg.Connection[Any]", number: str) -> ComplaintSubmitted:
    payload = await admin.fetchval(
        "SELECT payload FROM outbox JOIN complaints ON complaint_id::text = key WHERE case_number = $1", number
    )
    return ComplaintSubmitted.model_validate_json(payload)


async def test_the_page_says_what_it_does_before_anything_is_sent(browser: httpx.AsyncClient) -> None:
    _, _, case = await follow(browser)
    assert f'href="{PAGE}"' in case
    page = (await browser.get(PAGE)).text
    for told in ("新的紧急举报", "有自己的编号和查询码", "原来那件不会留下任何痕迹", "拨打 110"):
        assert told in page.replace("<strong>", "").replace("</strong>", "")
    assert "an urgent report of its own" in (await browser.get(f"{PAGE}?lang=en")).text.replace("<strong>", "").replace(
        "</strong>", ""
    )


async def test_it_becomes_an_urgent_report_whose_code_is_shown_and_saved_as_at_filing(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    number, code, _ = await follow(browser)
    sent = {**await asked(browser), "text": CRY, "respondents": "某医院\r\n心内科主任", "identity": "anonymous"}
    answer = await browser.post(PAGE, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/receipt")
    receipt = (await browser.get("/receipt")).text
    new_number, new_code = codes(receipt)
    assert new_number != number
    assert new_code != code
    event, old = await submitted(admin, new_number), await submitted(admin, number)
    assert (event.track, event.category, event.urgent) == (Track.INTEGRITY, "1304", True)
    assert event.linked_case_ids == old.case_ids
    assert (event.respondent_count, event.named, event.ways) == (2, False, ())
    kept = {"form_token": hidden(receipt, "form_token"), "ending": new_code[-6:]}
    assert (await browser.post("/receipt", data=kept)).headers["location"] == "/tracking/case"
    assert new_number in (await browser.get("/tracking/case")).text


async def test_the_old_case_shows_nothing_of_it(browser: httpx.AsyncClient) -> None:
    number, code, _ = await follow(browser)
    await browser.post(PAGE, data={**await asked(browser), "text": CRY})
    await browser.post("/tracking", data={"case_number": number, "query_code": code})
    page = (await browser.get("/tracking/case")).text
    assert number in page
    assert "您补充了" not in page
    assert CRY not in page


async def test_a_page_sent_twice_is_one_report(browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]") -> None:
    await follow(browser)
    sent = {**await asked(browser), "text": CRY}
    before = await admin.fetchval("SELECT count(*) FROM complaints")
    first = codes((await _receipt(browser, sent)).text)
    assert codes((await _receipt(browser, sent)).text) == first
    assert await admin.fetchval("SELECT count(*) FROM complaints") == before + 1


async def _receipt(browser: httpx.AsyncClient, sent: dict[str, str]) -> httpx.Response:
    assert (await browser.post(PAGE, data=sent)).headers["location"] == "/receipt"
    return await browser.get("/receipt")


async def test_what_is_missing_or_wrong_is_said_and_what_was_typed_stays(browser: httpx.AsyncClient) -> None:
    await follow(browser)
    form = await asked(browser)
    empty = await browser.post(PAGE, data={**form, "text": " ", "respondents": "某医院"})
    assert empty.status_code == 422
    assert "请写下发生了什么。" in empty.text
    assert ">某医院</textarea>" in empty.text.replace("\n", "")
    wrong = await browser.post(PAGE, data={**form, "text": CRY, "identity": "contact", "phone": "none"})
    assert wrong.status_code == 422
    assert "电话号码的格式不正确" in wrong.text
    assert CRY in wrong.text
    assert (await browser.post(PAGE, data={**form, "text": CRY})).headers["location"] == "/receipt"


async def test_how_to_be_reached_about_it_may_be_left(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    await follow(browser)
    reached = {"identity": "named", "name": "王某", "phone": "13800138000", "notify": "SMS"}
    receipt = await _receipt(browser, {**await asked(browser), "text": CRY, **reached})
    event = await submitted(admin, codes(receipt.text)[0])
    assert (event.named, event.ways) == (True, ("SMS",))


async def test_nobody_gets_there_without_the_code_or_from_elsewhere(browser: httpx.AsyncClient) -> None:
    assert (await browser.get(PAGE)).headers["location"] == "/tracking?ended=1"
    await follow(browser)
    sent = {**await asked(browser), "text": CRY}
    assert (await browser.post(PAGE, data=sent, headers=OTHER_PAGE)).status_code == 403


@pytest.mark.parametrize("token", ["", "of another visit"])
async def test_what_was_written_after_the_visit_had_ended_comes_back_to_its_own_form(
    browser: httpx.AsyncClient, token: str
) -> None:
    """And to no other: an addition to the case is read by those whom it may be about."""
    number, code, _ = await follow(browser)
    ended = await browser.post(PAGE, data={"form_token": token, "text": CRY, "respondents": "某医院"})
    assert ended.status_code == 403
    assert CRY in ended.text
    kept = {name: hidden(ended.text, name) for name in ("about", "respondents")}
    again = await browser.post("/tracking", data={"case_number": number, "query_code": code, "text": CRY, **kept})
    assert again.status_code == 200
    assert f'action="{PAGE}"' in again.text
    assert "/tracking/case/additions" not in again.text
    assert CRY in again.text
    sent = {name: hidden(again.text, name) for name in ("form_token", "key")}
    assert (await browser.post(PAGE, data={**sent, "text": CRY})).headers["location"] == "/receipt"
