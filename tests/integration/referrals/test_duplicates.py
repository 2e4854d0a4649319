"""Likely duplicates at triage: with why, for who has the case in hand, never a case that the officer may not see."""

from typing import Any
from uuid import UUID

import pytest

from contracts.cases import UnitRef
from contracts.course import Course
from contracts.lifecycle import Track
from services.chassis.db import Database
from services.referrals.calendar import StateCouncilCalendar
from tests.integration.referrals.likeness import Complaints
from tests.integration.referrals.office import Office, steps_of
from tests.integration.referrals.test_record import first_step

pytestmark = pytest.mark.asyncio(loop_scope="session")
RDESK = UnitRef(unit_id="rdesk", name="济南市举报专席", region="370100")


async def duplicates(office: Office, username: str, case_id: UUID, **query: Any) -> dict[str, Any]:
    answer = await office.get(username, f"/v1/cases/{case_id}/duplicates", **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def reasons(found: dict[str, Any]) -> dict[str, list[str]]:
    return {item["case"]["case_id"]: item["reasons"] for item in found["items"]}


async def about(office: Office, unit: str, track: Track = Track.GENERAL, **changes: Any) -> UUID:
    """A case in triage that accuses a unit."""
    case_id = await office.new_case(track, **changes)
    desk = "desk" if track is Track.GENERAL else "rdesk"
    await office.act(f"clerk.{desk}", case_id, "LINK_RESPONDENTS", respondent_units=[unit])
    return case_id


async def test_the_same_respondent_in_the_same_class_is_found(office: Office, complaints: Complaints) -> None:
    first, second = await about(office, "yb"), await about(office, "yb")
    other_unit, other_class = await about(office, "wj"), await about(office, "yb", category="0704")
    found = reasons(await duplicates(office, "clerk.desk", first))
    assert found[str(second)] == ["SAME_RESPONDENT"]
    assert {str(first), str(other_unit), str(other_class)}.isdisjoint(found)


async def test_what_complaints_says_is_shown_with_its_reasons_the_likeliest_first(
    office: Office, complaints: Complaints
) -> None:
    first, likely, text_only = await about(office, "jj"), await about(office, "jj"), await office.new_case()
    complaints.finds(text_only, text=True)
    complaints.finds(likely, reporter=True, text=True)
    page = await duplicates(office, "clerk.desk", first)
    assert page["complete"] is True
    assert list(reasons(page).items()) == [
        (str(likely), ["SAME_RESPONDENT", "SAME_REPORTER", "SIMILAR_TEXT"]),
        (str(text_only), ["SIMILAR_TEXT"]),
    ]
    assert [item["joinable"] for item in page["items"]] == [True, True]
    (asked,) = complaints.asked
    assert (asked["purpose"], asked["aud"], asked["case_id"]) == ("likeness", "complaints", str(first))


async def test_a_case_that_the_officer_may_not_see_is_not_among_them(office: Office, complaints: Complaints) -> None:
    mine = await about(office, "hospital")
    report = await about(office, "hospital", Track.INTEGRITY, category="0802")
    elsewhere = await office.new_case(region="370202")
    for hidden in (report, elsewhere):
        complaints.finds(hidden, reporter=True, text=True)
    found = reasons(await duplicates(office, "clerk.desk", mine))
    assert {str(report), str(elsewhere)}.isdisjoint(found)
    seen = reasons(await duplicates(office, "clerk.rdesk", report))
    assert str(mine) not in seen


async def test_the_reporter_is_no_reason_beside_a_report_whatever_complaints_says(
    office: Office, complaints: Complaints
) -> None:
    report = await about(office, "wj2", Track.INTEGRITY, category="0802")
    other, alike = [await about(office, "wj2", Track.INTEGRITY, category="0802") for _ in range(2)]
    only = await office.new_case(Track.INTEGRITY, category="0801")
    complaints.finds(other, reporter=True)
    complaints.finds(alike, reporter=True, text=True)
    complaints.finds(only, reporter=True)
    found = reasons(await duplicates(office, "clerk.rdesk", report))
    assert (found[str(other)], found[str(alike)]) == (["SAME_RESPONDENT"], ["SAME_RESPONDENT", "SIMILAR_TEXT"])
    assert str(only) not in found


async def test_the_reporter_is_no_reason_beside_what_was_sent_past_a_desk(
    office: Office, complaints: Complaints, db: Database
) -> None:
    case, other = [
        first_step(desk=RDESK, task=None, course=Course(restricted=True), respondent_units=("wj2",)) for _ in range(2)
    ]
    for step in (case, other):
        await steps_of(db, StateCouncilCalendar()).record(step)
    complaints.finds(other.facts.case_id, reporter=True, text=True)
    found = reasons(await duplicates(office, "clerk.rdesk", case.facts.case_id))
    assert found[str(other.facts.case_id)] == ["SAME_RESPONDENT", "SIMILAR_TEXT"]


async def test_a_joined_case_is_no_duplicate_any_more(office: Office, complaints: Complaints) -> None:
    main, joining = await office.new_case(), await office.new_case()
    complaints.finds(main, reporter=True)
    (item,) = (await duplicates(office, "clerk.desk", joining))["items"]
    assert item["joinable"] is True
    await office.act("clerk.desk", joining, "MERGE", main_case_id=str(main))
    assert (await duplicates(office, "clerk.desk", joining))["items"] == []


async def test_without_complaints_respondents_count_and_it_is_said(office: Office, complaints: Complaints) -> None:
    complaints.away = True
    first, second = await about(office, "wj2"), await about(office, "wj2")
    page = await duplicates(office, "clerk.desk", first)
    assert page["complete"] is False
    assert str(second) in reasons(page)


async def test_who_does_not_have_the_case_in_hand_is_told_nothing(office: Office, complaints: Complaints) -> None:
    case_id = await about(office, "hospital")
    stranger = await office.get("handler.yb", f"/v1/cases/{case_id}/duplicates")
    assert stranger.status_code == 404
    dispatched = await office.dispatched()
    above = await office.get("supervisor.wj", f"/v1/cases/{dispatched}/duplicates")
    assert (above.status_code, above.json()["code"]) == (403, "NO_GRANT")
    assert complaints.asked == []
