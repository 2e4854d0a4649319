"""A reporter's identity: opened for one officer, one purpose and a limited time, after a second person's yes; all of it
on record and on the case's page, and nothing of it anywhere else."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from contracts.lifecycle import Role, Track
from contracts.openings import Ask
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals.service.registry import NewAccount, Registry
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.office import PASSWORD, Office
from tests.integration.referrals.opening import (
    CLERK,
    SUPERVISOR,
    account_of,
    ask,
    asked,
    code,
    decide,
    granted,
    named,
    path,
    read,
    record,
)
from tests.integration.referrals.vault import PERSON, Vault, decision, look

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def case_id(office: Office, vault: Vault) -> UUID:
    """A named complaint at the desk."""
    return await named(office, vault)


async def test_asked_agreed_read_and_on_record(office: Office, vault: Vault, case_id: UUID) -> None:
    opening = await asked(office, case_id)
    assert (opening["state"], opening["decides_unit"]) == ("WAITING", "desk")
    waits = (await office.get(SUPERVISOR, "/v1/identity-openings/waiting")).json()
    assert opening["opening_id"] in {item["opening_id"] for item in waits["items"]}
    agreed = (await decide(office, opening)).json()
    assert agreed["state"] == "GRANTED"
    answer = await read(office, opening)
    assert answer.status_code == 200, answer.text
    assert answer.json()["fields"] == {name: PERSON[name] for name in ("name", "phone", "email")}, "and no more of it"
    assert answer.headers["cache-control"] == "no-store"
    (item,) = (found := await record(office, case_id))["items"]
    assert (item["state"], len(item["readings"]), item["attempts"]) == ("GRANTED", 1, [])
    assert {found["names"][item["account_id"]], found["names"][item["decision"]["officer"]]} == {
        "CLERK 济南市受理台",
        "SUPERVISOR 济南市受理台",
    }
    assert PERSON["name"] not in str(found)
    waits = (await office.get(SUPERVISOR, "/v1/identity-openings/waiting")).json()
    assert opening["opening_id"] not in {item["opening_id"] for item in waits["items"]}


async def test_a_no_is_final_and_says_why(office: Office, vault: Vault, case_id: UUID) -> None:
    opening = await asked(office, case_id)
    assert (await decide(office, opening, denial="OTHER_MEANS")).json()["state"] == "DENIED"
    assert code(await decide(office, opening)) == (409, "OPENING_DECIDED")
    assert code(await read(office, opening)) == (403, "OPENING_DENIED")
    (item,) = (await record(office, case_id))["items"]
    assert item["decision"]["denial"] == "OTHER_MEANS"
    assert [(tried["act"], tried["refusal"]) for tried in item["attempts"]] == [
        ("DECIDE", "DECIDED"),
        ("READ", "DENIED"),
    ]


@pytest.mark.parametrize("denial", ["NOBODY_TO_ASK", "NO_IDENTITY"])
async def test_a_person_gives_a_reason_of_his_own(office: Office, vault: Vault, case_id: UUID, denial: str) -> None:
    opening = await asked(office, case_id)
    assert code(await decide(office, opening, denial=denial)) == (422, "OPENING_UNFIT_DECISION")


async def test_where_nobody_can_be_asked_it_is_refused_at_once_and_on_record(
    office: Office, vault: Vault, case_id: UUID
) -> None:
    opening = await asked(office, case_id, SUPERVISOR)  # the desk has no other supervisor, and no leader
    assert (opening["state"], opening["decision"]["denial"]) == ("DENIED", "NOBODY_TO_ASK")
    assert opening["decision"]["officer"] is None
    assert code(await read(office, opening, SUPERVISOR)) == (403, "OPENING_DENIED")
    assert [item["state"] for item in (await record(office, case_id))["items"]] == ["DENIED"]


async def test_an_anonymous_complaint_has_no_identity_to_open(office: Office, vault: Vault) -> None:
    anonymous = await office.new_case(named=False)
    assert code(await ask(office, anonymous)) == (409, "OPENING_NO_IDENTITY")
    only_an_address = await named(office, vault, phone="13900000002")
    opening = await asked(office, only_an_address)
    assert (opening["state"], opening["decision"]["denial"]) == ("DENIED", "NO_IDENTITY")


async def test_the_holders_leader_decides_for_the_holder_and_never_for_who_is_complained_of(
    office: Office, vault: Vault
) -> None:
    case_id = await named(office, vault)
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", case_id, "ACCEPT")
    await office.act("dispatcher.desk", case_id, "DISPATCH", unit_id="wj")
    opening = await asked(office, case_id, "handler.wj")
    assert opening["decides_unit"] == "wj"
    assert code(await decide(office, opening, SUPERVISOR)) == (403, "NOT_YOUR_UNIT")
    assert code(await decide(office, opening, "handler.wj")) == (403, "NOT_YOUR_ROLE")
    assert (await decide(office, opening, "leader.wj")).json()["state"] == "GRANTED"
    accused = await named(office, vault)
    await office.act("clerk.desk", accused, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", accused, "ACCEPT")
    await office.act("dispatcher.desk", accused, "DISPATCH", unit_id="hospital")
    assert (await asked(office, accused, "handler.hospital"))["decides_unit"] == "desk"


async def test_a_report_is_decided_at_its_restricted_desk(office: Office, vault: Vault) -> None:
    case_id = await named(office, vault, Track.INTEGRITY)
    opening = await asked(office, case_id, "clerk.rdesk", "PROTECT")
    assert opening["decides_unit"] == "rdesk"
    assert (await decide(office, opening, SUPERVISOR)).status_code == 404
    assert (await decide(office, opening, "supervisor.rdesk")).json()["state"] == "GRANTED"


async def test_nobody_decides_his_own_request(office: Office, db: Database, vault: Vault, case_id: UUID) -> None:
    chief = NewAccount("chief.desk", "两职", "desk", (Role.CLERK, Role.SUPERVISOR), PASSWORD)
    await Registry(db).load((), (chief,), invented_people=True)
    opening = await asked(office, case_id, "chief.desk")
    assert opening["decides_unit"] == "desk", "the desk's supervisor is there to ask"
    assert code(await decide(office, opening, "chief.desk")) == (403, "OPENING_OWN_REQUEST")
    himself = vault.token(opening["account_id"], decision(opening))
    assert code(await vault.send(himself, "/decision")) == (403, "OWN_REQUEST"), "even where referrals let him"
    (item,) = (await record(office, case_id))["items"]
    assert (item["state"], [tried["refusal"] for tried in item["attempts"]]) == ("WAITING", ["OWN_REQUEST"])
    await Registry(db).leave("chief.desk")


async def test_a_yes_that_comes_too_late_opens_nothing(office: Office, vault: Vault, case_id: UUID) -> None:
    opening = await asked(office, case_id)
    vault.later(1440)
    assert code(await decide(office, opening)) == (409, "OPENING_LAPSED")
    assert code(await read(office, opening)) == (409, "OPENING_LAPSED")
    assert [item["state"] for item in (await record(office, case_id))["items"]] == ["LAPSED"]
    assert (await asked(office, case_id))["state"] == "WAITING", "he may ask again"


async def test_the_time_for_reading_ends(office: Office, vault: Vault, case_id: UUID) -> None:
    opening = await granted(office, case_id)
    vault.later(29.5)
    assert (await read(office, opening)).status_code == 200
    vault.later(1)
    assert code(await read(office, opening)) == (403, "OPENING_ENDED")
    (item,) = (await record(office, case_id))["items"]
    assert (item["state"], len(item["readings"])) == ("ENDED", 1)


async def test_another_officer_with_the_granted_id_sees_nothing(office: Office, vault: Vault, case_id: UUID) -> None:
    opening = await granted(office, case_id)
    for other in ("clerk2.desk", SUPERVISOR):
        assert code(await read(office, opening, other)) == (403, "OPENING_OTHER_OFFICER")
    assert (await read(office, opening, "handler.hospital")).status_code == 404


async def test_an_opening_holds_for_its_case_alone(office: Office, vault: Vault, case_id: UUID) -> None:
    opening, other = await granted(office, case_id), await named(office, vault)
    assert (await read(office, {**opening, "case_id": other})).status_code == 404
    token = vault.token(opening["account_id"], look(opening, case_id=other))
    assert code(await vault.send(token, "/reading")) == (404, "UNKNOWN_OPENING")


async def test_referrals_word_alone_opens_nothing(office: Office, vault: Vault, case_id: UUID) -> None:
    opening = await asked(office, case_id)
    token = vault.token(opening["account_id"], look(opening))
    assert code(await vault.send(token, "/reading")) == (403, "WAITING")
    elsewhere = vault.token("a-second", decision(opening, unit_id="wj"))
    assert code(await vault.send(elsewhere, "/decision")) == (403, "OTHER_UNIT")


async def test_a_token_is_used_once(office: Office, vault: Vault, case_id: UUID) -> None:
    opening = await granted(office, case_id)
    token = vault.token(opening["account_id"], look(opening))
    assert (await vault.send(token, "/reading")).status_code == 200
    assert code(await vault.send(token, "/reading")) == (409, "USED_TOKEN")
    (item,) = (await record(office, case_id))["items"]
    assert len(item["readings"]) == 1


@pytest.mark.parametrize("name", ["complaints", "notifications", "vault", "cli"])
async def test_no_other_service_is_let_in(office: Office, vault: Vault, case_id: UUID, name: str) -> None:
    opening = await granted(office, case_id)
    wish = Ask(
        opening_id=uuid4(), case_id=case_id, complaint_id=opening["complaint_id"], unit_id="desk", aim="CALL_BACK",
        decides_unit="desk",
    )  # fmt: skip
    officer = opening["account_id"]
    for claims, there in ((wish, ""), (decision(opening), "/decision"), (look(opening), "/reading")):
        assert (await vault.send(vault.token(officer, claims, name=name), there)).status_code == 401
        crossed = vault.token(officer, claims, purpose="contacts.open")
        assert (await vault.send(crossed, there)).status_code == 401, "nor by a token for something else"


async def test_the_same_request_again_is_one_opening(office: Office, vault: Vault, case_id: UUID) -> None:
    once, body = {"Idempotency-Key": str(uuid4())}, {"purpose": "CALL_BACK"}
    first = await office.post(CLERK, path(case_id), body, **once)
    again = await office.post(CLERK, path(case_id), body, **once)
    assert first.json()["opening_id"] == again.json()["opening_id"]
    other = await office.post(CLERK, path(case_id), {"purpose": "PROTECT"}, **once)
    assert code(other) == (422, "OPENING_REUSED")
    assert code(await ask(office, case_id)) == (409, "OPENING_ALREADY_ASKED")
    assert code(await ask(office, case_id, "clerk2.desk", "CURIOUS")) == (422, "OPENING_UNKNOWN_PURPOSE")
    assert (await ask(office, case_id, "clerk2.desk", complaint_id=str(uuid4()))).status_code == 404


async def test_who_was_removed_in_between_neither_reads_nor_decides(
    office: Office, db: Database, vault: Vault, case_id: UUID
) -> None:
    goes = [NewAccount(f"{name}.desk", "要走", "desk", (role,), PASSWORD)
            for name, role in (("goes", Role.CLERK), ("chief-goes", Role.SUPERVISOR))]  # fmt: skip
    await Registry(db).load((), goes, invented_people=True)
    mine = await granted(office, case_id, "goes.desk")
    waits = await asked(office, case_id)
    await office.headers("chief-goes.desk")
    for username in ("goes.desk", "chief-goes.desk"):
        await Registry(db).leave(username)
        async with asyncio.timeout(20):
            while (await office.get(username, "/v1/sessions/current")).status_code != 401:
                await asyncio.sleep(0.1)
    assert (await read(office, mine, "goes.desk")).status_code == 401
    assert (await decide(office, waits, "chief-goes.desk")).status_code == 401


async def test_who_turns_out_to_be_accused_neither_asks_nor_reads_nor_decides(
    office: Office, db: Database, vault: Vault, case_id: UUID
) -> None:
    people = [NewAccount(f"{name}.desk", "被反映", "desk", (role,), PASSWORD)
              for name, role in (("accused", Role.CLERK), ("accused-chief", Role.SUPERVISOR))]  # fmt: skip
    await Registry(db).load((), people, invented_people=True)
    opening = await granted(office, case_id, "accused.desk")
    accounts = [await account_of(office, person.username) for person in people]
    await office.act(CLERK, case_id, "LINK_PERSONS", respondent_accounts=accounts)
    assert (await read(office, opening, "accused.desk")).status_code == 404
    assert (await ask(office, case_id, "accused.desk")).status_code == 404
    assert (await decide(office, await asked(office, case_id), "accused-chief.desk")).status_code == 404
    alone = await asked(office, case_id, SUPERVISOR)
    assert alone["decision"]["denial"] == "NOBODY_TO_ASK", "the other supervisor is accused"


async def in_hand(office: Office, vault: Vault) -> UUID:
    """A case that the health commission (wj) has in hand, about a hospital."""
    case_id = await named(office, vault)
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.desk", case_id, "ACCEPT")
    await office.act("dispatcher.desk", case_id, "DISPATCH", unit_id="wj")
    return case_id


async def account_is(settings: Settings, username: str, change: str) -> None:
    """Change an account behind everybody's back: no session or memory hears of it."""
    connection = await asyncpg.connect(settings.owner_dsn("referrals"))
    await connection.execute(change, username)
    await connection.close()


async def test_who_lost_the_role_a_moment_ago_decides_nothing(
    office: Office, db: Database, vault: Vault, settings: Settings, case_id: UUID
) -> None:
    await Registry(db).load((), [NewAccount("chief-falls.desk", "卸任", "desk", (Role.SUPERVISOR,), PASSWORD)],
                            invented_people=True)  # fmt: skip
    opening = await asked(office, case_id)
    await office.headers("chief-falls.desk")
    assert (await office.get("chief-falls.desk", "/v1/sessions/current")).status_code == 200, "remembered"
    await account_is(
        settings,
        "chief-falls.desk",
        "UPDATE account_roles AS r SET role = 'CLERK' FROM accounts AS a"
        " WHERE a.account_id = r.account_id AND a.username = $1",
    )
    assert code(await decide(office, opening, "chief-falls.desk")) == (403, "NOT_YOUR_ROLE")
    assert (await decide(office, opening)).status_code == 200


async def test_who_moved_to_another_unit_decides_nothing(
    office: Office, db: Database, vault: Vault, settings: Settings, case_id: UUID
) -> None:
    await Registry(db).load((), [NewAccount("chief-moves.desk", "调走", "desk", (Role.SUPERVISOR,), PASSWORD)],
                            invented_people=True)  # fmt: skip
    opening = await asked(office, case_id)
    assert (await office.get("chief-moves.desk", "/v1/sessions/current")).status_code == 200, "remembered"
    await account_is(settings, "chief-moves.desk", "UPDATE accounts SET unit_id = 'wj' WHERE username = $1")
    assert code(await decide(office, opening, "chief-moves.desk")) == (403, "NOT_YOUR_UNIT")


async def test_a_unit_that_turns_out_to_be_accused_decides_nothing_that_it_was_asked(
    office: Office, vault: Vault
) -> None:
    case_id = await in_hand(office, vault)
    opening = await asked(office, case_id, "handler.wj")
    assert opening["decides_unit"] == "wj"
    await office.act("clerk.desk", case_id, "LINK_RESPONDENTS", respondent_units=["hospital", "wj"])
    assert code(await decide(office, opening, "leader.wj")) == (409, "OPENING_OTHER_DECIDES")
    assert (await asked(office, case_id, "handler.wj", "PROTECT"))["decides_unit"] == "desk"


async def test_nobody_agrees_to_what_somebody_asked_who_has_the_case_no_more(office: Office, vault: Vault) -> None:
    case_id = await in_hand(office, vault)
    opening = await asked(office, case_id, "handler.wj")
    await office.act("dispatcher.desk", case_id, "RECALL", note="派错")
    refused = code(await decide(office, opening, "leader.wj"))
    assert refused in {(409, "OPENING_OTHER_DECIDES"), (404, "NOT_FOUND")}
    assert (await record(office, case_id))["items"][0]["state"] == "WAITING"


async def test_a_case_that_has_left_takes_the_right_to_look_along(office: Office, vault: Vault) -> None:
    case_id = await in_hand(office, vault)
    opening = await asked(office, case_id, "handler.wj")
    assert (await decide(office, opening, "leader.wj")).status_code == 200
    assert (await read(office, opening, "handler.wj")).status_code == 200
    await office.act("dispatcher.desk", case_id, "RECALL", note="派错")
    assert code(await read(office, opening, "handler.wj")) == (403, "NO_GRANT")


async def test_without_the_vault_the_case_goes_on_and_says_so(
    office: Office, vault: Vault, browsers: Browsers, case_id: UUID
) -> None:
    vault.away = True
    answer = await office.get(CLERK, path(case_id))
    assert (answer.status_code, answer.json()["engine"]) == (503, "vault")
    clerk = await browsers.of(CLERK)
    page = await clerk.get(f"/workbench/cases/{case_id}")
    assert (page.status, "身份保险库暂时连接不上" in page.text) == (200, True)
    assert page.has_form("/texts")
    queue = await (await browsers.of(SUPERVISOR)).get("/workbench/unit")
    assert (queue.status, "身份保险库暂时连接不上" in queue.text) == (200, True)


async def test_the_whole_course_on_the_pages(office: Office, vault: Vault, browsers: Browsers, case_id: UUID) -> None:
    clerk, chief, here = await browsers.of(CLERK), await browsers.of(SUPERVISOR), f"/workbench/cases/{case_id}"
    page = await clerk.get(here)
    assert "姓名 ●●●" in page.text
    page = await clerk.send(page.form("/openings"), purpose="CALL_BACK")
    assert "待第二人决定" in page.text
    assert not page.has_form("/decision")
    assert "待您决定的身份查阅申请" in (await chief.get("/workbench/unit")).text
    page = await chief.get(here)
    assert "同意查阅" in page.text
    page = await chief.send(page.form("/decision"), verdict="yes")
    assert "已同意，可查阅" in page.text
    assert not page.has_form("/reading"), "it is not the chief's to look at"
    page = await clerk.get(here)
    assert PERSON["name"] not in page.answer.text
    shown = await clerk.send(page.form("/reading"))
    assert PERSON["name"] in shown.text
    assert PERSON["id_number"] not in shown.text
    assert shown.answer.headers["cache-control"] == "no-store"
    page = await chief.get(here)
    assert "CLERK 济南市受理台 查阅" in page.text
    assert PERSON["name"] not in page.answer.text
    part = await clerk.post(page_action(await clerk.get(here)), {"form_token": "x"}, **{"HX-Request": "true"})
    assert part.status == 403, "a form of another session shows nothing"


def page_action(page: Any) -> str:
    action: str = page.form("/reading").action
    return action
