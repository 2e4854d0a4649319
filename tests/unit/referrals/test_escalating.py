"""The escalation ladder: when its steps fall by the calendar, and who is told of each."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from contracts.cases import UnitRef
from contracts.course import Course, Support
from contracts.lifecycle import LADDER, Act, Purpose, Stage, Supervision, Track
from contracts.messages import RunningClock, Transition
from contracts.reference import escalation
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import CHINA
from services.referrals.domain import Level, Unit, UnitKind
from services.referrals.service import escalating
from services.referrals.service.reminding import remind_at
from tests.unit.referrals.test_steps import deadline, step

CALENDAR = StateCouncilCalendar()


def unit(unit_id: str, kind: UnitKind = UnitKind.DEPARTMENT, *path: str, on_system: bool = True) -> Unit:
    return Unit(unit_id, unit_id, Level.CITY, kind, "370100", (*path, unit_id), "WJ", on_system=on_system)


UNITS = {
    found.unit_id: found
    for found in (
        unit("desk", UnitKind.DESK),
        unit("city"),
        unit("county", UnitKind.DEPARTMENT, "city"),
        unit("hospital", UnitKind.INSTITUTION, "city", "county"),
        unit("police", on_system=False),
    )
}


def overdue(due: str, purpose: Purpose = Purpose.HANDLE, **changes: object) -> RunningClock:
    about = deadline(purpose).model_copy(update={"due_at": datetime.fromisoformat(due).replace(tzinfo=CHINA)})
    return RunningClock(deadline=about, overdue=True).model_copy(update=changes)


def falls(clock: RunningClock) -> dict[Act, str]:
    (ladder,) = escalating.ladders((clock,), CALENDAR)
    return {rung.act: rung.at.astimezone(CHINA).strftime("%m-%d %H:%M") for rung in ladder.rungs}


def test_the_steps_fall_by_working_days_after_the_last_day() -> None:
    # Due on Tuesday 3 March at 24:00; Saturday 28 February is a working weekend long past, no holiday follows.
    assert falls(overdue("2026-03-04T00:00")) == {
        Act.URGE_NOTICE: "03-04 00:00",
        Act.YELLOW_CARD: "03-05 00:00",
        Act.RED_CARD: "03-12 00:00",
        Act.LIST_CASE: "03-18 00:00",
        Act.CALL_IN: "03-25 00:00",
        Act.ORDER_RECTIFICATION: "04-01 00:00",
    }


def test_a_holiday_holds_the_ladder_up_and_a_deadline_within_the_day_counts_from_its_day() -> None:
    # Due on Friday 3 April in the afternoon; 清明 4 to 6 April.
    found = falls(overdue("2026-04-03T15:00"))
    assert (found[Act.URGE_NOTICE], found[Act.YELLOW_CARD]) == ("04-04 00:00", "04-08 00:00")


def test_other_clocks_are_urged_alone() -> None:
    assert list(falls(overdue("2026-03-04T00:00", Purpose.RECEIPT))) == [Act.URGE_NOTICE]


@pytest.mark.parametrize("changes", [{"overdue": False}, {"suspended": True}, {"rungs": ()}])
def test_a_clock_that_is_not_overdue_stands_still_or_knows_its_ladder_gets_none(changes: dict[str, object]) -> None:
    assert escalating.ladders((overdue("2026-03-04T00:00", **changes),), CALENDAR) == ()


def test_the_table_has_every_step_and_supervision_grows_along_it() -> None:
    levels = [escalation()[act].level for act in LADDER]
    assert levels == sorted(levels)
    assert levels[-3:] == [Supervision.LISTED, Supervision.INTERVIEW, Supervision.RECTIFY]


def taken(act: Act, holder: str | None = "hospital", **changes: object) -> Transition:
    seat = UNITS[holder].ref() if holder else None
    return step(act, Stage.HANDLING, Stage.HANDLING, holder=seat, deadline=deadline(), **changes)


def told(done: Transition) -> list[str]:
    return [found.unit_id for found in escalating.told(done, UNITS)]


def reported(done: Transition) -> Transition:
    return done.model_copy(update={"facts": done.facts.model_copy(update={"track": Track.INTEGRITY})})


def test_the_holder_and_the_desk_are_told_and_from_the_red_card_on_the_department_above() -> None:
    assert told(taken(Act.URGE_NOTICE)) == ["hospital", "desk"]
    assert told(taken(Act.YELLOW_CARD)) == ["hospital", "desk"]
    for act in (Act.RED_CARD, Act.LIST_CASE, Act.CALL_IN, Act.ORDER_RECTIFICATION):
        assert told(taken(act)) == ["hospital", "desk", "county"]
    assert told(taken(Act.RED_CARD, holder="county")) == ["county", "desk", "city"]


def test_of_a_report_only_the_desk_and_the_holder_hear() -> None:
    assert told(reported(taken(Act.RED_CARD, holder="county"))) == ["county", "desk"]
    assert told(taken(Act.RED_CARD, holder="county", course=Course(restricted=True))) == ["county", "desk"]
    assert told(reported(taken(Act.RED_CARD, holder="police"))) == ["desk"]
    police = UnitRef(unit_id="police", name="police", region="370100")
    waiting = taken(Act.URGE_NOTICE, holder="county", course=Course(receiver=police))
    receipt = waiting.model_copy(update={"deadline": deadline(Purpose.RECEIPT)})
    assert told(reported(receipt)) == ["county", "desk"]


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        (Purpose.ACKNOWLEDGE, ["desk"]),
        (Purpose.DESIGNATE, ["city", "desk"]),
        (Purpose.SUPPORT, ["county", "desk"]),
        (Purpose.RECEIPT, ["hospital", "desk"]),
    ],
)
def test_whose_clock_it_is_hears_of_it(purpose: Purpose, expected: list[str]) -> None:
    course = Course(
        arbiter=UNITS["city"].ref(),
        receiver=UNITS["police"].ref(),
        supports=(Support(unit=UNITS["county"].ref(), asked_sequence=3),),
    )
    done = taken(Act.URGE_NOTICE, course=course).model_copy(update={"deadline": deadline(purpose)})
    assert told(done) == expected


def test_a_unit_that_is_gone_is_not_told() -> None:
    closed = {**UNITS, "hospital": replace(UNITS["hospital"], active=False)}
    assert [found.unit_id for found in escalating.told(taken(Act.YELLOW_CARD), closed)] == ["desk"]


def test_the_department_above_hears_in_its_working_hours_unless_the_case_is_urgent() -> None:
    at = datetime(2026, 3, 7, 12, tzinfo=UTC)  # a Saturday evening
    red = taken(Act.RED_CARD).model_copy(
        update={"at": at, "deadline": deadline().model_copy(update={"clock_id": "SJ"})}
    )
    moments = remind_at(red, CALENDAR, (UNITS["county"].ref(),))
    assert {found.unit_id for found in moments} == {"desk", "hospital", "county"}
    assert {found.at.astimezone(CHINA).strftime("%m-%d %H:%M") for found in moments} == {"03-09 09:00"}
    urgent = red.model_copy(update={"course": Course(urgent=True)})
    assert remind_at(urgent, CALENDAR, (UNITS["county"].ref(),)) == ()
