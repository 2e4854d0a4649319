"""A cry for protection: an urgent report with a number and a code of its own, and no word of it in the old case."""

from typing import Any

import asyncpg
import pytest

from contracts.complaints import ComplaintSubmitted
from contracts.lifecycle import Track
from tests.integration.complaints.people import Reporter, new_key

CRY = "因为我反映了收费问题,科室停了我家人的复诊号,还有人上门要我撤回。"


class Crying:
    """A reporter with a complaint on file."""

    def __init__(self, reporter: Reporter, admin: "asyncpg.Connection[Any]", receipt: dict[str, str]) -> None:
        self.reporter = reporter
        self.admin = admin
        self.receipt = receipt

    async def cries(self, receipt: dict[str, str] | None = None, key: str | None = None, **fields: Any) -> Any:
        body = {**(receipt or self.receipt), "text": CRY, **fields}
        headers = {"Idempotency-Key": key or new_key()}
        return await self.reporter.http.post("/v1/tracking/retaliation-reports", json=body, headers=headers)

    async def event(self, number: str) -> ComplaintSubmitted:
        payload = await self.admin.fetchval(
            "SELECT payload FROM outbox JOIN complaints ON complaint_id::text = key WHERE case_number = $1", number
        )
        return ComplaintSubmitted.model_validate_json(payload)


@pytest.fixture
async def crying(reporter: Reporter, admin: "asyncpg.Connection[Any]") -> Crying:
    receipt = await reporter.submitted(reporter={"name": "王某", "phone": "13800138000"})
    return Crying(reporter, admin, receipt)


async def test_it_becomes_an_urgent_report_linked_to_the_old_case(crying: Crying) -> None:
    answer = await crying.cries()
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert new["case_number"] != crying.receipt["case_number"]
    assert new["query_code"] != crying.receipt["query_code"]
    event, old = await crying.event(new["case_number"]), await crying.event(crying.receipt["case_number"])
    assert (event.track, event.category, event.region) == (Track.INTEGRITY, "1304", old.region)
    assert (event.urgent, event.linked_case_ids) == (True, old.case_ids)
    assert set(event.case_ids).isdisjoint(old.case_ids)
    assert (old.urgent, old.linked_case_ids) == (False, ())
    opened = await crying.reporter.tracked({name: new[name] for name in ("case_number", "query_code")})
    assert opened["stage"] == "SUBMITTED"


async def test_the_old_case_is_told_nothing(crying: Crying) -> None:
    before = await crying.reporter.tracked(crying.receipt)
    await crying.cries()
    assert await crying.reporter.tracked(crying.receipt) == before
    event = await crying.event(crying.receipt["case_number"])
    sent = await crying.admin.fetchval("SELECT count(*) FROM outbox WHERE key = $1", str(event.complaint_id))
    assert sent == 1, "the old complaint's submission alone"


async def test_who_is_not_asked_for_again_stays_unnamed_and_an_address_may_be_left(crying: Crying) -> None:
    plain = (await crying.cries()).json()
    event = await crying.event(plain["case_number"])
    assert (event.named, event.contact_token, event.ways) == (False, None, ())
    reached = (await crying.cries(reporter={"phone": "13800138000"})).json()
    assert (await crying.event(reached["case_number"])).ways == ("SMS",)


async def test_a_repeat_is_one_report_and_keys_of_other_complaints_never_meet(
    crying: Crying, reporter: Reporter
) -> None:
    key = new_key()
    first, again = await crying.cries(key=key), await crying.cries(key=key)
    assert again.json() == first.json()
    stranger = await reporter.submitted()
    other = await crying.cries(stranger, key=key)
    assert other.status_code == 201
    assert other.json()["case_number"] != first.json()["case_number"]
    changed = await crying.cries(key=key, text="别的内容")
    assert (changed.status_code, changed.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_without_number_and_code_nothing_is_taken(crying: Crying, admin: "asyncpg.Connection[Any]") -> None:
    before = await admin.fetchval("SELECT count(*) FROM complaints")
    wrong = {**crying.receipt, "query_code": "0000-0000-0000-0000-0"}
    assert (await crying.cries(wrong)).status_code == 404
    assert (await crying.cries(text="  ")).status_code == 422
    assert await admin.fetchval("SELECT count(*) FROM complaints") == before
