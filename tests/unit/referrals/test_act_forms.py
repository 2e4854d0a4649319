"""Every act of the table has a form: words in both languages, a way to fill in each field, effects on the clocks."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from contracts.cases import Deadline, UnitRef
from contracts.lifecycle import (
    RULES,
    Act,
    Field,
    HandoverKind,
    Party,
    Purpose,
    Role,
    Stage,
    Supervision,
    TaskKind,
    Track,
)
from contracts.messages import CaseFacts
from services.chassis.problems import Lang
from services.referrals.domain import Level, Refusal, Unit, UnitKind
from services.referrals.handovers import Candidate, Permit
from services.referrals.service.foreseeing import ClockForeseen
from services.referrals.views import CaseSummary, ClockView, LegalAct
from services.referrals.watch import Watch
from services.referrals.web import words as terms
from services.referrals.web.forms import SHOWN, Choices, Option, Widget, foreseen, form
from services.referrals.web.words import Words

ZH, EN = Words("zh"), Words("en")
OFFICERS = [rule for rule in RULES if rule.party is Party.OFFICER]


def unit(unit_id: str) -> Unit:
    return Unit(unit_id, f"单位{unit_id}", Level.CITY, UnitKind.DEPARTMENT, "370100", (unit_id,), "WJ")


def clock(purpose: Purpose, *, suspended: bool = False) -> ClockView:
    at = "2026-11-22T00:00:00Z"
    return ClockView(
        purpose=purpose, clock_id="XF-DONE", article="34", started_at=at, due_at=at, due_soon_at=at,
        due="2026-11-21 24:00", lamp="NORMAL", suspended=suspended, provisional=False, calendar_version="cn-1",
    )  # fmt: skip


def deadline(due_at: datetime) -> Deadline:
    return Deadline(
        purpose=Purpose.ACKNOWLEDGE, clock_id="XF-ACK", article="23", started_at=due_at - timedelta(days=15),
        due_at=due_at, due_soon_at=due_at, provisional=False, calendar_version="cn-1",
    )  # fmt: skip


def legal(act: Act) -> LegalAct:
    rule = next(rule for rule in RULES if rule.act is act)
    return LegalAct(act=act, name="", needs=[need.value for need in rule.needs], may=["note", *rule.may])


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (terms.STAGE, Stage), (terms.ACT, Act), (terms.PURPOSE, Purpose), (terms.TASK, TaskKind), (terms.ROLE, Role),
        (terms.FIELD, Field), (terms.KIND, HandoverKind), (terms.WATCH, Watch),
        (terms.SUPERVISION, [str(level.value) for level in Supervision if level]),
    ],
)  # fmt: skip
def test_every_term_has_its_words(table: dict[str, terms.Pair], codes: list[str]) -> None:
    for code in codes:
        zh, en = table[code]
        assert zh
        assert en
        assert en != terms.humanized(code) or " " not in en, f"{code} was never given English words"


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("rule", OFFICERS, ids=lambda rule: str(rule.act))
def test_every_act_of_an_officer_has_a_form(rule: object, lang: Lang) -> None:
    act: Act = rule.act  # type: ignore[attr-defined]
    made = form(legal(act), Choices(routes=[Candidate(unit("wj"), (), None)]), Words(lang))
    assert made.name
    names = [field.name for field in made.fields]
    # No unit that may be chosen here takes papers.
    assert sorted(names) == sorted({*legal(act).needs, *legal(act).may} - {"papers"})
    for field in made.fields:
        assert field.label
        assert field.widget is not Widget.LINE or field.name == "main_case_id"
        assert field.required is (field.name in legal(act).needs and field.name != "respondent_units")


def main_case(
    stage: Stage, *, track: Track = Track.GENERAL, restricted: bool = False, redo_count: int = 0
) -> CaseSummary:
    return CaseSummary.model_construct(
        case_id=uuid4(), case_number="HY260918-TEST", facts=CaseFacts.model_construct(track=track, category="0802"),
        stage=stage, desk=UnitRef(unit_id="desk", name="受理台", region="370100"), holder=None, restricted=restricted,
        redo_count=redo_count,
    )  # fmt: skip


def joining_hint(words: Words, *main: CaseSummary) -> str:
    made = form(legal(Act.MERGE), Choices(main=main), words)
    return next(field.hint for field in made.fields if field.name == Field.MAIN_CASE)


def test_joining_to_an_answered_case_says_who_will_read_the_answer() -> None:
    for answered in (main_case(Stage.PENDING_VISIT), main_case(Stage.CLOSED), main_case(Stage.HANDLING, redo_count=1)):
        assert "并入后，该案举报人将看到此前的答复" in joining_hint(ZH, answered)
        assert "this case's reporter will see that answer" in joining_hint(EN, answered)
    for guarded in ({"track": Track.INTEGRITY}, {"restricted": True}):
        answered = main_case(Stage.PENDING_VISIT, **guarded)  # type: ignore[arg-type]
        assert "不向该案举报人显示，须另行答复" in joining_hint(ZH, answered)
        assert "will not see that answer" in joining_hint(EN, answered)
    assert "此前的答复" not in joining_hint(ZH, main_case(Stage.HANDLING))
    assert "主案已答复的" in joining_hint(ZH), "while its number is typed, it is not known which case it is"


def test_the_transfer_dialog_says_where_how_why_not_and_what_becomes_of_the_clocks() -> None:
    permit = Permit(HandoverKind.REFER, True, "职务违法犯罪线索", "监察法")
    choices = Choices(
        routes=[Candidate(unit("jj"), (permit,), None), Candidate(unit("wj"), (), Refusal.ACCUSED)],
        clocks=[clock(Purpose.HANDLE), clock(Purpose.SIGN)],
    )
    made = form(legal(Act.TRANSFER), choices, ZH)
    where = next(field for field in made.fields if field.name == "unit_id")
    assert where.open_options == [Option("jj", "单位jj", "移送（职务违法犯罪线索，须分管领导批准）")]
    assert "第三十条" in where.closed_options[0].refusal
    assert [field.name for field in made.fields if field.required] == ["unit_id", "note"]
    assert made.effects == (
        "停止计时：签收",
        "开始计时：签收、可申请退回",
        "继续计时，期限不变：办结",
        "选“移送”时：办结 重新计时",
    )


def test_a_clock_is_resumed_that_stands_still_and_extended_that_runs() -> None:
    choices = Choices(clocks=[clock(Purpose.HANDLE), clock(Purpose.REDO, suspended=True), clock(Purpose.RETURN)])
    for act, expected in ((Act.RESUME_CLOCK, ["REDO"]), (Act.REQUEST_EXTENSION, ["HANDLE"])):
        made = form(legal(act), choices, ZH)
        purpose = next(field for field in made.fields if field.name == "purpose")
        assert [option.value for option in purpose.options] == expected


def test_what_is_chosen_stays_however_one_searches() -> None:
    choices = Choices(respondents=[unit(f"u{number:03}") for number in range(SHOWN + 20)])
    field = next(found for found in form(legal(Act.LINK_RESPONDENTS), choices, ZH).fields if found.found)
    assert (len(field.shown(()).options), field.shown(()).more) == (SHOWN, 20)
    searched = field.shown(["u059"], "u001")
    assert [option.value for option in searched.options] == ["u059", "u001"]
    assert searched.more == 0


@pytest.mark.parametrize(
    ("act", "told"), [(Act.REQUEST_SUPPLEMENT, True), (Act.GRANT_EXTENSION, True), (Act.SIGN, False)]
)
def test_a_note_says_whether_the_reporter_reads_it(act: Act, told: bool) -> None:
    note = next(field for field in form(legal(act), Choices(), ZH).fields if field.name == "note")
    assert ("原样告知诉求人" in note.hint) is told


def test_a_clock_that_starts_anew_on_the_same_day_is_due_as_before() -> None:
    due = deadline(datetime(2026, 12, 7, 16, tzinfo=UTC))
    later = deadline(datetime(2026, 12, 8, 16, tzinfo=UTC))
    for after, told in ((due, "重新计时，期限仍为 2026-12-07 24:00"), (later, "改为 2026-12-08 24:00")):
        (line,) = foreseen([ClockForeseen(Purpose.ACKNOWLEDGE, "RESTART", due, after)], ZH)
        assert told in line


def test_the_ground_of_a_hand_over_is_chosen_from_those_that_carry_it() -> None:
    def offered(act: Act, *routes: Candidate) -> dict[str, str]:
        made = form(legal(act), Choices(routes=routes), ZH)
        field = next(found for found in made.fields if found.name == "ground")
        assert field.widget is Widget.CHOICE
        return {option.value: option.text for option in field.options}

    police = Unit("ga", "公安局", Level.CITY, UnitKind.DEPARTMENT, "370100", ("ga",), "GA")
    crime = offered(Act.PROPOSE_REFERRAL, Candidate(police, (Permit(HandoverKind.REFER, True, "", ""),), None))
    assert crime["SUSPECTED_CRIME"] == "涉嫌犯罪（行政执法机关移送涉嫌犯罪案件的规定第5条）"
    assert not {"TAX", "XF-22", "NOT_COMPETENT"} & crime.keys()
    assert "NOT_COMPETENT" in offered(Act.REQUEST_RETURN)
    assert "COMPETENCE" not in offered(Act.REQUEST_RETURN)


def test_a_ground_of_before_there_was_a_table_is_shown_as_it_is() -> None:
    assert ZH.ground("OLD-CODE") == "OLD-CODE"
    assert ZH.ground("EXPERTISE") == "检测、检验、鉴定"
    assert EN.ground("NOT_COMPETENT") == "Not within the unit's powers (信访工作条例 art. 23)"


def test_the_papers_of_a_referral_are_ticked_off_where_the_receiver_takes_some() -> None:
    police = Unit("ga", "公安局", Level.CITY, UnitKind.DEPARTMENT, "370100", ("ga",), "GA")
    made = form(legal(Act.REFER), Choices(routes=[Candidate(police, (), None)]), ZH)
    field = next(found for found in made.fields if found.name == "papers")
    assert field.widget is Widget.SOME_OF
    needed = [option.value for option in field.options if option.detail]
    assert needed == ["TRANSFER_LETTER", "INVESTIGATION_REPORT", "INVENTORY"]
