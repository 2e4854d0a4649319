"""A mixed submission is split: the part that goes on as a complaint has the extract, and nothing of the report."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from services.chassis.db import SYSTEM, Database
from services.referrals.repository import cases
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


async def test_the_desk_that_split_takes_its_part_back_while_nobody_has_touched_it(
    app: FastAPI, office: Office, db: Database
) -> None:
    """Though the rest is a report now, which the desk does not see any more."""
    part = await office.split(EXTRACT)
    number = (await office.view("clerk.desk", part))["case_number"]
    async with db.read(SYSTEM) as session:
        row = await cases.get(session, part)
    assert row is not None
    origin = row.course.origin_case
    assert origin is not None
    assert (await office.get("clerk.desk", f"/v1/cases/{origin}")).status_code == 404
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://referrals") as http:
        browser = Browser(http)
        await browser.log_in("clerk.desk")
        form = (await browser.get(f"/workbench/cases/{part}/acts/MERGE")).form("/acts/MERGE")
        await browser.send(form, main_case_id=number)
    assert (await office.view("clerk.desk", part))["stage"] == "MERGED"
    async with asyncio.timeout(20):
        while (await office.view("clerk.rdesk", origin))["timeline"][-1]["act"] != "ABSORB":
            await asyncio.sleep(0.05)


async def test_a_part_that_was_accepted_stays_apart_and_another_desk_learns_nothing(
    office: Office, db: Database
) -> None:
    part = await office.split(EXTRACT)
    async with db.read(SYSTEM) as session:
        row = await cases.get(session, part)
    assert row is not None
    origin = str(row.course.origin_case)
    other = await office.new_case()
    answer = await office.try_act("clerk.desk", other, "MERGE", main_case_id=origin)
    assert answer.json()["code"] == "NO_MAIN_CASE", "of another case the report is none that exists"
    await office.act("clerk.desk", part, "ACCEPT")
    answer = await office.try_act("dispatcher.desk", part, "MERGE", main_case_id=origin)
    assert (answer.status_code, answer.json()["code"]) == (422, "PART_TOUCHED")
