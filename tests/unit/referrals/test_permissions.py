"""What an officer is offered: legal acts with their fields; every refusal has its words."""

import inspect

import pytest

from contracts import judge
from contracts.course import Course
from contracts.lifecycle import DUTY, RULE, Act, Field, HandoverKind, Role, Stage, Track
from contracts.messages import CaseState
from services.referrals import permissions
from services.referrals.domain import Refusal
from services.referrals.permissions import Officer
from services.referrals.refusals import TEXTS, own_code
from tests.workflow.office import DESK, HEALTH, INSURANCE, furnished, new_case
from workflows import decide


def case(stage: Stage, track: Track = Track.GENERAL, **changes: object) -> CaseState:
    state = new_case(track).model_copy(
        update={"stage": stage, "sequence": 5, "changed_sequence": 5, "desk": DESK, "holder": HEALTH, "linked": True}
    )
    state = furnished(state, Act.CLAIM)
    return state.model_copy(update={"task": decide.task_after(state, None, 5), **changes})


def officer(unit: str, *roles: Role) -> Officer:
    return Officer("me", unit, frozenset(roles))


def claimed_by(account: str, state: CaseState) -> CaseState:
    assert state.task is not None
    return state.model_copy(update={"task": state.task.model_copy(update={"assignee": account})})


def offered(who: Officer, state: CaseState) -> set[str]:
    return {act["act"] for act in permissions.legal_acts(who, state)}


def test_a_task_that_somebody_else_claimed_is_not_yours() -> None:
    state = claimed_by("other", case(Stage.TRIAGE))
    clerk = officer(DESK.unit_id, Role.CLERK)
    assert judge.refusal(Act.ACCEPT, clerk, state) == judge.NOT_YOURS
    assert judge.refusal(Act.CLAIM, clerk, state) == judge.NOT_YOURS
    assert [legal["act"] for legal in permissions.legal_acts(clerk, state)] == [Act.RECUSE], "that he always may"


def test_a_leader_decides_though_the_handler_holds_the_task() -> None:
    state = claimed_by("handler", furnished(case(Stage.HANDLING), Act.GRANT_EXTENSION))
    assert judge.refusal(Act.GRANT_EXTENSION, officer(HEALTH.unit_id, Role.LEADER), state) is None


def test_an_unclaimed_task_may_be_acted_on_directly() -> None:
    assert judge.refusal(Act.ACCEPT, officer(DESK.unit_id, Role.CLERK), case(Stage.TRIAGE)) is None


@pytest.mark.parametrize("stage", DUTY)
def test_the_right_role_in_the_wrong_unit_may_nothing_but_keep_away(stage: Stage) -> None:
    stranger = officer(INSURANCE.unit_id, *set(Role) - {Role.SUPERVISOR})
    assert {legal["act"] for legal in permissions.legal_acts(stranger, case(stage))} <= {Act.RECUSE}


def test_a_supervisor_may_urge_and_supervise_wherever_the_case_is_in_work() -> None:
    assert offered(officer(INSURANCE.unit_id, Role.SUPERVISOR), case(Stage.HANDLING)) == {
        "URGE",
        "SUPERVISE",
        "RECUSE",
    }


def test_a_desk_with_handlers_does_not_do_the_holders_work() -> None:
    assert offered(officer(DESK.unit_id, Role.HANDLER), case(Stage.HANDLING)) == {"RECUSE"}


def test_a_report_is_linked_before_it_is_accepted() -> None:
    state = case(Stage.TRIAGE, Track.INTEGRITY, linked=False)
    clerk = officer(DESK.unit_id, Role.CLERK)
    assert judge.refusal(Act.ACCEPT, clerk, state) == judge.NOT_LINKED
    assert judge.refusal(Act.LINK_RESPONDENTS, clerk, state) is None


@pytest.mark.parametrize(("seen", "stale"), [(2, True), (3, False), (5, False), (6, True)])
def test_only_steps_that_change_the_view_make_it_stale(seen: int, stale: bool) -> None:
    assert judge.is_stale(case(Stage.HANDLING, changed_sequence=3), seen) is stale


def test_an_act_brings_what_it_needs_and_nothing_else() -> None:
    assert permissions.refuse_fields(Act.REJECT, []) == ("MISSING_REASON_CODE", "reason_code")
    assert permissions.refuse_fields(Act.REPLY, ["public_reply"]) == ("MISSING_OUTCOME", "outcome")
    assert permissions.refuse_fields(Act.ACCEPT, ["unit_id"]) == ("UNEXPECTED_FIELD", "unit_id")
    assert permissions.refuse_fields(Act.ACCEPT, ["note"]) is None
    assert permissions.refuse_fields(Act.DISPATCH, ["unit_id", "kind", "ground"]) is None
    assert permissions.refuse_fields(Act.RECORD_VISIT, ["satisfaction"]) is None
    assert permissions.refuse_fields(Act.RECORD_VISIT, []) is None


def test_an_assigned_case_owes_a_closing_report_with_the_reply() -> None:
    handler = officer(HEALTH.unit_id, Role.HANDLER)
    for kind, owed in ((HandoverKind.ASSIGN, True), (HandoverKind.DISPATCH, False)):
        state = case(Stage.HANDLING, course=Course(kind=kind))
        reply = next(act for act in permissions.legal_acts(handler, state) if act["act"] == Act.REPLY)
        assert (Field.NOTE in reply["needs"], Field.NOTE in reply["may"]) == (owed, not owed)
        given = [Field.PUBLIC_REPLY, Field.OUTCOME]
        missing = ("MISSING_NOTE", "note") if owed else None
        assert permissions.refuse_fields(Act.REPLY, given, judge.needs(Act.REPLY, state)) == missing


def test_every_refusal_has_words_in_both_languages() -> None:
    codes = {code.value for code in Refusal}
    codes |= {f"MISSING_{need.value.upper()}" for rule in RULE.values() for need in rule.needs}
    codes |= {value for name, value in inspect.getmembers(judge) if name.isupper() and name == value}
    assert len(codes) > 50
    assert codes <= TEXTS.keys(), codes - TEXTS.keys()
    for code, text in TEXTS.items():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), code
        assert text.en.isascii() or "条例 art." in text.en, code
        assert len(text.zh) >= 8, code
        assert len(text.en) >= 20, code
        assert 400 <= text.status < 600, code


def test_the_workflows_codes_are_known_here() -> None:
    assert {own_code(f"MISSING_{field.value.upper()}") for field in Field} <= TEXTS.keys()
    assert own_code("something new") == "ILLEGAL_ACT"
