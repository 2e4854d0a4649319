"""The demonstration's scripts fit the table of acts, the units and the API before anything is started."""

from typing import Any
from uuid import UUID

import pytest

from contracts.lifecycle import RULE, Act, Party
from deploy.demo.plan import NOTE, Sample, Say, Script, Step, samples
from deploy.demo.prepare import accounts, units
from services.referrals.api.acts import ActRequest
from services.referrals.permissions import refuse_fields

SAMPLES = samples()
UNITS = {unit.unit_id for unit in units()}


def view(stage: str, *done: str, day: int = 1) -> dict[str, Any]:
    timeline = [{"act": act, "at": "2026-10-01T00:00:00Z"} for act in done]
    return {"stage": stage, "linked": True, "redo_count": 0, "timeline": timeline} | {
        "business_time": f"2026-10-{day:02}T00:00:00Z"
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.title)
def test_a_script_holds_what_the_api_takes(sample: Sample) -> None:
    named = {step.fields[field] for step in sample.steps for field in ("unit_id",) if field in step.fields}
    assert named | ({sample.to} if sample.to else set()) <= UNITS
    for step in sample.steps:
        if RULE[step.act].party is not Party.OFFICER:
            continue
        fields = {"note": NOTE, **step.fields, **({"main_case_id": UUID(int=0)} if step.act is Act.MERGE else {})}
        assert refuse_fields(step.act, fields) is None
        ActRequest(act=step.act, expected_sequence=1, **fields)


def test_nobody_has_an_account_at_a_unit_that_is_not_on_the_system() -> None:
    off = {unit.unit_id for unit in units() if not unit.on_system}
    assert off
    assert off.isdisjoint({account.unit_id for account in accounts("password")})


def sample_with(*steps: Step) -> Sample:
    return Sample("", "WEB", "0704", "990100", "", "", "", (), None, to="yb-990100", steps=steps, rating=4)


def test_a_scripted_act_goes_before_the_ordinary_one_and_waits_for_its_day() -> None:
    script = Script(sample_with(Step(Act.SUSPEND_CLOCK, after=3)))
    assert script.next_move(view("TRIAGE", "REGISTER")) == Step(Act.ACCEPT)
    assert script.next_move(view("HANDLING", "BEGIN", day=2)) is None
    suspended = script.next_move(view("HANDLING", "BEGIN", day=4))
    assert suspended == Step(Act.SUSPEND_CLOCK, {"note": NOTE}, after=3)
    assert isinstance(suspended, Step)
    script.done(suspended)
    reply = script.next_move(view("HANDLING", "SUSPEND_CLOCK"))
    assert isinstance(reply, Step)
    assert reply.act is Act.REPLY


def test_what_a_clock_does_is_waited_for() -> None:
    script = Script(sample_with(Step(Act.SIGN_LAPSED)))
    assert script.next_move(view("DISPATCHED", "DISPATCH")) is None
    assert script.next_move(view("SIGNED", "SIGN_LAPSED")) == Step(Act.BEGIN)


def test_who_comes_too_late_to_return_a_case_has_it_dispatched_anew() -> None:
    script = Script(sample_with(Step(Act.DISPATCH), Step(Act.REQUEST_RETURN)))
    script.done(Step(Act.DISPATCH))
    recall = script.next_move(view("SIGNED", "DISPATCH", "RETURN_LAPSED"))
    assert isinstance(recall, Step)
    assert recall.act is Act.RECALL
    script.done(recall)
    assert script.next_move(view("PENDING_DISPATCH", "DISPATCH", "RETURN_LAPSED", "RECALL")) == Step(Act.DISPATCH)


def test_the_reporter_rates_the_answer() -> None:
    assert Script(sample_with()).next_move(view("PENDING_VISIT", "REVIEW_PASS")) == Say("rating", 4)
