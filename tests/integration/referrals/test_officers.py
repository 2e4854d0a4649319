"""Officers at work over HTTP: log-in, queues, acts, refusals with reasons, texts and grants."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest

from contracts.lifecycle import Track
from services.chassis.auth import ServiceTokens
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals.refusals import TEXTS
from services.referrals.repository.sql import rows
from tests.integration.referrals.office import PASSWORD, Office, submitted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(office: Office) -> None:
    answers = [
        await office.http.post("/v1/sessions", json={"username": name, "password": "wrong"})
        for name in ("clerk.desk", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "BAD_CREDENTIALS"


async def test_a_session_ends_when_it_is_told_to(office: Office) -> None:
    body = {"username": "CLERK2.desk", "password": PASSWORD}
    session = (await office.http.post("/v1/sessions", json=body)).json()
    assert session["account"]["roles"] == ["CLERK"]
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    assert (await office.http.get("/v1/sessions/current", headers=headers)).json()["unit_id"] == "desk"
    assert (await office.http.delete("/v1/sessions/current", headers=headers)).status_code == 204
    over = await office.http.get("/v1/sessions/current", headers=headers)
    assert over.status_code == 401
    assert (await office.http.get("/v1/queues/unit")).status_code == 401


async def test_only_administrators_add_units_and_accounts(office: Office) -> None:
    unit = {
        "unit_id": f"sj-{uuid4().hex[:6]}",
        "name": "市监局",
        "level": "CITY",
        "kind": "DEPARTMENT",
        "region": "370100",
    }
    assert (await office.post("clerk.desk", "/v1/units", {**unit, "department": "SJ"})).json()["code"] == "FORBIDDEN"
    assert (await office.post("admin", "/v1/units", unit)).json()["code"] == "BAD_UNIT"  # a department has a code
    assert (await office.post("admin", "/v1/units", {**unit, "department": "SJ"})).status_code == 201
    assert (await office.post("admin", "/v1/units", {**unit, "department": "SJ"})).json()["code"] == "ALREADY_EXISTS"
    account = {
        "username": f"h.{unit['unit_id']}", "name": "经办", "unit_id": unit["unit_id"], "password": PASSWORD,
    }  # fmt: skip
    assert (await office.post("admin", "/v1/accounts", account)).status_code == 201
    assert (await office.post("admin", "/v1/accounts", account)).json()["code"] == "ALREADY_EXISTS"
    assert (await office.get(account["username"], "/v1/sessions/current")).status_code == 200


async def test_a_case_goes_its_way_and_everybody_reads_what_was_written(office: Office) -> None:
    case_id = await office.replied("经核实,已道歉并整改。")
    done = await office.act("reviewer.desk", case_id, "REVIEW_PASS")
    view = done["case"]
    assert (done["stage"], view["stage"], view["sequence"]) == ("PENDING_VISIT", "PENDING_VISIT", done["sequence"])
    assert [step["sequence"] for step in view["timeline"]] == list(range(1, view["sequence"] + 1))
    reply = next(step for step in view["timeline"] if step["act"] == "REPLY")
    assert reply["public_reply"]["text"] == "经核实,已道歉并整改。"
    assert (reply["unit_name"], reply["roles"]) == ("历下区人民医院", ["HANDLER"])
    assert [clock["purpose"] for clock in view["clocks"]] == ["VISIT"]
    assert view["clocks"][0]["due"].endswith(" 24:00")
    assert view["clocks"][0]["lamp"] == "NORMAL"
    assert [act["act"] for act in view["legal_acts"]] == ["RECUSE"]
    visitor = await office.view("follow_up.desk", case_id)
    assert [act["act"] for act in visitor["legal_acts"]] == ["CLAIM", "RECUSE", "RECORD_VISIT"]
    assert (await office.act("follow_up.desk", case_id, "RECORD_VISIT", satisfaction=4))["stage"] == "CLOSED"


async def test_texts_are_sealed_in_the_database(office: Office, db: Database) -> None:
    secret = "处方号七七四九,窗口三号"
    case_id = await office.replied(secret)
    async with db.read(SYSTEM) as session:
        for table in ("documents", "commands", "case_history", "cases", "outbox"):
            found = await rows(session, f"SELECT t::text AS everything FROM {table} AS t")
            assert found or table == "outbox"  # the relay is quick
            assert not any(secret in row["everything"] for row in found), table
            assert not any(secret.encode().hex() in row["everything"] for row in found), table
    assert case_id


async def test_only_a_told_text_leaves_the_service(office: Office, settings: Settings) -> None:
    case_id = await office.replied()
    view = await office.view("handler.hospital", case_id)
    document = next(step["public_reply"] for step in view["timeline"] if step["act"] == "REPLY")
    path = f"/internal/v1/documents/{document['document_id']}"

    async def fetched(issuer: str = "complaints", audience: str = "referrals", purpose: str = "reply") -> int:
        token = ServiceTokens(issuer, settings).issue(audience, purpose)
        return (await office.http.get(path, headers={"Authorization": f"Bearer {token}"})).status_code

    assert await fetched() == 404  # not reviewed yet
    await office.act("reviewer.desk", case_id, "REVIEW_PASS")
    token = ServiceTokens("complaints", settings).issue("referrals", "reply")
    answer = (await office.http.get(path, headers={"Authorization": f"Bearer {token}"})).json()
    assert (answer["sha256"], answer["text"]) == (document["sha256"], "经核实,窗口人员已道歉。")
    assert await fetched(issuer="notifications") == 401
    assert await fetched(audience="complaints") == 401
    assert await fetched(purpose="narrative") == 401
    assert (await office.get("clerk.desk", path)).status_code == 401  # an officer's token is none of a service


async def test_notes_stay_inside_and_a_question_is_told(office: Office, settings: Settings) -> None:
    case_id = await office.new_case()
    asked = await office.act("clerk.desk", case_id, "REQUEST_SUPPLEMENT", note="请补充就诊时间。")
    note = asked["case"]["timeline"][-1]["note"]
    token = ServiceTokens("complaints", settings).issue("referrals", "reply")
    answer = await office.http.get(
        f"/internal/v1/documents/{note['document_id']}", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json()["text"] == "请补充就诊时间。"


async def test_a_grant_is_for_the_desk_and_the_holder_and_on_record(office: Office, settings: Settings) -> None:
    case_id = await office.dispatched(Track.INTEGRITY, to="wj")
    given = await office.post("handler.wj", f"/v1/cases/{case_id}/grants", {"purpose": "HANDLE"})
    assert given.status_code == 201
    claims = ServiceTokens("complaints", settings).verify(given.json()["grant"], issuer="referrals")
    assert (claims.purpose, claims.extra["case_id"]) == ("narrative", str(case_id))
    assert given.json()["url"].endswith("/v1/narratives")
    record = (await office.view("clerk.rdesk", case_id))["grants"][0]
    assert (record["grant_id"], record["unit_id"], record["purpose"]) == (claims.jti, "wj", "HANDLE")
    complaint = await office.dispatched()
    refused = await office.post("supervisor.wj", f"/v1/cases/{complaint}/grants", {"purpose": "LOOK"})
    assert (refused.status_code, refused.json()["code"]) == (403, "NO_GRANT")


async def test_queues_come_by_due_time_in_pages(office: Office) -> None:
    case_ids = {str(await office.new_case(region="370200", category="0401")) for _ in range(5)}

    async def mine() -> list[dict[str, str]]:
        found = await pages("clerk.desk2", "/v1/queues/unit", limit=2)
        return [item for item in found if item["case_id"] in case_ids]

    async def pages(username: str, path: str, limit: int) -> list[dict[str, str]]:
        items: list[dict[str, str]] = []
        after: dict[str, str] = {}
        while True:
            page = (await office.get(username, path, limit=limit, **after)).json()
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next"] is None:
                return items
            after = {"after": page["next"]}

    listed = await mine()
    assert {item["case_id"] for item in listed} == case_ids
    everything = await pages("clerk.desk2", "/v1/queues/unit", limit=3)
    dues = [item["task"]["due_at"] for item in everything]  # type: ignore[index]
    assert dues == sorted(dues)
    assert len({item["case_id"] for item in everything}) == len(everything)
    claimed = UUID(listed[0]["case_id"])
    await office.act("clerk.desk2", claimed, "CLAIM")
    own = (await office.get("clerk.desk2", "/v1/queues/mine")).json()["items"]
    assert [(item["case_id"], item["task"]["mine"]) for item in own] == [(str(claimed), True)]
    assert (await office.get("clerk.desk2", "/v1/queues/unit", kind="SIGN")).json()["items"] == []
    assert (await office.get("clerk.desk2", "/v1/queues/unit", after="rubbish")).json()["code"] == "BAD_CURSOR"


async def test_a_case_is_found_by_its_number(office: Office) -> None:
    case_id = await office.new_case(case_number="HYNUMBER1")
    found = (await office.get("clerk.desk", "/v1/cases", case_number="HYNUMBER1")).json()
    assert [item["case_id"] for item in found["items"]] == [str(case_id)]
    assert (await office.get("clerk.desk2", "/v1/cases", case_number="HYNUMBER1")).json()["items"] == []


async def test_counts_are_of_what_the_caller_sees(office: Office) -> None:
    async def counted(username: str) -> Counter[tuple[str, str]]:
        rows = (await office.get(username, "/v1/stats")).json()["by_stage"]
        return Counter({(row["stage"], row["track"]): row["cases"] for row in rows})

    holder, other = await counted("handler.jj"), await counted("handler.yb")
    await office.dispatched(Track.INTEGRITY, to="jj")
    assert await counted("handler.jj") - holder == Counter({("DISPATCHED", "INTEGRITY"): 1})
    assert await counted("handler.yb") == other


async def test_routes_say_where_the_case_may_go_and_why_not_elsewhere(office: Office) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    await office.act("clerk.rdesk", case_id, "LINK_RESPONDENTS", respondent_units=["wj-a"])
    items = (await office.get("dispatcher.rdesk", f"/v1/cases/{case_id}/routes")).json()["items"]
    open_to = [item["unit_id"] for item in items if not item["refusal"]]
    assert "wj" in open_to
    assert [item["unit_id"] for item in items][: len(open_to)] == open_to, "where it may go comes first"
    refused = {item["unit_id"]: item["refusal"]["code"] for item in items if item["refusal"]}
    assert refused["wj-a"] == refused["hospital"] == "ACCUSED"


@pytest.mark.parametrize(
    ("unit", "code"),
    [("hospital", "ACCUSED"), ("yb", "NOT_COMPETENT"), ("wj2", "WRONG_PLACE"), ("moon", "UNKNOWN_UNIT")],
)
async def test_a_route_that_is_refused_is_said_in_both_languages(office: Office, unit: str, code: str) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    await office.act("clerk.rdesk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.rdesk", case_id, "ACCEPT")
    before = await office.view("dispatcher.rdesk", case_id)
    chinese = await office.try_act("dispatcher.rdesk", case_id, "DISPATCH", unit_id=unit)
    body = {"act": "DISPATCH", "expected_sequence": before["sequence"], "unit_id": unit}
    headers = {"Idempotency-Key": str(uuid4()), "Accept-Language": "en"}
    english = await office.post("dispatcher.rdesk", f"/v1/cases/{case_id}/acts", body, **headers)
    assert [(answer.status_code, answer.json()["code"]) for answer in (chinese, english)] == [(422, code)] * 2
    assert chinese.json()["detail"] == TEXTS[code].zh
    assert english.json()["detail"] == TEXTS[code].en
    assert (await office.view("dispatcher.rdesk", case_id))["sequence"] == before["sequence"]


async def test_a_report_is_linked_before_it_is_accepted(office: Office) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    refused = await office.try_act("clerk.rdesk", case_id, "ACCEPT")
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_LINKED")
    assert refused.json()["case"]["stage"] == "TRIAGE"


async def test_a_case_without_a_desk_waits_for_one(office: Office) -> None:
    event = submitted(region="110101")
    await office.bridged(event)
    assert (await office.get("admin", f"/v1/cases/{event.case_ids[0]}")).status_code == 404
    unit = {"unit_id": "desk-bj", "name": "北京受理台", "level": "PROVINCE", "kind": "DESK", "region": "110000"}
    assert (await office.post("admin", "/v1/units", unit)).status_code == 201
    account = {"username": "c.bj", "name": "受理", "unit_id": "desk-bj", "password": PASSWORD}
    assert (await office.post("admin", "/v1/accounts", account)).status_code == 201
    security = await office.headers("security")
    granted = await office.http.put("/v1/accounts/c.bj/roles", json={"roles": ["CLERK"]}, headers=security)
    assert granted.status_code == 200
    assert await eventually(office, "c.bj", event.case_ids[0])


async def eventually(office: Office, username: str, case_id: UUID, seconds: float = 20.0) -> bool:
    """Whether the officer comes to see the case."""
    async with asyncio.timeout(seconds):
        while (await office.get(username, f"/v1/cases/{case_id}")).status_code != 200:
            await asyncio.sleep(0.1)
    return True
