"""Recusal 回避 (信访工作条例 art. 28): who keeps away from a case knows nothing of it any more, behind both walls."""

import asyncio
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
import pytest_asyncio

from contracts.lifecycle import Role, Track
from contracts.sessions import PURPOSE, Standing
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database, Principal
from services.chassis.settings import Settings
from services.referrals.repository import accounts
from services.referrals.repository.sql import rows
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.office import PASSWORD, Office

pytestmark = pytest.mark.asyncio(loop_scope="session")

HANDLER, CHIEF = "handler.wj", "leader.wj"
TABLES = ("cases", "case_history", "case_units", "tasks")


@pytest_asyncio.fixture(loop_scope="session")
async def case_id(office: Office) -> UUID:
    """A case that the health commission has."""
    return await office.dispatched(to="wj")


async def newcomer(db: Database, unit_id: str, *roles: Role) -> str:
    """The user name of an officer of the test's own."""
    name = f"kin-{uuid4().hex[:10]}"
    await Registry(db).load((), (NewAccount(name, "某人", unit_id, roles, PASSWORD),), invented_people=True)
    return name


async def account_of(office: Office, username: str) -> str:
    found: str = (await office.get(username, "/v1/sessions/current")).json()["account_id"]
    return found


async def recuse(office: Office, username: str, case_id: UUID, reason: str = "RELATIVE") -> httpx.Response:
    return await office.ask(
        username, case_id, "RECUSE", key=str(uuid4()), sequence=await office._sequence(username, case_id),
        reason_code=reason,
    )  # fmt: skip


async def kept_away(office: Office, username: str, case_id: UUID) -> None:
    """The act is done, and the case gone from the officer's sight."""
    answer = await recuse(office, username, case_id)
    assert answer.status_code in (200, 202), answer.text
    async with asyncio.timeout(30):
        while (await office.get(username, f"/v1/cases/{case_id}")).status_code != 404:
            await asyncio.sleep(0.1)


async def test_who_keeps_away_finds_counts_and_reads_the_case_no_more(
    office: Office, db: Database, browsers: Browsers, case_id: UUID
) -> None:
    name = await newcomer(db, "wj", Role.HANDLER)
    number = (await office.view(name, case_id))["facts"]["case_number"]
    await office.act(name, case_id, "CLAIM")
    count = sum(row["cases"] for row in (await office.get(name, "/v1/stats")).json()["by_stage"])
    await kept_away(office, name, case_id)
    after = sum(row["cases"] for row in (await office.get(name, "/v1/stats")).json()["by_stage"])
    assert after == count - 1
    assert (await office.get(name, "/v1/cases", case_number=number)).json()["items"] == []
    for way in ("", "/clocks", "/routes", "/duplicates", "/exports", "/transfer-records", "/identity-openings"):
        assert (await office.get(name, f"/v1/cases/{case_id}{way}")).status_code == 404, way
    assert (await office.post(name, f"/v1/cases/{case_id}/grants", {"purpose": "HANDLE"})).status_code == 404
    assert (await office.try_act(name, case_id, "SIGN", sequence=1)).status_code == 404
    browser = await browsers.of(name)
    assert (await browser.get(f"/workbench/cases/{case_id}")).status == 404
    for page in ("/workbench/unit", "/workbench/mine", f"/workbench/search?number={number}"):
        assert str(case_id) not in (await browser.get(page)).answer.text
    # The others go on: the task is back in their queue; the record says who keeps away and, to the leader, why.
    view = await office.view(CHIEF, case_id)
    assert (view["task"]["unit_id"], view["task"]["assignee"]) == ("wj", None)
    step = view["timeline"][-1]
    assert (step["act"], step["reason_code"]) == ("RECUSE", "RELATIVE")
    await office.act(HANDLER, case_id, "SIGN")


async def test_the_second_wall_holds_without_the_first(office: Office, db: Database, case_id: UUID) -> None:
    name = await newcomer(db, "wj", Role.HANDLER)
    mine, colleague = await account_of(office, name), await account_of(office, HANDLER)
    await kept_away(office, name, case_id)

    async def seen(account_id: str) -> set[str]:
        async with db.read(Principal("officer", account_id, ("wj",), False)) as session:
            return {
                table
                for table in TABLES
                if await rows(session, f"SELECT 1 FROM {table} WHERE case_id = $1", case_id)
            } | {
                "visible_cases" for row in await rows(session, "SELECT case_id FROM visible_cases()")
                if row["case_id"] == case_id
            }  # fmt: skip

    assert await seen(colleague) == {*TABLES, "visible_cases"}
    assert await seen(mine) == set()


async def test_other_services_hear_what_the_officer_must_not_know_of(
    office: Office, db: Database, settings: Settings, case_id: UUID
) -> None:
    name = await newcomer(db, "wj", Role.HANDLER)
    await kept_away(office, name, case_id)
    token = (await office.headers(name))["Authorization"].removeprefix("Bearer ")
    jti = jwt.decode(token, options={"verify_signature": False})["jti"]
    asking = ServiceTokens("notifications", settings).issue("referrals", PURPOSE, subject=jti)
    answer = await office.http.get("/internal/v1/sessions/current", headers={"Authorization": f"Bearer {asking}"})
    assert Standing.model_validate_json(answer.content).barred_cases == (case_id,)


async def test_a_leader_has_a_colleague_keep_away_on_record(office: Office, db: Database, case_id: UUID) -> None:
    name = await newcomer(db, "wj", Role.HANDLER)
    mine, elsewhere = await account_of(office, name), await account_of(office, "handler.yb")
    how = {"reason_code": "INTEREST"}
    for username, assignee, code in (
        (CHIEF, elsewhere, "UNKNOWN_ACCOUNT"),
        (CHIEF, "a-nobody", "UNKNOWN_ACCOUNT"),
        (HANDLER, mine, "NOT_YOUR_ROLE"),
    ):
        refused = await office.try_act(username, case_id, "ORDER_RECUSAL", assignee=assignee, **how)
        assert refused.json()["code"] == code
    unknown = await office.try_act(CHIEF, case_id, "ORDER_RECUSAL", assignee=mine, reason_code="R01")
    assert unknown.json()["code"] == "UNKNOWN_REASON"
    await office.act(CHIEF, case_id, "ORDER_RECUSAL", assignee=mine, **how)
    assert (await office.get(name, f"/v1/cases/{case_id}")).status_code == 404
    again = await office.try_act(CHIEF, case_id, "ORDER_RECUSAL", assignee=mine, **how)
    assert again.json()["code"] == "ASSIGNEE_EXCLUDED"
    step = (await office.view(CHIEF, case_id))["timeline"][-1]
    assert (step["act"], step["reason_code"]) == ("ORDER_RECUSAL", "INTEREST")
    for_others = (await office.view(HANDLER, case_id))["timeline"][-1]
    assert (for_others["act"], for_others["reason_code"]) == ("ORDER_RECUSAL", None), "it may point at a person"


async def test_nobody_has_the_last_colleague_of_a_role_kept_away(office: Office, db: Database, case_id: UUID) -> None:
    mine = await account_of(office, HANDLER)
    async with db.read() as session:
        people = await accounts.of_unit(session, "wj")
    for other in (one for one in people if Role.HANDLER in one.roles and one.account_id != mine):
        await office.act(CHIEF, case_id, "ORDER_RECUSAL", assignee=other.account_id, reason_code="OTHER")
    refused = await office.try_act(CHIEF, case_id, "ORDER_RECUSAL", assignee=mine, reason_code="INTEREST")
    assert (refused.status_code, refused.json()["code"]) == (422, "LAST_OF_ROLE")
    await office.view(HANDLER, case_id)


async def test_the_desk_decides_for_a_leader_who_keeps_away(office: Office, db: Database) -> None:
    case_id = await office.dispatched(Track.INTEGRITY, to="wj")
    leader = await newcomer(db, "wj", Role.LEADER)
    await office.act("supervisor.rdesk", case_id, "ORDER_RECUSAL", assignee=await account_of(office, leader),
                     reason_code="WITNESS")  # fmt: skip
    await office.act(HANDLER, case_id, "SIGN")
    await office.act(HANDLER, case_id, "REQUEST_EXTENSION", purpose="HANDLE", amount=3, note="情况复杂")
    refused = await office.try_act(CHIEF, case_id, "GRANT_EXTENSION", note="同意")
    assert refused.json()["code"] == "NOT_YOUR_UNIT"
    await office.act("supervisor.rdesk", case_id, "GRANT_EXTENSION", note="同意")


async def test_who_is_let_back_in_sees_and_hears_of_the_case_again(
    office: Office, db: Database, settings: Settings, case_id: UUID
) -> None:
    name = await newcomer(db, "wj", Role.HANDLER)
    mine = await account_of(office, name)
    await kept_away(office, name, case_id)
    how = {"assignee": mine, "note": "误录入，与本案无关"}
    for username, changes, code in (
        (HANDLER, {}, "NOT_YOUR_ROLE"),
        (CHIEF, {"note": None}, "MISSING_NOTE"),
        (CHIEF, {"assignee": await account_of(office, HANDLER)}, "NOT_RECUSED"),
    ):
        refused = await office.try_act(username, case_id, "LIFT_RECUSAL", **{**how, **changes})
        assert refused.json()["code"] == code
    own = await office.try_act(name, case_id, "LIFT_RECUSAL", sequence=1, **how)
    assert own.status_code == 404, "nobody lifts his own: he knows nothing of the case"
    await office.act(CHIEF, case_id, "LIFT_RECUSAL", **how)
    assert (await office.get(name, f"/v1/cases/{case_id}")).status_code == 200
    async with db.read(Principal("officer", mine, ("wj",), False)) as session:
        for table in TABLES:
            assert await rows(session, f"SELECT 1 FROM {table} WHERE case_id = $1", case_id), table
    token = (await office.headers(name))["Authorization"].removeprefix("Bearer ")
    jti = jwt.decode(token, options={"verify_signature": False})["jti"]
    asking = ServiceTokens("notifications", settings).issue("referrals", PURPOSE, subject=jti)
    answer = await office.http.get("/internal/v1/sessions/current", headers={"Authorization": f"Bearer {asking}"})
    assert Standing.model_validate_json(answer.content).barred_cases == ()
    await office.act(name, case_id, "SIGN")
    again = await office.try_act(CHIEF, case_id, "LIFT_RECUSAL", **how)
    assert again.json()["code"] == "NOT_RECUSED"


async def test_why_it_was_lifted_stands_on_the_timeline_for_those_who_decide(
    office: Office, db: Database, case_id: UUID
) -> None:
    name = await newcomer(db, "wj", Role.HANDLER)
    await kept_away(office, name, case_id)
    await office.act(CHIEF, case_id, "LIFT_RECUSAL", assignee=await account_of(office, name), note="其表亲已撤回")
    told = {
        username: next(
            step for step in (await office.view(username, case_id))["timeline"] if step["act"] == "LIFT_RECUSAL"
        )
        for username in (CHIEF, HANDLER, name)
    }
    assert told[CHIEF]["note"]["text"] == "其表亲已撤回"
    assert (told[HANDLER]["note"], told[name]["note"]) == (None, None), "it may point at a person"


async def test_what_the_desk_ordered_no_leader_of_the_unit_lifts(office: Office, db: Database) -> None:
    case_id = await office.dispatched(Track.INTEGRITY, to="wj")
    leader = await newcomer(db, "wj", Role.LEADER)
    how = {"assignee": await account_of(office, leader)}
    await office.act("supervisor.rdesk", case_id, "ORDER_RECUSAL", reason_code="WITNESS", **how)
    refused = await office.try_act(CHIEF, case_id, "LIFT_RECUSAL", note="无妨", **how)
    assert (refused.status_code, refused.json()["code"]) == (403, "DESK_LIFTS")
    await office.act("supervisor.rdesk", case_id, "LIFT_RECUSAL", note="已查明并非证人", **how)
    await office.act(HANDLER, case_id, "SIGN")
    await office.act(HANDLER, case_id, "REQUEST_EXTENSION", purpose="HANDLE", amount=3, note="情况复杂")
    await office.act(CHIEF, case_id, "GRANT_EXTENSION", note="同意")


async def test_the_desk_goes_on_deciding_while_another_leader_keeps_away(office: Office, db: Database) -> None:
    case_id = await office.dispatched(Track.INTEGRITY, to="wj")
    both = [await account_of(office, await newcomer(db, "wj", Role.LEADER)) for _ in range(2)]
    for account in both:
        await office.act("supervisor.rdesk", case_id, "ORDER_RECUSAL", assignee=account, reason_code="WITNESS")
    await office.act("supervisor.rdesk", case_id, "LIFT_RECUSAL", assignee=both[0], note="误录入")
    await office.act(HANDLER, case_id, "SIGN")
    await office.act(HANDLER, case_id, "REQUEST_EXTENSION", purpose="HANDLE", amount=3, note="情况复杂")
    refused = await office.try_act(CHIEF, case_id, "GRANT_EXTENSION", note="同意")
    assert refused.json()["code"] == "NOT_YOUR_UNIT"


async def test_the_page_offers_those_who_keep_away_and_lets_one_back(
    office: Office, db: Database, browsers: Browsers, case_id: UUID
) -> None:
    browser = await browsers.of(CHIEF)
    assert "解除回避" not in (await browser.get(f"/workbench/cases/{case_id}")).text
    name = await newcomer(db, "wj", Role.HANDLER)
    mine = await account_of(office, name)
    await kept_away(office, name, case_id)
    assert "解除回避" in (await browser.get(f"/workbench/cases/{case_id}")).text
    form = (await browser.get(f"/workbench/cases/{case_id}/acts/LIFT_RECUSAL")).form("/acts/LIFT_RECUSAL")
    assert [value for value in form.offered["assignee"] if value] == [mine]
    timeline = (await browser.get(f"/workbench/cases/{case_id}")).text
    assert "回避事由" in timeline
    assert "不予受理的理由" not in timeline
    done = await browser.send(form, assignee=mine, note="误录入")
    assert done.status in (200, 202), done.text
    async with asyncio.timeout(30):
        while (await office.get(name, f"/v1/cases/{case_id}")).status_code != 200:
            await asyncio.sleep(0.1)


async def test_a_report_too(office: Office, db: Database) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    name = await newcomer(db, "rdesk", Role.CLERK)
    await kept_away(office, name, case_id)
    await office.view("clerk.rdesk", case_id)


async def test_the_page_has_the_form_and_then_leads_away(
    office: Office, db: Database, browsers: Browsers, case_id: UUID
) -> None:
    name = await newcomer(db, "wj", Role.HANDLER)
    browser = await browsers.of(name)
    page = await browser.get(f"/workbench/cases/{case_id}")
    assert "本人回避" in page.text
    page = await browser.get(f"/workbench/cases/{case_id}/acts/RECUSE")
    form = page.form("/acts/RECUSE")
    assert form.offered["reason_code"] == ["RELATIVE", "WITNESS", "INTEREST", "OTHER"]
    done = await browser.send(form, reason_code="OTHER")
    assert done.status in (200, 202), done.text
    async with asyncio.timeout(30):
        while (await browser.get(f"/workbench/cases/{case_id}")).status != 404:
            await asyncio.sleep(0.1)
