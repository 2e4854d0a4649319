"""Who may act: the API's answer agrees with the workflow's in every situation, and every refusal has its words."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.cases import DocumentRef, Outcome, UnitRef
from contracts.lifecycle import DUTY, RULE, RULES, Act, Channel, Field, Party, Role, Stage, Track
from contracts.messages import Actor, CaseFacts, CaseState, Command, Task
from services.referrals import permissions
from services.referrals.domain import Refusal
from services.referrals.permissions import Officer, OpenTask, Standing
from services.referrals.refusals import TEXTS, own_code
from workflows import decide

UNITS = ("desk", "wj", "elsewhere")


def standing(stage: Stage, **changes: object) -> Standing:
    values: dict[str, object] = {
        "stage": stage, "track": Track.GENERAL, "sequence": 5, "changed_sequence": 5, "desk": "desk", "holder": "wj",
        "task": None, "respondent_count": 1, "linked": True,
    }  # fmt: skip
    if stage in DUTY:
        duty = DUTY[stage]
        values["task"] = OpenTask("desk" if duty.seat == "DESK" else "wj", duty.role, None)
    return Standing(**{**values, **changes})  # type: ignore[arg-type]


def officer(unit: str, *roles: Role) -> Officer:
    return Officer("me", unit, frozenset(roles))


@given(
    act=st.sampled_from([rule.act for rule in RULES if rule.party is Party.OFFICER]),
    stage=st.sampled_from(list(Stage)),
    unit=st.sampled_from(UNITS),
    roles=st.frozensets(st.sampled_from(list(Role))),
    assignee=st.sampled_from([None, "me", "other"]),
    has_task=st.booleans(),
    track=st.sampled_from(list(Track)),
    linked=st.booleans(),
    respondents=st.integers(0, 2),
)
def test_the_api_and_the_workflow_judge_alike(
    act: Act,
    stage: Stage,
    unit: str,
    roles: frozenset[Role],
    assignee: str | None,
    has_task: bool,
    track: Track,
    linked: bool,
    respondents: int,
) -> None:
    task = None
    if has_task and stage in DUTY:
        place = "desk" if DUTY[stage].seat == "DESK" else "wj"
        task = Task(kind=DUTY[stage].kind, unit_id=place, role=DUTY[stage].role, assignee=assignee, opened_sequence=1)
    facts = CaseFacts(
        case_id=uuid4(), case_number="N", complaint_ids=(uuid4(),), channel=Channel.WEB, track=track, category="0801",
        region="370100", named=True, respondent_count=respondents, submitted_at=datetime.now(UTC),
    )  # fmt: skip
    state = CaseState(
        facts=facts,
        sequence=5,
        changed_sequence=3,
        stage=stage,
        desk=UnitRef(unit_id="desk", name="d", region="370100"),
        holder=UnitRef(unit_id="wj", name="w", region="370100"),
        task=task,
        linked=linked,
    )
    text = DocumentRef(document_id=uuid4(), sha256="0" * 64)
    command = Command(
        command_id=uuid4(),
        act=act,
        actor=Actor(party=Party.OFFICER, account_id="me", unit_id=unit, roles=tuple(roles)),
        expected_sequence=4,
        unit_id="x",
        respondent_units=("x",),
        reason_code="R01",
        note=text,
        public_reply=text,
        outcome=Outcome.EXPLAINED,
        satisfaction=3,
    )
    case = standing(
        stage,
        track=track,
        task=OpenTask(task.unit_id, task.role, task.assignee) if task else None,
        linked=linked,
        respondent_count=respondents,
    )
    theirs = decide.refusal(state, command)
    assert permissions.refuse(act, officer(unit, *roles), case) == (own_code(theirs) if theirs else None)


def test_a_task_that_somebody_else_claimed_is_not_yours() -> None:
    case = standing(Stage.TRIAGE, task=OpenTask("desk", Role.CLERK, "other"))
    clerk = officer("desk", Role.CLERK)
    assert permissions.refuse(Act.ACCEPT, clerk, case) == "NOT_YOURS"
    assert permissions.refuse(Act.CLAIM, clerk, case) == "NOT_YOURS"
    assert permissions.legal_acts(clerk, case) == []


def test_an_unclaimed_task_may_be_acted_on_directly() -> None:
    assert permissions.refuse(Act.ACCEPT, officer("desk", Role.CLERK), standing(Stage.TRIAGE)) is None


def test_the_right_role_in_the_wrong_unit_may_nothing() -> None:
    for stage in DUTY:
        assert permissions.legal_acts(officer("elsewhere", *set(Role) - {Role.SUPERVISOR}), standing(stage)) == []


def test_a_supervisor_may_urge_wherever_the_case_is_in_work() -> None:
    acts = [
        act["act"] for act in permissions.legal_acts(officer("elsewhere", Role.SUPERVISOR), standing(Stage.HANDLING))
    ]
    assert acts == ["URGE"]


def test_a_report_is_linked_before_it_is_accepted() -> None:
    case = standing(Stage.TRIAGE, track=Track.INTEGRITY, linked=False)
    clerk = officer("desk", Role.CLERK)
    assert permissions.refuse(Act.ACCEPT, clerk, case) == "NOT_LINKED"
    assert permissions.refuse(Act.LINK_RESPONDENTS, clerk, case) is None


@pytest.mark.parametrize(("seen", "stale"), [(2, True), (3, False), (5, False), (6, True)])
def test_only_steps_that_change_the_view_make_it_stale(seen: int, stale: bool) -> None:
    assert permissions.is_stale(standing(Stage.HANDLING, changed_sequence=3), seen) is stale


def test_an_act_brings_what_it_needs_and_nothing_else() -> None:
    assert permissions.refuse_fields(Act.REJECT, []) == ("MISSING_REASON_CODE", "reason_code")
    assert permissions.refuse_fields(Act.REPLY, ["public_reply"]) == ("MISSING_OUTCOME", "outcome")
    assert permissions.refuse_fields(Act.ACCEPT, ["unit_id"]) == ("UNEXPECTED_FIELD", "unit_id")
    assert permissions.refuse_fields(Act.ACCEPT, ["note"]) is None
    assert permissions.refuse_fields(Act.RECORD_VISIT, ["satisfaction"]) is None
    assert permissions.refuse_fields(Act.RECORD_VISIT, []) is None


def test_every_refusal_has_words_in_both_languages() -> None:
    codes = {code.value for code in Refusal}
    codes |= {f"MISSING_{need.value.upper()}" for rule in RULE.values() for need in rule.needs}
    codes |= {
        own_code(getattr(decide, name))
        for name in (
            "NO_SUCH_STEP",
            "NOT_YOUR_UNIT",
            "NOT_YOUR_ROLE",
            "NOT_YOURS",
            "ALREADY_YOURS",
            "STALE_VIEW",
            "NOT_LINKED",
        )
    }
    assert codes <= TEXTS.keys()
    for code, text in TEXTS.items():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), code
        assert text.en.isascii() or "信访工作条例" in text.en, code
        assert len(text.zh) >= 8, code
        assert len(text.en) >= 20, code
        assert 400 <= text.status < 600, code


def test_the_workflows_codes_are_known_here() -> None:
    assert own_code("NOT_LEGAL_NOW") == "ILLEGAL_ACT"
    assert {own_code(f"MISSING_{field.name}") for field in Field} <= TEXTS.keys()
    assert own_code("something new") == "ILLEGAL_ACT"
