"""Uploads in parts from the page of a case: on behalf of its visit alone, and as evidence once they are whole."""

import base64
from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.complaints.browsing import OTHER_PAGE, PNG, follow, hidden
from tests.integration.complaints.people import Reporter

PATH = "/tracking/case/uploads"
NAME = f"filename {base64.b64encode('账.png'.encode()).decode()}"


def headers(token: str, **more: str) -> dict[str, str]:
    own = {"Tus-Resumable": "1.0.0", "X-Form-Token": token}
    return own | {name.replace("_", "-"): value for name, value in more.items()}


async def begun(browser: httpx.AsyncClient, page: str, size: int = len(PNG)) -> str:
    answer = await browser.post(
        PATH, headers=headers(hidden(page, "form_token"), Upload_Length=str(size), Upload_Metadata=NAME)
    )
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def part(browser: httpx.AsyncClient, page: str, location: str, offset: int, content: bytes) -> httpx.Response:
    about = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": str(offset)}
    return await browser.patch(location, headers=headers(hidden(page, "form_token"), **about), content=content)


async def test_a_file_that_came_in_two_parts_is_evidence(
    browser: httpx.AsyncClient, admin: "asyncpg.Connection[Any]"
) -> None:
    number, _, page = await follow(browser)
    assert f'data-uploads="{PATH}"' in page
    location = await begun(browser, page)
    assert (await part(browser, page, location, 0, PNG[:40])).headers["upload-offset"] == "40"
    found = await browser.head(location, headers=headers(hidden(page, "form_token")))
    assert found.headers["upload-offset"] == "40"
    assert (await part(browser, page, location, 40, PNG[40:])).status_code == 204
    counted = "SELECT count(*) FROM evidence JOIN complaints USING (complaint_id) WHERE case_number = $1"
    assert await admin.fetchval(counted, number) == 1
    assert "您补交了 1 个文件" in (await browser.get("/tracking/case")).text


@pytest.mark.parametrize("how", ["no token", "another's token", "another site", "after leaving"])
async def test_nothing_is_taken_outside_the_visit(browser: httpx.AsyncClient, how: str) -> None:
    _, _, page = await follow(browser)
    location, token = await begun(browser, page), hidden(page, "form_token")
    if how == "after leaving":
        await browser.post("/tracking/leave")
    given = {"no token": "", "another's token": "x" * 32}.get(how, token)
    more = OTHER_PAGE if how == "another site" else {}
    for method, path in (("POST", PATH), ("PATCH", location), ("DELETE", location), ("HEAD", location)):
        sent = {
            **headers(given, Upload_Length="10", Upload_Offset="0", Content_Type="application/offset+octet-stream"),
            **more,
        }
        if method == "HEAD" and how == "another site":
            continue  # reads nothing across sites, and changes nothing
        answer = await browser.request(method, path, headers=sent, content=b"x" if method == "PATCH" else None)
        assert answer.status_code == 403, (method, answer.text)


async def test_another_complaints_upload_is_none_of_this_visit(browser: httpx.AsyncClient, reporter: Reporter) -> None:
    _, _, first = await follow(browser)
    location = await begun(browser, first)
    assert (await browser.post("/tracking", data=await reporter.submitted())).status_code == 303
    second = (await browser.get("/tracking/case")).text
    assert (await part(browser, second, location, 0, PNG)).status_code == 404
