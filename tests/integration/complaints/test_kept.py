"""The query code is kept before it is gone, a slip in typing it is said at once, and it opens no word of the report."""

from typing import Any

import asyncpg
import httpx
import pytest

from services.chassis.db import Database
from services.complaints.domain import ALPHABET
from services.complaints.projection import project
from tests.integration.complaints.browsing import PNG, codes, file, hidden
from tests.integration.complaints.people import Referrals, answered

TOLD = {
    "narrative": "金丝雀叙述，多收三天床位费。",
    "wants": "金丝雀诉求，退还床位费。",
    "respondents": "金丝雀医院收费处\r\n金丝雀人员",
}
WORDS = ("金丝雀", "床位费", "canary")


async def keeping(browser: httpx.AsyncClient) -> tuple[str, str, str]:
    """Filed: number, code and the token of the page that shows them."""
    assert (await file(browser)).status_code == 303
    page = (await browser.get("/receipt")).text
    number, code = codes(page)
    return number, code, hidden(page, "form_token")


def slip(code: str) -> str:
    """The code with its first symbol misread."""
    return (ALPHABET[1] if code[0] != ALPHABET[1] else ALPHABET[2]) + code[1:]


async def test_the_code_is_shown_until_its_last_symbols_were_typed(browser: httpx.AsyncClient) -> None:
    _, code, token = await keeping(browser)
    others = (code[-3:], slip(code)[:6], "", code[:4], "-----", f"{code} x")
    for typed in others:
        answer = await browser.post("/receipt", data={"form_token": token, "ending": typed})
        assert answer.status_code == 422, typed
        assert "不受影响" in answer.text
        assert codes(answer.text)[1] == code
    forgiven = code[-6:].lower().replace("1", "l").replace("0", "o")
    answer = await browser.post("/receipt", data={"form_token": token, "ending": f" {forgiven} "})
    assert answer.headers["location"] == "/tracking/case"
    assert (await browser.get("/receipt")).headers["location"] == "/tracking"


async def test_number_and_code_can_be_kept_as_a_file_for_as_long_as_they_are_shown(browser: httpx.AsyncClient) -> None:
    number, code, token = await keeping(browser)
    kept = await browser.get("/receipt/file")
    assert number in kept.text
    assert code in kept.text
    assert kept.headers["content-disposition"] == f'attachment; filename="{number}.txt"'
    assert kept.headers["cache-control"] == "no-store"
    await browser.post("/receipt", data={"form_token": token, "ending": code[-6:]})
    assert (await browser.get("/receipt/file")).headers["location"] == "/tracking"


async def test_who_closes_the_page_has_lost_nothing(browser: httpx.AsyncClient) -> None:
    number, code, _ = await keeping(browser)
    browser.cookies.clear()
    opened = await browser.post("/tracking", data={"case_number": number, "query_code": code})
    assert opened.headers["location"] == "/tracking/case"


async def test_a_slip_is_said_at_once_and_tells_nothing_of_what_there_is(browser: httpx.AsyncClient) -> None:
    number, code, _ = await keeping(browser)
    texts = set()
    for typed_number in (number, "HY260101-00000000", "?"):
        answer = await browser.post("/tracking", data={"case_number": typed_number, "query_code": slip(code)})
        assert answer.status_code == 422
        assert 'id="query_code-error">查询码抄写有误' in answer.text
        texts.add(answer.text.replace(typed_number, "…"))
    assert len(texts) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_no_word_of_the_report_and_no_name_of_the_accused_comes_back(
    browser: httpx.AsyncClient,
    db: Database,
    admin: "asyncpg.Connection[Any]",
    referrals: Referrals,
    language: str,
) -> None:
    files = [("canary-账单.png", PNG)]
    assert (await file(browser, files, **TOLD, as_report="yes")).status_code == 303
    shown = [await browser.get("/receipt")]
    number, code = codes(shown[0].text)
    kept = {"form_token": hidden(shown[0].text, "form_token"), "ending": code[-6:]}
    await browser.post("/receipt", data=kept)
    page = (await browser.get("/tracking/case")).text
    sent = {name: hidden(page, name) for name in ("form_token", "key")}
    added = await browser.post(
        "/tracking/case/additions", data={**sent, "text": "金丝雀补充"}, files={"files": files[0]}
    )
    assert added.headers["location"] == "/tracking/case?done=addition"
    row = await admin.fetchrow(
        "SELECT complaint_id, case_id FROM complaint_cases JOIN complaints USING (complaint_id) WHERE case_number = $1",
        number,
    )
    assert row is not None
    for event in answered(row["case_id"], row["complaint_id"], referrals.publish("经查属实。")):
        async with db.session() as session:
            await project(session, event)
    receipt = {"case_number": number, "query_code": code}
    shown += [
        await browser.get(f"/tracking/case?lang={language}"),
        await browser.get("/tracking/case?done=addition"),
        await browser.get("/tracking/case/retaliation"),
        await browser.post("/tracking/case/rating", data=sent),
        await browser.post("/v1/tracking", json=receipt, headers={"Accept-Language": language}),
        await browser.post("/tracking", data={**receipt, "query_code": slip(code)}),
        await browser.get("/file"),
    ]
    assert "经查属实。" in shown[1].text
    for answer in shown:
        for word in WORDS:
            assert word not in answer.text, (str(answer.request.url), word)
