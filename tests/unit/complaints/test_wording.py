"""What reporters read: every step they may know of has words in both languages, and a deadline is the day it ends."""

from datetime import UTC, datetime

import pytest

from contracts.cases import Outcome
from contracts.lifecycle import TOLD_TO_REPORTER, Act, Purpose, Stage
from contracts.reference import refusals
from contracts.terms import STAGE_ZH
from services.complaints.wording import STAGE_EN, Step, by_when, entry_text, outcome_name, stage_name

MIDNIGHT = datetime(2026, 9, 25, 16, 0, tzinfo=UTC)
"""00:00 in Beijing on the 26th, that is 24:00 of the 25th."""


def step(act: Act, to_stage: Stage = Stage.HANDLING, **fields: object) -> Step:
    return Step(act=act, to_stage=to_stage, desk="云川市受理台", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("act", sorted(TOLD_TO_REPORTER))
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_told_step_has_words(act: Act, lang: str) -> None:
    for to_stage in Stage:
        text = entry_text(step(act, to_stage), lang)
        assert text.strip()
        assert "None" not in text
        assert act.value not in text


def test_a_hand_over_says_to_whom_and_by_when() -> None:
    handed = step(Act.DISPATCH, holder="云川市医疗保障局", due_at=MIDNIGHT, purpose=Purpose.HANDLE)
    assert entry_text(handed, "zh") == "已转交云川市医疗保障局,须于2026年9月25日24:00前答复。"
    assert entry_text(handed, "en") == "Handed over to 云川市医疗保障局; the answer is due by 2026-09-25 24:00."


def test_a_period_of_the_reporters_own_that_moved_says_until_when() -> None:
    moved = step(Act.RECOUNT, due_at=MIDNIGHT, purpose=Purpose.SUPPLEMENT)
    assert entry_text(moved, "zh") == "因放假安排调整,请您补充材料的期限改为2026年9月25日24:00。"
    assert entry_text(moved, "en") == "The calendar changed: the time for your additions now ends 2026-09-25 24:00."


def test_a_refusal_names_the_ground_and_the_right_channel() -> None:
    for code, refusal in refusals().items():
        text = entry_text(step(Act.REJECT, Stage.REJECTED, reason_code=code), "zh")
        assert refusal.name_zh in text
        assert refusal.channel_zh in text
    assert entry_text(step(Act.REJECT, Stage.REJECTED, reason_code="R99"), "zh") == "不予受理。"


def test_another_desk_s_clock_is_not_given_as_the_answer_s() -> None:
    text = entry_text(step(Act.REVIEW_PASS, due_at=MIDNIGHT, purpose=Purpose.VISIT, outcome=Outcome.EXPLAINED), "zh")
    assert text == "已答复(解释说明),请查看答复并评价。"


def test_midnight_is_the_end_of_the_day_before() -> None:
    assert by_when(MIDNIGHT, "zh") == "2026年9月25日24:00"
    assert by_when(MIDNIGHT, "en", provisional=True) == "2026-09-25 24:00 (provisional)"
    assert by_when(datetime(2026, 9, 25, 2, 5, tzinfo=UTC), "zh") == "2026年9月25日10:05"


def test_stages_and_outcomes_have_names() -> None:
    assert set(STAGE_EN) == set(STAGE_ZH) == set(Stage)
    assert stage_name(Stage.REDO, "zh") == "重办"
    assert {outcome_name(outcome, lang) for outcome in Outcome for lang in ("zh", "en")}.isdisjoint({""})
