"""The two-way record of transfers to and from discipline inspection: its fields, who reads and who writes them."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from contracts.lifecycle import Track
from services.chassis.db import SYSTEM, Database
from services.referrals.repository.sql import rows
from tests.integration.referrals.browsing import Browser
from tests.integration.referrals.office import Office
from tests.integration.referrals.papers import NOTE, read, referred

pytestmark = pytest.mark.asyncio(loop_scope="session")
SUMMARY = "某科室主任每月收受现金，记在一个小本上。"
PERSON = {"name": "钱某堃", "unit": "历下区人民医院", "post": "主任", "party_member": True, "supervised": None}
WRITTEN: dict[str, Any] = {
    "clue_summary": SUMMARY,
    "persons": [PERSON],
    "amount": "123456.70",
    "evidence": ["账目复印件 12 页", "U 盘 1 个"],
    "classification": "WORK_SECRET",
    "receiver_number": "济纪信〔2026〕88号",
    "accountability": "给予党内警告处分。",
}


async def records(office: Office, username: str, case_id: UUID) -> list[dict[str, Any]]:
    answer = await office.get(username, f"/v1/cases/{case_id}/transfer-records")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def write(
    office: Office, username: str, case_id: UUID, sequence: int, body: Any = WRITTEN, key: str | None = None
) -> httpx.Response:
    headers = {**await office.headers(username), "Idempotency-Key": key or str(uuid4())}
    return await office.http.put(f"/v1/cases/{case_id}/transfer-records/{sequence}", json=body, headers=headers)


@pytest_asyncio.fixture(loop_scope="session")
async def case_id(office: Office) -> AsyncIterator[UUID]:
    """A report that wj referred to discipline inspection."""
    yield await referred(office, Track.INTEGRITY, to="jj")


async def test_what_history_knows_is_in_the_record(office: Office, case_id: UUID) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    view = await office.view("handler.wj", case_id)
    assert sent["number"].startswith(view["case_number"])
    assert (sent["direction"], sent["direction_name"], sent["source"]) == ("TO_DISCIPLINE", "行业→纪检", "卫生健康系统")
    assert (sent["sender"], sent["receiver"]["name"]) == ("济南市卫健委", "济南市纪委监委")
    assert (sent["sender_officer"], sent["approver"]) == ("HANDLER 济南市卫健委", "分管领导")
    assert "涉嫌职务违法" in sent["basis"]
    assert [sent[name] for name in ("received_at", "disposal", "feedback", "description")] == [None] * 4
    await office.act("handler.jj", case_id, "RECORD_RECEIPT", note="已收到，济纪信88")
    await office.act("handler.jj", case_id, "RECORD_DISPOSAL", disposal="PRELIMINARY", note="案情不外传。")
    (done,) = await records(office, "handler.wj", case_id)
    assert done["received_at"] is not None
    assert done["receipt"] == "已收到，济纪信88"
    assert (done["disposal"], done["disposal_name"], done["feedback"]) == ("PRELIMINARY", "初步核实", "初步核实")
    assert "案情不外传" not in str(done)  # the class alone


async def test_the_sender_writes_the_rest_and_the_receiver_reads_it(office: Office, case_id: UUID) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    written = await write(office, "handler.wj", case_id, sent["sequence"])
    assert written.status_code == 200, written.text
    (seen,) = await records(office, "handler.jj", case_id)
    assert seen["description"] == WRITTEN
    assert seen["writable"] is True
    corrected = await write(office, "handler.jj", case_id, sent["sequence"], {**WRITTEN, "amount": "1.00"})
    assert corrected.json()["description"]["amount"] == "1.00"
    (latest,) = await records(office, "handler.wj", case_id)
    assert latest["description"]["amount"] == "1.00"


async def test_the_same_request_again_is_the_same_and_another_one_is_refused(office: Office, case_id: UUID) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    key = str(uuid4())
    first = await write(office, "handler.wj", case_id, sent["sequence"], key=key)
    again = await write(office, "handler.wj", case_id, sent["sequence"], key=key)
    assert first.json() == again.json()
    other = await write(office, "handler.wj", case_id, sent["sequence"], {"clue_summary": "别的"}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_who_does_not_see_the_case_sees_no_record_and_not_everybody_writes(office: Office, case_id: UUID) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    await write(office, "handler.wj", case_id, sent["sequence"])
    for username in ("handler.hospital", "handler.yb", "dispatcher.desk", "handler.wj-a"):
        hidden = await office.get(username, f"/v1/cases/{case_id}/transfer-records")
        assert hidden.status_code == 404, username
        assert (await write(office, username, case_id, sent["sequence"])).status_code == 404
    for username, code in (("leader.wj", "NOT_YOUR_ROLE"), ("dispatcher.rdesk", "NOT_YOUR_UNIT")):
        refused = await write(office, username, case_id, sent["sequence"])
        assert (refused.status_code, refused.json()["code"]) == (403, code)


async def test_a_transfer_that_came_back_stays_on_record_where_the_case_is(office: Office, case_id: UUID) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    await write(office, "handler.jj", case_id, sent["sequence"])
    await office.act("handler.jj", case_id, "REFERRAL_RETURNED", note="不属本机关管辖。")
    (back,) = await records(office, "handler.wj", case_id)
    assert back["returned_at"] is not None
    assert back["description"] == WRITTEN
    for path in ("", f"/{sent['sequence']}/sheet"):
        gone = await office.get("handler.jj", f"/v1/cases/{case_id}/transfer-records{path}")
        assert gone.status_code == 404


async def test_a_clue_from_discipline_inspection_goes_the_other_way(office: Office) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    await office.act("clerk.rdesk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.rdesk", case_id, "ACCEPT")
    await office.act("dispatcher.rdesk", case_id, "DISPATCH", unit_id="jj", kind="FORWARD", ground="XF-30")
    await office.act("handler.jj", case_id, "SIGN")
    await office.act("handler.jj", case_id, "TRANSFER", unit_id="wj", ground="JC-38", note="不属本机关管辖。")
    there, back = await records(office, "handler.wj", case_id)
    assert [(item["direction"], item["source"]) for item in (there, back)] == [
        ("TO_DISCIPLINE", "投诉举报受理系统"),
        ("FROM_DISCIPLINE", "纪检监察系统"),
    ]
    assert (there["received_at"] is not None, back["received_at"]) == (True, None)
    assert (await write(office, "handler.wj", case_id, back["sequence"])).status_code == 200
    await office.act("handler.wj", case_id, "SIGN")
    await office.act("handler.wj", case_id, "REPLY", public_reply="已处理。", outcome="SUBSTANTIATED")
    (_, answered) = await records(office, "handler.wj", case_id)
    assert (answered["feedback"], answered["disposal"]) == ("属实已处理", None)
    unknown = await write(office, "handler.wj", case_id, 1)
    assert unknown.status_code == 404


async def test_what_is_written_is_sealed_and_in_no_event_and_no_history(
    office: Office, case_id: UUID, db: Database
) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    await write(office, "handler.wj", case_id, sent["sequence"])
    async with db.read(SYSTEM) as session:
        for table in ("documents", "transfer_descriptions", "case_history", "commands", "cases"):
            for row in await rows(session, f"SELECT * FROM {table} WHERE case_id = $1", case_id):
                kept = " ".join(bytes(v).hex() if isinstance(v, bytes) else str(v) for v in row.values())
                for word in (SUMMARY, PERSON["name"], "123456"):
                    assert word not in kept, table
                    assert word.encode().hex() not in kept, table


async def test_the_sheet_has_every_field_and_is_on_record(office: Office, case_id: UUID) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    await write(office, "handler.wj", case_id, sent["sequence"])
    await office.act("handler.jj", case_id, "RECORD_RECEIPT", note="已收到")
    answer = await office.get("handler.jj", f"/v1/cases/{case_id}/transfer-records/{sent['sequence']}/sheet")
    text = read(answer.content)
    for part in (
        sent["number"], "行业→纪检", "卫生健康系统", "工作秘密", "123,456.70元", SUMMARY, "钱某堃", "主任", "不详",
        "账目复印件12页", "分管领导", "已收到", "济纪信〔2026〕88号", "给予党内警告处分。",
        "打印人HANDLER济南市纪委监委",
    ):  # fmt: skip
        assert part in text, part
    assert NOTE not in text
    (export,) = (await office.get("handler.wj", f"/v1/cases/{case_id}/exports")).json()["items"]
    assert (export["kind"], export["unit_id"]) == ("TRANSFER_RECORD", "jj")
    assert export["sha256"] == answer.headers["x-document-sha256"]


async def test_it_is_written_on_the_cases_page_and_nothing_typed_is_lost(
    app: FastAPI, office: Office, case_id: UUID
) -> None:
    (sent,) = await records(office, "handler.wj", case_id)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://referrals", timeout=30) as http:
        browser = Browser(http)
        await browser.log_in("handler.wj")
        page = await browser.get(f"/workbench/cases/{case_id}")
        form = page.form(f"/transfer-records/{sent['sequence']}")
        typed = {
            "clue_summary": SUMMARY, "person_name": ["钱某堃", ""], "person_unit": ["历下区人民医院", ""],
            "person_post": ["主任", ""], "person_party_member": ["yes", ""], "person_supervised": ["", ""],
            "evidence": "账目复印件 12 页\nU 盘 1 个", "classification": "WORK_SECRET",
        }  # fmt: skip
        wrong = await browser.send(form, **typed, amount="-3")
        assert wrong.status == 422
        kept = wrong.form(f"/transfer-records/{sent['sequence']}")
        assert kept.fields["clue_summary"] == [SUMMARY]
        assert await browser.send(kept, **typed, amount="123456.70")
    (seen,) = await records(office, "handler.wj", case_id)
    expected = {**WRITTEN, "receiver_number": None, "accountability": None}
    assert seen["description"] == expected
