"""The table of stage × act: every cell, allowed and denied, and what the table promises as a whole."""

import itertools
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import judge
from contracts.course import Course, Major, Request, Support
from contracts.lifecycle import (
    DUTY,
    ENDED,
    FINAL,
    INSTEAD,
    LAPSE,
    ROLES_AT,
    RULE,
    RULES,
    Act,
    HandoverKind,
    Party,
    Purpose,
    Role,
    Seat,
    Stage,
    TaskKind,
    Track,
)
from contracts.messages import CaseState, Task
from contracts.terms import ACT_ZH, STAGE_ZH
from tests.workflow.office import (
    ACCUSED,
    DESK,
    HEALTH,
    INSURANCE,
    POLICE,
    SUPERIOR,
    command,
    furnished,
    new_case,
    officer,
    running,
)
from workflows import decide

OFFICER_ACTS = [rule.act for rule in RULES if rule.party is Party.OFFICER]


def in_stage(stage: Stage, track: Track = Track.GENERAL, act: Act = Act.CLAIM) -> CaseState:
    """A case standing in a stage, furnished for an act, with its task open and unclaimed."""
    state = new_case(track).model_copy(
        update={"stage": stage, "sequence": 7, "changed_sequence": 7, "desk": DESK, "holder": HEALTH, "linked": True}
    )
    state = furnished(state, act)
    return state.model_copy(update={"task": decide.task_after(state, None, 7)})


@pytest.mark.parametrize(("stage", "act"), list(itertools.product(Stage, OFFICER_ACTS)))
def test_every_cell_of_the_table(stage: Stage, act: Act) -> None:
    state = in_stage(stage, act=act)
    if act in (Act.CLAIM, Act.REASSIGN) and state.task is None:
        assert stage not in DUTY
        return
    refusal = decide.refusal(state, command(state, act))
    assert (refusal is None) == (stage in RULE[act].stages)
    assert refusal in (None, judge.ILLEGAL_ACT)


@pytest.mark.parametrize(
    ("stage", "act"), [(stage, act) for act in OFFICER_ACTS if RULE[act].roles for stage in RULE[act].stages]
)
def test_an_act_is_refused_without_its_role(stage: Stage, act: Act) -> None:
    state = in_stage(stage, act=act)
    good = command(state, act)
    others = tuple(role for role in Role if role not in RULE[act].roles)
    stripped = good.actor.model_copy(update={"roles": others})
    assert decide.refusal(state, good.model_copy(update={"actor": stripped})) == judge.NOT_YOUR_ROLE


@pytest.mark.parametrize(
    ("stage", "act"), [(stage, act) for act in OFFICER_ACTS if RULE[act].seats for stage in RULE[act].stages]
)
def test_an_act_is_refused_to_another_unit(stage: Stage, act: Act) -> None:
    state = in_stage(stage, act=act)
    stranger = officer(ACCUSED, *Role)
    assert decide.refusal(state, command(state, act).model_copy(update={"actor": stranger})) == judge.NOT_YOUR_UNIT


@pytest.mark.parametrize("act", [act for act in OFFICER_ACTS if RULE[act].needs])
def test_an_act_is_refused_without_what_it_needs(act: Act) -> None:
    state = in_stage(RULE[act].stages[0], act=act)
    for need in RULE[act].needs:
        empty: object = () if need.value in ("respondent_units", "respondent_accounts") else None
        changed = {need.value: empty} | ({"note": None} if need in INSTEAD else {})
        given = command(state, act).model_copy(update=changed)
        assert decide.refusal(state, given) == f"MISSING_{need.value.upper()}"


@pytest.mark.parametrize("act", OFFICER_ACTS)
def test_an_accused_persons_account_may_do_nothing(act: Act) -> None:
    state = in_stage(RULE[act].stages[0], act=act)
    good = command(state, act)
    excluded = state.course.model_copy(update={"excluded": (good.actor.account_id,)})
    assert decide.refusal(state.model_copy(update={"course": excluded}), good) == judge.EXCLUDED


def proposed(asked_by: str = "officer-9", verified_by: str | None = None, excluded: tuple[str, ...] = ()) -> Course:
    """A suspected crime that the leader is to be asked about."""
    request = Request(
        act=Act.PROPOSE_REFERRAL, unit=POLICE, asked_sequence=5, verify=True, asked_by=asked_by, verified_by=verified_by
    )
    return Course(request=request, excluded=excluded)


def unverified(asked_by: str) -> Course:
    """A referral that the leader alone decides on."""
    return Course(request=Request(act=Act.PROPOSE_REFERRAL, unit=POLICE, asked_sequence=5, asked_by=asked_by))


def longer(asked_by: str) -> Course:
    """An extension that was asked for."""
    request = Request(act=Act.REQUEST_EXTENSION, purpose=Purpose.HANDLE, amount=3, asked_sequence=5, asked_by=asked_by)
    return Course(request=request)


CONDITIONS: list[tuple[Act, Stage, dict[str, object], str]] = [
    (Act.REQUEST_RETURN, Stage.SIGNED, {"course": Course(designated=True)}, judge.DESIGNATED),
    (Act.RECALL, Stage.SIGNED, {"course": Course(designated=True)}, judge.DESIGNATED),
    (Act.TRANSFER, Stage.SIGNED, {"course": Course(designated=True)}, judge.DESIGNATED),
    (Act.REQUEST_RETURN, Stage.SIGNED, {"clocks": ()}, judge.RETURN_CLOSED),
    (Act.TRANSFER, Stage.HANDLING, {"course": Course(passed=(HEALTH.unit_id,))}, judge.PASSED_BEFORE),
    (Act.GRANT_EXTENSION, Stage.HANDLING, {"course": Course()}, judge.NO_REQUEST),
    (Act.DENY_EXTENSION, Stage.HANDLING, {"course": Course()}, judge.NO_REQUEST),
    (Act.APPROVE_REFERRAL, Stage.HANDLING, {"course": Course()}, judge.NO_REQUEST),
    (Act.VERIFY_REFERRAL, Stage.HANDLING, {"course": Course()}, judge.NO_REQUEST),
    (Act.VERIFY_REFERRAL, Stage.HANDLING, {"course": proposed(verified_by="officer-2")}, judge.ALREADY_VERIFIED),
    (Act.VERIFY_REFERRAL, Stage.HANDLING, {"course": proposed(asked_by="officer-1")}, judge.SECOND_OFFICER),
    (Act.APPROVE_REFERRAL, Stage.HANDLING, {"course": proposed()}, judge.NOT_VERIFIED),
    (
        Act.APPROVE_REFERRAL,
        Stage.HANDLING,
        {"course": proposed(verified_by="accused-1", excluded=("accused-1",))},
        judge.NOT_VERIFIED,
    ),
    (
        Act.APPROVE_REFERRAL,
        Stage.HANDLING,
        {"course": proposed("accused-1", verified_by="officer-2", excluded=("accused-1",))},
        judge.ASKER_EXCLUDED,
    ),
    (Act.APPROVE_REFERRAL, Stage.HANDLING, {"course": proposed("leader-1", "officer-2")}, judge.OWN_REQUEST),
    (Act.APPROVE_REFERRAL, Stage.HANDLING, {"course": proposed("officer-9", "leader-1")}, judge.OWN_REQUEST),
    (Act.APPROVE_REFERRAL, Stage.HANDLING, {"course": unverified(asked_by="leader-1")}, judge.OWN_REQUEST),
    (Act.GRANT_EXTENSION, Stage.HANDLING, {"course": longer(asked_by="leader-1")}, judge.OWN_REQUEST),
    (
        Act.LIFT_MAJOR,
        Stage.HANDLING,
        {"course": Course(major=Major(ground="XF-25", reported=True, superior=SUPERIOR))},
        judge.LEADER_LIFTS,
    ),
    (Act.REQUEST_EXTENSION, Stage.HANDLING, {"clocks": ()}, judge.NO_SUCH_CLOCK),
    (Act.SUSPEND_CLOCK, Stage.HANDLING, {"clocks": (running(Purpose.HANDLE, suspended=True),)}, judge.CLOCK_SUSPENDED),
    (Act.RESUME_CLOCK, Stage.HANDLING, {"clocks": (running(Purpose.HANDLE),)}, judge.CLOCK_RUNNING),
    (Act.RECORD_RECEIPT, Stage.REFERRED, {"course": Course(receiver=INSURANCE, received=True)}, judge.ALREADY_RECEIVED),
    (Act.RECORD_DISPOSAL, Stage.REFERRED, {"course": Course(receiver=INSURANCE, disposal="X")}, judge.ALREADY_DISPOSED),
    (Act.REPLY, Stage.REFERRED, {"course": Course(receiver=INSURANCE, received=True)}, judge.NO_DISPOSAL),
    (
        Act.REPLY,
        Stage.HANDLING,
        {"course": Course(supports=(Support(unit=INSURANCE, asked_sequence=3),))},
        judge.SUPPORT_OPEN,
    ),
    (Act.REPLY, Stage.HANDLING, {"course": Course(kind=HandoverKind.ASSIGN)}, "MISSING_NOTE"),
    (
        Act.ADD_SUPPORT,
        Stage.HANDLING,
        {"course": Course(supports=(Support(unit=INSURANCE, asked_sequence=3),))},
        judge.ALREADY_SUPPORT,
    ),
    (Act.RELEASE_SUPPORT, Stage.HANDLING, {"course": Course()}, judge.NO_SUPPORT),
    (Act.LIFT_SUPERVISION, Stage.HANDLING, {"course": Course()}, judge.NOT_SUPERVISED),
    (Act.LIFT_RECUSAL, Stage.HANDLING, {"course": Course()}, judge.NOT_RECUSED),
    (Act.LIFT_RECUSAL, Stage.HANDLING, {"course": Course(recused=("colleague-2",))}, judge.NOT_RECUSED),
    (Act.MARK_URGENT, Stage.HANDLING, {"course": Course(urgent=True)}, judge.ALREADY_URGENT),
    (Act.MARK_MAJOR, Stage.HANDLING, {"course": Course(major=Major(ground="XF-25"))}, judge.ALREADY_MAJOR),
    (Act.REPORT_MAJOR, Stage.HANDLING, {"course": Course()}, judge.NOT_MAJOR),
    (Act.LIFT_MAJOR, Stage.HANDLING, {"course": Course()}, judge.NOT_MAJOR),
    (
        Act.REPORT_MAJOR,
        Stage.HANDLING,
        {"course": Course(major=Major(ground="XF-25", reported=True))},
        judge.ALREADY_REPORTED,
    ),
    (Act.REPLY, Stage.HANDLING, {"course": Course(major=Major(ground="XF-25"))}, judge.MAJOR_UNREPORTED),
    (Act.REJECT, Stage.TRIAGE, {"course": Course(major=Major(ground="XF-25"))}, judge.MAJOR_UNREPORTED),
    (Act.MERGE, Stage.TRIAGE, {"course": Course(major=Major(ground="XF-25"))}, judge.MAJOR_UNREPORTED),
    (Act.SPLIT, Stage.TRIAGE, {"course": Course(split_case=uuid4())}, judge.ALREADY_SPLIT),
    (Act.MERGE, Stage.TRIAGE, {"course": Course(merged_cases=(uuid4(),))}, judge.HAS_MERGED),
]


@pytest.mark.parametrize(("act", "stage", "changes", "code"), CONDITIONS)
def test_an_act_is_refused_where_the_case_is_not_ready_for_it(
    act: Act, stage: Stage, changes: dict[str, object], code: str
) -> None:
    state = in_stage(stage, act=act)
    good = command(state, act)
    assert decide.refusal(state, good) is None
    assert decide.refusal(state.model_copy(update=changes), good) == code


@pytest.mark.parametrize(("bounces", "stage"), [(0, Stage.PENDING_DISPATCH), (1, Stage.ARBITRATION)])
def test_the_second_bounce_goes_to_whoever_designates(bounces: int, stage: Stage) -> None:
    state = in_stage(Stage.RETURN_REQ).model_copy(update={"course": Course(bounces=bounces)})
    effect = decide.effect(state, Act.APPROVE_RETURN)
    assert effect.to is stage
    assert (Purpose.DESIGNATE in effect.starts) == (stage is Stage.ARBITRATION)


def test_what_was_forwarded_is_answered_without_a_review() -> None:
    state = in_stage(Stage.HANDLING).model_copy(update={"course": Course(kind=HandoverKind.FORWARD)})
    effect = decide.effect(state, Act.REPLY)
    assert effect.to is Stage.PENDING_VISIT
    assert Purpose.VISIT in effect.starts
    assert Purpose.HANDLE in effect.stops


@given(st.integers(min_value=0, max_value=20))
def test_only_a_view_between_the_last_change_and_now_is_good(seen: int) -> None:
    state = in_stage(Stage.TRIAGE).model_copy(update={"sequence": 12, "changed_sequence": 9})
    refusal = decide.refusal(state, command(state, Act.ACCEPT, expected_sequence=seen))
    assert refusal == (None if 9 <= seen <= 12 else judge.STALE)


def test_a_report_stays_at_its_desk_until_it_is_linked() -> None:
    state = in_stage(Stage.TRIAGE, Track.INTEGRITY).model_copy(update={"linked": False})
    assert decide.refusal(state, command(state, Act.ACCEPT)) == judge.NOT_LINKED


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
        # A merged case ends with its main one, or an officer takes it out again.
        if stage not in FINAL and stage not in (Stage.SUBMITTED, Stage.MERGED):
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
    stopped = {purpose for rule in RULES for purpose in rule.stops} | {Purpose.SILENCE, Purpose.VISIT, Purpose.SUPPORT}
    assert stopped == set(Purpose)
    assert Stage.CLOSED in ENDED


def test_the_second_officer_is_another_one_beside_who_has_the_task() -> None:
    state = in_stage(Stage.HANDLING, act=Act.VERIFY_REFERRAL)
    for assignee in (None, "officer-9"):
        assert state.task is not None
        held = state.model_copy(update={"task": state.task.model_copy(update={"assignee": assignee})})
        second = command(held, Act.VERIFY_REFERRAL)
        assert decide.refusal(held, second) is None
        task = decide.task_after(held, second, 8)
        assert task is not None
        assert task.assignee == assignee, "the task stays whose it is"
    of_the_desk = second.model_copy(update={"actor": officer(DESK, Role.DISPATCHER)})
    assert decide.refusal(state, of_the_desk) is None


@pytest.mark.parametrize("stage", RULE[Act.LIFT_MAJOR].stages)
@pytest.mark.parametrize("role", RULE[Act.LIFT_MAJOR].roles)
def test_the_mark_of_a_clue_that_was_reported_is_for_a_leader_of_the_holder_to_lift(stage: Stage, role: Role) -> None:
    state = in_stage(stage, act=Act.LIFT_MAJOR)
    reported = Course(major=Major(ground="XF-25", reported=True, superior=SUPERIOR))
    at = HEALTH if role in ROLES_AT[Seat.HOLDER] else DESK
    lift = command(state, Act.LIFT_MAJOR).model_copy(update={"actor": officer(at, role)})
    assert decide.refusal(state, lift) is None, "before the report whoever marks may also take the mark away"
    after = state.model_copy(update={"course": state.course.model_copy(update={"major": reported.major})})
    assert decide.refusal(after, lift) == (None if role is Role.LEADER else judge.LEADER_LIFTS)


def test_a_leader_of_the_desk_does_not_lift_what_the_holder_reported() -> None:
    reported = Course(major=Major(ground="XF-25", reported=True, superior=SUPERIOR))
    state = in_stage(Stage.HANDLING, act=Act.LIFT_MAJOR).model_copy(update={"course": reported})
    clerk = officer(DESK, Role.CLERK, Role.LEADER)
    lift = command(state, Act.LIFT_MAJOR).model_copy(update={"actor": clerk})
    assert decide.refusal(state, lift) == judge.LEADER_LIFTS


@pytest.mark.parametrize(
    ("asked_by", "verified_by", "then"),
    [
        ("a", None, ("a", "c")),
        ("a", "accused", ("a", "c")),
        ("accused", "b", ("b", "c")),
        ("accused", None, ("c", None)),
        ("accused", "accused-too", ("c", "accused-too")),
    ],
)
def test_two_officers_who_may_act_stand_for_a_suspected_crime(
    asked_by: str, verified_by: str | None, then: tuple[str, str | None]
) -> None:
    course = proposed(asked_by, verified_by, excluded=("accused", "accused-too"))
    assert course.unverified()
    state = in_stage(Stage.HANDLING).model_copy(update={"course": course})
    for same in course.vouching():
        again = command(state, Act.VERIFY_REFERRAL, account=same)
        assert decide.refusal(state, again) == judge.SECOND_OFFICER
    assert decide.refusal(state, command(state, Act.VERIFY_REFERRAL, account="c")) is None
    request = course.vouched("c")
    assert request is not None
    assert (request.asked_by, request.verified_by) == then
    both = not course.model_copy(update={"request": request}).unverified()
    assert both is (len(course.vouching()) == 1)
    starts = decide.effect(state, Act.VERIFY_REFERRAL).starts
    assert (Purpose.DECIDE_REFERRAL in starts) is both, "the leader's days run from the report of both"


def test_the_leader_is_asked_when_the_second_officer_has_confirmed() -> None:
    for verified_by, kind, role in ((None, TaskKind.VERIFY, Role.HANDLER), ("b", TaskKind.APPROVE, Role.LEADER)):
        (task,) = judge.tasks_beside(proposed(verified_by=verified_by), HEALTH)
        assert (task.kind, task.role, task.unit_id) == (kind, role, HEALTH.unit_id)


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
