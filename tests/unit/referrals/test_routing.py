"""Where a case may go: competence, place, and whom a report must never reach (信访工作条例 art. 30)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.lifecycle import Act, HandoverKind, Purpose, Track
from contracts.messages import ClockEffect, ClockFate
from contracts.reference import categories, handovers
from services.referrals.domain import (
    Hop,
    Level,
    Refusal,
    Unit,
    UnitKind,
    ancestors,
    arbiter,
    covers,
    desk_for,
    propose,
    refuse,
    refuse_link,
    region_prefix,
)
from services.referrals.handovers import effects


def unit(unit_id: str, kind: UnitKind, region: str, *above: str, department: str | None = None) -> Unit:
    return Unit(unit_id, unit_id, Level.CITY, kind, region, (*above, unit_id), department)


PROVINCE_WJ = unit("wj-37", UnitKind.DEPARTMENT, "370000", department="WJ")
WJ = unit("wj-3701", UnitKind.DEPARTMENT, "370100", "wj-37", department="WJ")
COUNTY_WJ = unit("wj-370102", UnitKind.DEPARTMENT, "370102", "wj-37", "wj-3701", department="WJ")
YB = unit("yb-3701", UnitKind.DEPARTMENT, "370100", department="YB")
SW = unit("sw-3701", UnitKind.DEPARTMENT, "370100", department="SW")
OTHER_WJ = unit("wj-3702", UnitKind.DEPARTMENT, "370200", "wj-37", department="WJ")
HOSPITAL = unit("h1", UnitKind.INSTITUTION, "370102", "wj-37", "wj-3701", "wj-370102")
WARD = unit("h1-ward", UnitKind.INSTITUTION, "370102", "wj-37", "wj-3701", "wj-370102", "h1")
DESK = unit("desk", UnitKind.DESK, "370100")
OTHER_DESK = unit("desk-2", UnitKind.DESK, "370200")
SECRET_DESK = unit("rdesk", UnitKind.RESTRICTED_DESK, "370100", "wj-37", "wj-3701")
PROVINCE_SECRET_DESK = unit("rdesk-37", UnitKind.RESTRICTED_DESK, "370000")
EVERYONE = (
    PROVINCE_WJ, WJ, COUNTY_WJ, YB, SW, OTHER_WJ, HOSPITAL, WARD, DESK, OTHER_DESK, SECRET_DESK, PROVINCE_SECRET_DESK,
)  # fmt: skip

RED_ENVELOPE = categories()["0801"]  # INTEGRITY, lead WJ, support JJ and YY
ATTITUDE = categories()["0802"]  # GENERAL, lead YY, support WJ
OVERTREATMENT = categories()["0401"]  # GENERAL, lead WJ, support YB

COMPLAINT = Hop(Track.GENERAL, ATTITUDE, "370102", DESK, to_desk=False, linked=True, respondents=("h1",))
REPORT = Hop(Track.INTEGRITY, RED_ENVELOPE, "370102", SECRET_DESK, to_desk=False, linked=True, respondents=("h1",))


def test_a_complaint_may_go_to_the_hospital_that_it_is_about() -> None:
    assert refuse(HOSPITAL, COMPLAINT) is None


def test_a_complaint_does_not_go_to_a_hospital_that_it_is_not_about() -> None:
    assert refuse(HOSPITAL, replace(COMPLAINT, respondents=())) is Refusal.NOT_COMPETENT


def test_a_report_never_goes_to_the_unit_that_it_accuses_nor_to_any_below() -> None:
    accused = replace(REPORT, respondents=("wj-3701",))
    for receiver in (WJ, COUNTY_WJ, HOSPITAL, WARD):
        assert refuse(receiver, accused) is Refusal.ACCUSED


def test_a_report_goes_to_the_department_above_the_accused() -> None:
    assert refuse(COUNTY_WJ, REPORT) is None
    assert refuse(PROVINCE_WJ, replace(REPORT, respondents=("wj-3701",))) is None


def test_a_report_never_goes_to_an_institution_accused_or_not() -> None:
    innocent = unit("h2", UnitKind.INSTITUTION, "370102")
    assert refuse(innocent, REPORT) is Refusal.NOT_COMPETENT
    assert refuse(innocent, replace(REPORT, respondents=("h2",))) is Refusal.ACCUSED


def test_a_report_that_is_not_linked_stays_at_the_restricted_desk() -> None:
    unlinked = replace(REPORT, linked=False, respondents=())
    assert refuse(WJ, unlinked) is Refusal.UNLINKED
    assert refuse(PROVINCE_SECRET_DESK, replace(unlinked, to_desk=True)) is None


@given(
    st.sampled_from(EVERYONE),
    st.lists(st.sampled_from([one.unit_id for one in EVERYONE]), max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(sorted(categories())),
    st.sampled_from(EVERYONE),
)
def test_whatever_is_asked_a_report_reaches_nobody_accused(
    receiver: Unit, respondents: list[str], to_desk: bool, linked: bool, category: str, sender: Unit
) -> None:
    hop = Hop(
        Track.INTEGRITY, categories()[category], "370102", sender, to_desk, linked, respondents=tuple(respondents)
    )
    if refuse(receiver, hop) is None:
        assert not set(receiver.path) & set(respondents)
        assert receiver.kind is not UnitKind.INSTITUTION
        assert linked or receiver.kind is UnitKind.RESTRICTED_DESK


def test_competence_follows_the_taxonomy() -> None:
    hop = replace(COMPLAINT, category=OVERTREATMENT)
    assert refuse(WJ, hop) is None
    assert refuse(YB, hop) is None
    assert refuse(SW, hop) is Refusal.NOT_COMPETENT


def test_the_place_is_the_line_of_the_cases_division() -> None:
    hop = replace(COMPLAINT, category=OVERTREATMENT)
    assert refuse(PROVINCE_WJ, hop) is None
    assert refuse(COUNTY_WJ, hop) is None
    assert refuse(OTHER_WJ, hop) is Refusal.WRONG_PLACE


def test_after_a_hand_over_the_place_is_that_of_the_desk_that_has_it() -> None:
    handed = replace(COMPLAINT, category=OVERTREATMENT, sender=OTHER_DESK)
    assert refuse(OTHER_WJ, handed) is None
    assert refuse(WJ, handed) is Refusal.WRONG_PLACE


def test_a_desk_receives_only_what_belongs_to_its_track() -> None:
    assert refuse(OTHER_DESK, replace(COMPLAINT, to_desk=True)) is None
    assert refuse(SECRET_DESK, replace(COMPLAINT, to_desk=True)) is Refusal.NOT_A_DESK
    assert refuse(OTHER_DESK, replace(REPORT, to_desk=True)) is Refusal.NOT_A_DESK
    assert refuse(WJ, replace(COMPLAINT, to_desk=True)) is Refusal.NOT_A_DESK


def test_nobody_sends_to_himself_to_nobody_or_to_a_closed_unit() -> None:
    assert refuse(DESK, replace(COMPLAINT, to_desk=True)) is Refusal.SAME_UNIT
    assert refuse(None, COMPLAINT) is Refusal.UNKNOWN_UNIT
    assert refuse(replace(HOSPITAL, active=False), COMPLAINT) is Refusal.UNKNOWN_UNIT
    assert refuse(replace(HOSPITAL, active=False, successor_id="h9"), COMPLAINT) is Refusal.SUCCEEDED


def test_a_desk_below_the_accused_may_not_link_but_the_one_above_may() -> None:
    assert refuse_link(SECRET_DESK, True, [WJ], ["wj-3701"]) is Refusal.DESK_ACCUSED
    assert refuse_link(PROVINCE_SECRET_DESK, True, [WJ], ["wj-3701"]) is None
    assert refuse_link(SECRET_DESK, False, [WJ], ["wj-3701"]) is None


def test_only_known_units_are_linked() -> None:
    assert refuse_link(DESK, False, [WJ], ["wj-3701", "nobody"]) is Refusal.UNKNOWN_UNIT
    assert refuse_link(DESK, False, [], []) is None, "that nobody of the tree is accused is said in a note"


@pytest.mark.parametrize(
    ("region", "desk"), [("370100", "desk"), ("370102", "desk"), ("370200", "desk-2"), ("370283", "desk-2")]
)
def test_the_nearest_desk_registers(region: str, desk: str) -> None:
    found = desk_for(Track.GENERAL, region, EVERYONE)
    assert found is not None
    assert found.unit_id == desk


def test_a_report_is_registered_by_a_restricted_desk_and_by_no_other() -> None:
    near = desk_for(Track.INTEGRITY, "370102", EVERYONE)
    above = desk_for(Track.INTEGRITY, "370283", EVERYONE)
    assert near is SECRET_DESK
    assert above is PROVINCE_SECRET_DESK
    assert desk_for(Track.INTEGRITY, "110101", EVERYONE) is None


def test_divisions() -> None:
    assert [region_prefix(code) for code in ("370000", "370100", "370102", "000000", "100000")] == [
        "37", "3701", "370102", "", "",
    ]  # fmt: skip
    assert ancestors("370102") == ("370102", "370100", "370000", "000000", "100000")
    assert ancestors("370000") == ("370000", "000000", "100000")
    assert covers("370100", "370102")
    assert not covers("370102", "370100")
    assert not covers("370200", "370102")


def test_proposals_name_the_lead_of_the_place_first_and_the_accused_with_why() -> None:
    found = propose(EVERYONE, replace(REPORT, respondents=("wj-370102",)))
    assert found[0].refusal is None
    assert found[0].unit.department == "WJ"
    refused = {item.unit.unit_id: item.refusal for item in found if item.refusal}
    assert refused["wj-370102"] is Refusal.ACCUSED
    assert refused["h1"] is Refusal.ACCUSED
    assert refused["wj-3702"] is Refusal.WRONG_PLACE
    assert "sw-3701" not in refused  # nobody would think of the tax office


def test_whoever_succeeds_the_accused_is_accused() -> None:
    report = replace(REPORT, respondents=("gone",))
    assert refuse(replace(WJ, stands_for=("gone",)), report) is Refusal.ACCUSED
    assert refuse(replace(WJ, stands_for=("another",)), report) is not Refusal.ACCUSED


CONFERENCE = unit("lx-3701", UnitKind.CONFERENCE, "370100")
OTHER_CONFERENCE = unit("lx-3702", UnitKind.CONFERENCE, "370200")
COUNTY_CONFERENCE = unit("lx-370102", UnitKind.CONFERENCE, "370102")
CONFERENCES = (*EVERYONE, CONFERENCE, OTHER_CONFERENCE, COUNTY_CONFERENCE)


def test_a_dispute_is_settled_by_the_common_superior_else_by_the_joint_conference_of_the_place() -> None:
    def settles(*bounced: Unit) -> Unit:
        return arbiter(bounced, DESK, False, "370102", (), CONFERENCES)

    assert settles(COUNTY_WJ, HOSPITAL) is WJ
    assert settles(COUNTY_WJ, YB) is CONFERENCE, "a county's conference has no say over a city's bureau"


def test_a_dispute_is_settled_where_the_case_is_also_when_it_came_from_elsewhere() -> None:
    found = arbiter((COUNTY_WJ, YB), DESK, False, "370200", (), CONFERENCES)
    assert found is CONFERENCE
    hop = replace(COMPLAINT, region="370200", sender=CONFERENCE, act=Act.DESIGNATE)
    offered = {item.unit.unit_id for item in propose(EVERYONE, hop) if item.refusal is None}
    assert {"wj-3701", "yb-3701", "wj-370102"} <= offered
    assert "wj-3702" not in offered


def test_a_designation_ends_the_clock_that_waited_for_it() -> None:
    running = (Purpose.DESIGNATE, Purpose.HANDLE)
    assert effects(Act.DESIGNATE, HandoverKind.ASSIGN, running, handovers()) == (
        ClockEffect(purpose=Purpose.DESIGNATE, fate=ClockFate.STOP),
        ClockEffect(purpose=Purpose.HANDLE, fate=ClockFate.CARRY),
    )
