"""Before a case is handed over it is known who may have it, by which kind, and what that does to its clocks."""

import pytest

from contracts.lifecycle import Track
from tests.integration.referrals.office import Office

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_routes_name_the_kinds_that_the_matrix_permits(office: Office) -> None:
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", case_id, "ACCEPT")
    found = (await office.get("dispatcher.desk", f"/v1/cases/{case_id}/routes", act="DISPATCH")).json()["items"]
    kinds = {route["unit_id"]: [kind["kind"] for kind in route["kinds"]] for route in found if not route["refusal"]}
    assert kinds["wj"] == ["DISPATCH", "ASSIGN", "FORWARD"]
    assert kinds["hospital"] == ["DISPATCH"]


async def test_the_clocks_are_as_foreseen(office: Office) -> None:
    case_id = await office.new_case()
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", case_id, "ACCEPT")
    query = {"act": "DISPATCH", "unit_id": "wj", "kind": "ASSIGN"}
    answer = await office.get("dispatcher.desk", f"/v1/cases/{case_id}/handover", **query)
    assert answer.status_code == 200, answer.text
    foreseen = {clock["purpose"]: clock for clock in answer.json()["clocks"]}
    assert answer.json()["kind_name"] == "交办"
    assert {purpose: clock["fate"] for purpose, clock in foreseen.items()} == {
        "HANDLE": "CARRY",
        "SIGN": "START",
        "RETURN": "START",
    }
    await office.act("dispatcher.desk", case_id, "DISPATCH", unit_id="wj", kind="ASSIGN")
    view = await office.view("handler.wj", case_id)
    assert {clock["purpose"]: clock["due_at"] for clock in view["clocks"]} == {
        purpose: clock["due_after"] for purpose, clock in foreseen.items()
    }
    assert (view["course"]["kind"], view["course"]["basis"]) == ("ASSIGN", "信访工作条例 22")


async def test_what_the_matrix_does_not_permit_is_refused_as_the_act_would_be(office: Office) -> None:
    case_id = await office.dispatched(Track.GENERAL, to="wj")
    await office.act("handler.wj", case_id, "SIGN")
    query = {"act": "TRANSFER", "unit_id": "hospital", "kind": "REFER"}
    foreseen = await office.get("handler.wj", f"/v1/cases/{case_id}/handover", **query)
    done = await office.try_act("handler.wj", case_id, "TRANSFER", unit_id="hospital", kind="REFER", note="x")
    assert foreseen.status_code == done.status_code == 422
    assert foreseen.json()["code"] == done.json()["code"] == "KIND_NOT_PERMITTED"
