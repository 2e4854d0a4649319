"""What a hand-over does to the clocks of a case: as handovers.csv says, else as the table of acts has it."""

from contracts.lifecycle import Act, HandoverKind, Purpose
from contracts.messages import ClockFate
from contracts.reference import handovers as table
from services.referrals.handovers import effects


def fates(act: Act, *purposes: Purpose, kind: HandoverKind | None = None) -> dict[Purpose, ClockFate]:
    return {effect.purpose: effect.fate for effect in effects(act, kind, purposes, table())}


def test_the_period_of_designation_ends_with_it_and_that_of_the_answer_runs_on() -> None:
    found = fates(Act.DESIGNATE, Purpose.DESIGNATE, Purpose.HANDLE)
    assert found == {Purpose.DESIGNATE: ClockFate.STOP, Purpose.HANDLE: ClockFate.CARRY}


def test_a_row_goes_before_the_table_of_acts() -> None:
    found = fates(Act.HAND_TO_DESK, Purpose.ACKNOWLEDGE, Purpose.HANDLE)
    assert found == {Purpose.ACKNOWLEDGE: ClockFate.RESTART, Purpose.HANDLE: ClockFate.STOP}


def test_what_neither_names_is_carried() -> None:
    assert fates(Act.DISPATCH, Purpose.REDO) == {Purpose.REDO: ClockFate.CARRY}


def test_clocks_of_the_hand_over_itself_are_not_among_them() -> None:
    assert fates(Act.TRANSFER, Purpose.SIGN, Purpose.SUPPORT) == {}
