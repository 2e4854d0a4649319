"""Recusal 回避 (信访工作条例 art. 28): who keeps away has no part any more, and another decides for a leader."""

from typing import Any
from uuid import UUID, uuid4

from contracts import judge
from contracts.lifecycle import Act, Role, TaskKind, Track
from contracts.messages import Actor, Command
from services.referrals import openings
from tests.unit.test_parts import HOSPITAL, INSURANCE, act, life, to
from tests.unit.world import OFFICERS, World
from tests.workflow.office import document


def officer(account_id: str) -> Actor:
    return next(it for it in OFFICERS if it.account_id == account_id)


def command(world: World, case_id: UUID, who: Actor, wanted: Act, **fields: Any) -> Command:
    sequence = world.cases[case_id].sequence
    return Command(command_id=uuid4(), act=wanted, actor=who, expected_sequence=sequence, **fields)


def test_who_keeps_away_does_nothing_in_the_case_and_gets_no_task() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL)
    clerk = officer("desk-a-1")
    assert world.does(case_id, command(world, case_id, clerk, Act.CLAIM)) is None
    assert world.does(case_id, command(world, case_id, clerk, Act.RECUSE, reason_code="INTEREST")) is None
    state = world.cases[case_id]
    assert state.course.recused == ("desk-a-1",)
    assert state.task is not None
    assert (state.task.unit_id, state.task.assignee) == ("desk-a", None), "back in the unit's queue"
    assert judge.refusal(Act.CLAIM, clerk, state) == judge.EXCLUDED
    assert judge.legal(clerk, state) == ()
    other = command(world, case_id, officer("desk-a-2"), Act.REASSIGN, assignee="desk-a-1")
    assert world.does(case_id, other) == judge.ASSIGNEE_EXCLUDED


def test_a_correction_of_the_accused_lets_nobody_back_in() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL)
    assert act(world, case_id, Act.ORDER_RECUSAL, assignee="desk-a-1", reason_code="RELATIVE") is None
    assert act(world, case_id, Act.CORRECT_RESPONDENTS, respondent_accounts=()) is None
    assert world.cases[case_id].course.barred == ("desk-a-1",)


def test_the_desk_decides_for_a_leader_who_keeps_away() -> None:
    world = World()
    case_id, _ = life(
        world, Track.INTEGRITY, HOSPITAL, Act.ACCEPT, to("yb-a"), Act.SIGN, category=INSURANCE
    )  # fmt: skip
    leader = officer("yb-a-3")
    assert world.does(case_id, command(world, case_id, leader, Act.RECUSE, reason_code="RELATIVE")) is None
    assert act(world, case_id, Act.PROPOSE_REFERRAL, unit_id="jj-a") is None
    state = world.cases[case_id]
    assert state.desk is not None
    (task,) = judge.tasks_beside(state.course, state.holder, state.desk)
    assert (task.kind, task.unit_id, task.role) == (TaskKind.APPROVE, state.desk.unit_id, Role.SUPERVISOR)
    assert judge.refusal(Act.APPROVE_REFERRAL, leader, state) == judge.EXCLUDED
    colleague = leader.model_copy(update={"account_id": "yb-a-4"})
    assert judge.refusal(Act.APPROVE_REFERRAL, colleague, state) == judge.NOT_YOUR_UNIT
    supervisor = officer(f"{state.desk.unit_id}-1").model_copy(update={"roles": (Role.SUPERVISOR,)})
    assert judge.refusal(Act.APPROVE_REFERRAL, supervisor, state) is None
    clerk = supervisor.model_copy(update={"roles": (Role.CLERK,)})
    assert judge.refusal(Act.APPROVE_REFERRAL, clerk, state) == judge.NOT_YOUR_ROLE


def test_a_recusal_that_is_lifted_lets_the_officer_act_again_and_nobody_lifts_his_own() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL)
    clerk, note = officer("desk-a-1"), document()
    assert act(world, case_id, Act.ORDER_RECUSAL, assignee="desk-a-1", reason_code="RELATIVE") is None
    own = clerk.model_copy(update={"roles": (Role.SUPERVISOR, Role.LEADER)})
    lift = {"assignee": "desk-a-1", "note": note}
    assert world.does(case_id, command(world, case_id, own, Act.LIFT_RECUSAL, **lift)) == judge.EXCLUDED
    other = command(world, case_id, officer("desk-a-2"), Act.LIFT_RECUSAL, assignee="desk-a-2", note=note)
    assert world.does(case_id, other) == judge.NOT_RECUSED
    assert act(world, case_id, Act.LIFT_RECUSAL, assignee="desk-a-1", note=None) == "MISSING_NOTE"
    assert act(world, case_id, Act.LIFT_RECUSAL, **lift) is None
    state = world.cases[case_id]
    assert state.course.recused == ()
    assert judge.refusal(Act.CLAIM, clerk, state) is None


def test_who_is_accused_besides_stays_out_when_the_recusal_is_lifted() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL)
    assert act(world, case_id, Act.ORDER_RECUSAL, assignee="desk-a-1", reason_code="RELATIVE") is None
    assert act(world, case_id, Act.LINK_PERSONS, respondent_accounts=("desk-a-1",)) is None
    assert act(world, case_id, Act.LIFT_RECUSAL, assignee="desk-a-1", note=document()) is None
    assert world.cases[case_id].course.barred == ("desk-a-1",)


def test_a_leader_who_is_let_back_decides_again() -> None:
    world = World()
    case_id, _ = life(world, Track.INTEGRITY, HOSPITAL, Act.ACCEPT, to("yb-a"), Act.SIGN, category=INSURANCE)
    leader = officer("yb-a-3")
    assert world.does(case_id, command(world, case_id, leader, Act.RECUSE, reason_code="RELATIVE")) is None
    assert act(world, case_id, Act.PROPOSE_REFERRAL, unit_id="jj-a") is None
    desk = world.cases[case_id].desk
    assert desk is not None
    supervisor = officer(f"{desk.unit_id}-1").model_copy(update={"roles": (Role.SUPERVISOR,)})
    lift = {"assignee": leader.account_id, "unit_id": "yb-a", "note": document()}
    assert world.does(case_id, command(world, case_id, supervisor, Act.LIFT_RECUSAL, **lift)) is None
    state = world.cases[case_id]
    assert (state.course.recused, state.course.leaderless) == ((), ())
    assert judge.refusal(Act.APPROVE_REFERRAL, leader, state) is None
    (task,) = judge.tasks_beside(state.course, state.holder, state.desk)
    assert (task.unit_id, task.role) == ("yb-a", Role.LEADER)


def test_the_desk_decides_on_an_identity_for_a_leader_who_keeps_away() -> None:
    world = World()
    case_id, state = life(world, Track.GENERAL, Act.ACCEPT, to("wj-a"), Act.SIGN)
    assert openings.deciding(state, "wj-a", ("wj-a",), ()) == "wj-a"
    recusing = command(world, case_id, officer("wj-a-3"), Act.RECUSE, reason_code="RELATIVE")
    assert world.does(case_id, recusing) is None
    assert openings.deciding(world.cases[case_id], "wj-a", ("wj-a",), ()) == "desk-a"


def test_who_keeps_away_without_leading_leaves_the_decisions_where_they_are() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL, Act.ACCEPT, to("wj-a"), Act.SIGN)
    handler = officer("wj-a-1").model_copy(update={"roles": (Role.HANDLER,)})
    assert world.does(case_id, command(world, case_id, handler, Act.RECUSE, reason_code="WITNESS")) is None
    assert world.cases[case_id].course.leaderless == ()


def test_only_who_leads_or_supervises_a_part_of_the_case_orders_it() -> None:
    world = World()
    case_id, _ = life(world, Track.GENERAL, Act.ACCEPT, to("wj-a"), Act.SIGN)
    state = world.cases[case_id]
    for roles, unit, refused in (
        ((Role.LEADER,), "wj-a", None),
        ((Role.SUPERVISOR,), "desk-a", None),
        ((Role.HANDLER,), "wj-a", judge.NOT_YOUR_ROLE),
        ((Role.LEADER,), "yb-a", judge.NOT_YOUR_UNIT),
    ):
        who = officer("wj-a-3").model_copy(update={"roles": roles, "unit_id": unit, "account_id": "somebody"})
        assert judge.refusal(Act.ORDER_RECUSAL, who, state) == refused
