"""What people send: cleaned where that is harmless, refused with a rule where it is not, and never shown back."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.chassis.problems import validation_problem
from services.complaints.schemas import PlatformOrder, Submission

FORM = {"category": "0801", "region": "330106", "narrative": "收红包"}


def rules(**changes: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        Submission.model_validate({**FORM, **changes})
    return [error["type"] for error in refused.value.errors()]


def test_a_form_s_empty_fields_are_absent() -> None:
    form = Submission.model_validate({**FORM, "wants": "  ", "reporter": {"name": "", "email": " a@example.org "}})
    assert form.wants is None
    assert form.reporter is not None
    assert (form.reporter.name, form.reporter.email) == (None, "a@example.org")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"narrative": "a\x00b"}, "nul_character"),
        ({"narrative": "\ud800"}, "string_unicode"),
        ({"respondents": ["科\x00室"]}, "nul_character"),
        ({"reporter": {"name": "张\x00三"}}, "nul_character"),
        ({"narrative": " \n "}, "string_too_short"),
        ({"narrative": "长" * 20_001}, "string_too_long"),
        ({"respondents": ["x"] * 21}, "too_long"),
        ({"region": "33010"}, "string_pattern_mismatch"),
        ({"reporter": {"email": "a@b\r\nBcc: c@d.example"}}, "string_pattern_mismatch"),
        ({"reporter": {"phone": "call me"}}, "string_pattern_mismatch"),
        ({"ways": ["PIGEON"]}, "enum"),
        ({"surprise": 1}, "extra_forbidden"),
    ],
)
def test_what_does_not_fit_is_refused_by_rule(changes: dict[str, Any], rule: str) -> None:
    assert rule in rules(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"narrative": "CANARY\x00"},
        {"reporter": {"phone": "CANARY"}},
        {"CANARY": "CANARY"},
        {"category": "CANARY"},
        {"ways": ["CANARY"]},
        {"narrative": {"CANARY": 1}},
    ],
)
def test_no_refusal_shows_what_was_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Submission.model_validate({**FORM, **changes})
    problem = validation_problem(refused.value.errors())
    shown = json.dumps([problem.zh, problem.en, problem.ext], ensure_ascii=False, default=str)
    assert "CANARY" not in shown


def test_a_platform_s_further_fields_are_ignored() -> None:
    order = PlatformOrder.model_validate(
        {"workordercode": "GD-1", "workordercontent": "内容", "area": "330106", "category": "0802", "state": 1}
    )
    submission = order.submission()
    assert (submission.external_order, submission.region, submission.narrative) == ("GD-1", "330106", "内容")
