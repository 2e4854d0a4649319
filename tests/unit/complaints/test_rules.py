"""Rules of intake: track, place, and what a reporter may do when."""

import pytest

from contracts.lifecycle import Stage, Track
from contracts.reference.divisions import divisions
from services.complaints import domain
from services.complaints.domain import Refusal


def test_the_track_follows_the_category() -> None:
    assert domain.choose_track(Track.GENERAL, None) is Track.GENERAL
    assert domain.choose_track(Track.INTEGRITY, None) is Track.INTEGRITY


def test_a_reporter_may_ask_for_the_protected_track() -> None:
    assert domain.choose_track(Track.GENERAL, Track.INTEGRITY) is Track.INTEGRITY


def test_a_report_on_integrity_can_not_be_made_a_general_complaint() -> None:
    with pytest.raises(Refusal) as refused:
        domain.choose_track(Track.INTEGRITY, Track.GENERAL)
    assert refused.value.code == "TRACK_NOT_ALLOWED"


@pytest.mark.parametrize("region", ["330106", "330100", "330000", "990121", "710000"])
def test_a_division_of_any_level_is_taken(region: str) -> None:
    domain.check_region(region, divisions())


@pytest.mark.parametrize("region", ["000000", "030106", "330006", "330199", "999999", "３３０１０６"])
def test_what_can_not_be_a_division_is_refused(region: str) -> None:
    with pytest.raises(Refusal) as refused:
        domain.check_region(region, divisions())
    assert refused.value.code == "UNKNOWN_REGION"
    assert region not in refused.value.zh + refused.value.en


def test_additions_are_taken_until_every_case_has_ended() -> None:
    assert domain.may_supplement([Stage.CLOSED, Stage.HANDLING])
    assert not domain.may_supplement([Stage.CLOSED, Stage.REJECTED, Stage.ARCHIVED])


def test_a_rating_is_asked_only_while_an_answer_waits_for_it() -> None:
    assert [stage for stage in Stage if domain.may_rate(stage)] == [Stage.PENDING_VISIT]
