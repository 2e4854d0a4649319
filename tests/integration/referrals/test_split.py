"""A mixed submission is split: the part that goes on as a complaint has the extract, and nothing of the report."""

import httpx
import pytest
from fastapi import FastAPI

from tests.integration.referrals.browsing import Browser
from tests.integration.referrals.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="session")
EXTRACT = "节录：窗口多收了挂号费。"


async def test_who_handles_the_part_reads_the_extract_and_not_the_submission(app: FastAPI, office: Office) -> None:
    part = await office.split(EXTRACT)
    assert (await office.view("clerk.desk", part))["course"]["extract"]["text"] == EXTRACT
    refused = await office.post("clerk.desk", f"/v1/cases/{part}/grants", {"purpose": "TRIAGE"})
    assert (refused.status_code, refused.json()["code"]) == (403, "EXTRACT_ONLY")
    await office.act("clerk.desk", part, "ACCEPT")
    await office.act("dispatcher.desk", part, "DISPATCH", unit_id="hospital")
    assert (await office.view("handler.hospital", part))["course"]["extract"]["text"] == EXTRACT
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://referrals") as http:
        browser = Browser(http)
        await browser.log_in("handler.hospital")
        page = await browser.get(f"/workbench/cases/{part}")
    assert EXTRACT in page.text
    assert not page.has_form("/texts")
