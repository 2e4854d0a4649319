"""A report of retaliation: urgent, at a restricted desk, linked to the old case; who that accuses learns nothing."""

import asyncio
from uuid import UUID, uuid4

import pytest

from contracts.lifecycle import Track
from contracts.messages import RouteRequest
from services.chassis.db import Database
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.service.steps import NoDesk
from tests.integration.referrals.office import Office, received, steps_of, submitted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def cries(office: Office, db: Database, *old: UUID) -> UUID:
    """The reporter of the old cases cries for protection; the new case is registered."""
    event = submitted(Track.INTEGRITY, category="1304", urgent=True, linked_case_ids=old)
    async with db.session() as session:
        await office.bridge.handle(session, received(event))
    case_id = event.case_ids[0]
    async with asyncio.timeout(20):
        while (await office.get("clerk.rdesk", f"/v1/cases/{case_id}")).status_code != 200:
            await asyncio.sleep(0.05)
    return case_id


async def test_it_is_urgent_and_the_restricted_desk_knows_what_it_follows(office: Office, db: Database) -> None:
    old = await office.dispatched(Track.INTEGRITY, to="wj")
    new = await office.view("clerk.rdesk", await cries(office, db, old))
    assert (new["facts"]["category"], new["facts"]["track"], new["desk"]["unit_id"]) == ("1304", "INTEGRITY", "rdesk")
    assert (new["course"]["urgent"], new["course"]["linked_cases"]) == (True, [str(old)])


async def test_the_accused_and_the_old_cases_holder_learn_nothing(office: Office, db: Database) -> None:
    old = await office.dispatched(Track.GENERAL, to="hospital")
    before = await office.view("handler.hospital", old)
    new = await cries(office, db, old)
    for username in ("handler.hospital", "handler.wj", "supervisor.wj", "clerk.desk", "supervisor.desk"):
        assert (await office.get(username, f"/v1/cases/{new}")).status_code == 404
        listed = (await office.get(username, "/v1/cases", limit=200)).json()["items"]
        assert str(new) not in {item["case_id"] for item in listed}
    after = await office.view("handler.hospital", old)
    assert {**after, "business_time": None} == {**before, "business_time": None}
    assert str(new) not in str(after)


async def test_the_accused_of_the_old_case_can_not_be_handed_the_new_one(office: Office, db: Database) -> None:
    new = await cries(office, db, await office.dispatched(Track.INTEGRITY, to="wj"))
    seen = await office.view("clerk.rdesk", new)
    assert seen["respondent_units"] == ["hospital"]
    assert seen["linked"] is False, "an officer still says who is accused before the case is accepted"
    await office.act("clerk.rdesk", new, "LINK_RESPONDENTS", respondent_units=["wj-a"])
    assert (await office.view("clerk.rdesk", new))["respondent_units"] == ["hospital", "wj-a"]


async def test_whom_the_case_is_handed_to_does_not_see_the_link(office: Office, db: Database) -> None:
    old = await office.dispatched(Track.INTEGRITY, to="wj")
    new = await cries(office, db, old)
    await office.act("clerk.rdesk", new, "LINK_RESPONDENTS", respondent_units=["hospital"])
    await office.act("clerk.rdesk", new, "ACCEPT")
    await office.act("dispatcher.rdesk", new, "DISPATCH", unit_id="wj")
    seen = await office.view("handler.wj", new)
    assert seen["course"]["linked_cases"] == []
    assert str(old) not in str(seen)


async def test_an_excluded_officer_of_the_old_case_is_excluded_from_the_new_one(office: Office, db: Database) -> None:
    old = await office.new_case(Track.INTEGRITY)
    accused = (await office.get("reviewer.rdesk", "/v1/sessions/current")).json()["account_id"]
    await office.act("clerk.rdesk", old, "LINK_PERSONS", respondent_accounts=[accused])
    new = await cries(office, db, old)
    assert (await office.get("reviewer.rdesk", f"/v1/cases/{new}")).status_code == 404


async def test_a_desk_that_the_old_case_accuses_does_not_register_the_new_one(db: Database) -> None:
    steps = steps_of(db, StateCouncilCalendar())
    wanted = RouteRequest(case_id=uuid4(), track=Track.INTEGRITY, category="1304", region="370102")
    assert (await steps.route_intake(wanted)).unit is not None
    with pytest.raises(NoDesk):  # it waits for a desk above, and goes to nobody who is accused
        await steps.route_intake(wanted.model_copy(update={"respondent_units": ("rdesk",)}))
