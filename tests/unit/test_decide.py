"""The table of stage × act: every cell, allowed and denied, and what the table promises as a whole."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.lifecycle import (
    DUTY,
    ENDED,
    FINAL,
    LAPSE,
    RULE,
    RULES,
    Act,
    Party,
    Purpose,
    Role,
    Seat,
    Stage,
    Track,
)
from contracts.messages import CaseState, Task
from contracts.terms import ACT_ZH, STAGE_ZH
from tests.workflow.office import ACCUSED, DESK, HEALTH, command, new_case, officer
from workflows import decide

OFFICER_ACTS = [rule.act for rule in RULES if rule.party is Party.OFFICER]


def in_stage(stage: Stage, track: Track = Track.GENERAL) -> CaseState:
    """A case standing in a stage, with its task open and unclaimed."""
    state = new_case(track).model_copy(
        update={"stage": stage, "sequence": 7, "changed_sequence": 7, "desk": DESK, "holder": HEALTH, "linked": True}
    )
    return state.model_copy(update={"task": decide.task_after(state, None, 7)})


@pytest.mark.parametrize(("stage", "act"), list(itertools.product(Stage, OFFICER_ACTS)))
def test_every_cell_of_the_table(stage: Stage, act: Act) -> None:
    state = in_stage(stage)
    if act is Act.CLAIM and state.task is None:
        assert stage not in DUTY
        return
    refusal = decide.refusal(state, command(state, act))
    assert (refusal is None) == (stage in RULE[act].stages)
    assert refusal in (None, decide.NO_SUCH_STEP)


@pytest.mark.parametrize("act", [act for act in OFFICER_ACTS if RULE[act].roles])
def test_an_act_is_refused_without_its_role(act: Act) -> None:
    state = in_stage(RULE[act].stages[0])
    good = command(state, act)
    others = tuple(role for role in Role if role not in RULE[act].roles)
    unit = DESK if RULE[act].seat is not Seat.HOLDER else HEALTH
    assert decide.refusal(state, good.model_copy(update={"actor": officer(unit, *others)})) == decide.NOT_YOUR_ROLE


@pytest.mark.parametrize("act", [act for act in OFFICER_ACTS if RULE[act].seat])
def test_an_act_is_refused_to_another_unit(act: Act) -> None:
    state = in_stage(RULE[act].stages[0])
    stranger = officer(ACCUSED, *Role)
    assert decide.refusal(state, command(state, act).model_copy(update={"actor": stranger})) == decide.NOT_YOUR_UNIT


@pytest.mark.parametrize("act", [act for act in OFFICER_ACTS if RULE[act].needs])
def test_an_act_is_refused_without_what_it_needs(act: Act) -> None:
    state = in_stage(RULE[act].stages[0])
    for need in RULE[act].needs:
        empty: object = () if need.value == "respondent_units" else None
        given = command(state, act).model_copy(update={need.value: empty})
        assert decide.refusal(state, given) == f"MISSING_{need.name}"


@given(st.integers(min_value=0, max_value=20))
def test_only_a_view_between_the_last_change_and_now_is_good(seen: int) -> None:
    state = in_stage(Stage.TRIAGE).model_copy(update={"sequence": 12, "changed_sequence": 9})
    refusal = decide.refusal(state, command(state, Act.ACCEPT, expected_sequence=seen))
    assert refusal == (None if 9 <= seen <= 12 else decide.STALE_VIEW)


def test_a_report_stays_at_its_desk_until_it_is_linked() -> None:
    state = in_stage(Stage.TRIAGE, Track.INTEGRITY).model_copy(update={"linked": False})
    assert decide.refusal(state, command(state, Act.ACCEPT)) == decide.NOT_LINKED


@pytest.mark.parametrize("satisfaction", range(1, 6))
@pytest.mark.parametrize("redone", [0, 1])
def test_a_rating_closes_or_gives_the_one_redo(satisfaction: int, redone: int) -> None:
    state = in_stage(Stage.PENDING_VISIT).model_copy(update={"redo_count": redone})
    effect = decide.effect(state, Act.RATE, satisfaction)
    unsatisfied = satisfaction < 3
    assert effect.redo == (unsatisfied and redone == 0)
    assert effect.to is (Stage.REDO if effect.redo else Stage.CLOSED)


def test_every_stage_has_somebody_to_act_or_a_clock_that_ends_it() -> None:
    ended_by_clock = {stage for rule in RULES if rule.act in LAPSE.values() for stage in rule.stages}
    for stage in Stage:
        if stage not in FINAL and stage is not Stage.SUBMITTED:
            assert stage in DUTY or stage in ended_by_clock, stage


def test_every_path_can_end() -> None:
    leads: dict[Stage, set[Stage]] = {stage: set() for stage in Stage}
    for rule in RULES:
        for stage in rule.stages:
            leads[stage] |= {rule.to} if rule.to else set(rule.decided)
    for start in Stage:
        seen, todo = {start}, [start]
        while todo:
            todo += [nxt for nxt in leads[todo.pop()] if nxt not in seen and not seen.add(nxt)]  # type: ignore[func-returns-value]
        assert seen & FINAL, f"no way out of {start}"


def test_everything_has_a_chinese_name_and_every_clock_that_starts_also_stops() -> None:
    assert set(STAGE_ZH) == set(Stage)
    assert set(ACT_ZH) == set(Act)
    assert set(RULE) == set(Act)
    stopped = {purpose for rule in RULES for purpose in rule.stops} | {Purpose.SILENCE, Purpose.VISIT}
    assert stopped == set(Purpose)
    assert Stage.CLOSED in ENDED


def test_who_acts_on_a_free_task_has_taken_it_and_the_next_task_is_free_again() -> None:
    signed = in_stage(Stage.SIGNED)
    handling = signed.model_copy(update={"stage": Stage.HANDLING})
    taken = decide.task_after(handling, command(signed, Act.BEGIN, account="wang"), 8)
    assert isinstance(taken, Task)
    assert taken.assignee == "wang"
    feedback = handling.model_copy(update={"stage": Stage.FEEDBACK, "task": taken})
    review = decide.task_after(feedback, command(handling, Act.REPLY), 9)
    assert review is not None
    assert review.assignee is None
    assert review.unit_id == DESK.unit_id
