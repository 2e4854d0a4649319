"""Reference data: complete, each row with its source; an agency's own above it by date, or refused with its place."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from contracts import reference
from contracts.cases import OUTCOME_ZH
from contracts.lifecycle import SATISFIED, Channel, Purpose, Track
from contracts.messages import ClockRequest, RunningClock
from contracts.reference.divisions import divisions
from contracts.reference.store import changes, shipped
from contracts.reference.tables import BadReference
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.counting import CHINA
from services.referrals.domain import Level
from services.referrals.service import clocks

CLOCKS = (
    "id,regime,clock_zh,clock_en,starts_zh,starts_en,amount,unit,unit_source,extension_max_count,extension_max_amount,"
    "extension_unit,extension_approver,not_counted,note,article,source,status,effective_from\n"
)
REGIMES = "purpose,track,category,channel,department,family,clock,article,source,status,effective_from\n"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "own"
    folder.mkdir()
    yield folder
    reference.use(None)


def clock(amount: str = "2", unit: str = "working_day", since: str = "2026-12-01", clock_id: str = "HY-SIGN") -> str:
    return f"{clock_id},本局,签收,signing,派单,dispatch,{amount},{unit},本局规定,,,,,,,,本局〔2026〕1号,V,{since}\n"


def test_nothing_is_missing() -> None:
    assert len(reference.category_classes()) == 14
    assert len(reference.categories()) == 105
    assert len(reference.clock_rules()) == 59
    assert list(reference.refusals()) == [f"R{number:02}" for number in range(1, 14)]
    assert len(reference.departments()) == 16
    assert [step.level for step in reference.sanctions()] == list(range(1, 16))
    assert {level.code for level in reference.unit_levels()} >= set(Level)
    assert {code: kind.name_zh for code, kind in reference.outcomes().items()} == {
        outcome.value: name for outcome, name in OUTCOME_ZH.items()
    }
    levels = reference.satisfaction_levels()
    assert {number for number, level in levels.items() if level.satisfied} == {
        number for number in levels if number >= SATISFIED
    }


def test_every_row_has_source_mark_and_date() -> None:
    for lines in shipped().layers[0].values():
        for line in lines:
            assert line.values["source"]
            assert line.values["status"] in "VSK"
            assert line.values["effective_from"] >= date(2000, 1, 1)
            assert "ditto" not in line.values["source"]


def test_an_extension_says_how_often_how_long_and_who() -> None:
    rule = reference.clock_rules()["XF-DONE"]
    assert (rule.extension_max_count, rule.extension_max_amount, rule.extension_unit) == (1, 30, "calendar_day")
    assert rule.extension_approver == "本单位负责人"
    assert reference.clock_rules()["CRIM-DEC"].unit == "calendar_day"


def test_a_report_may_not_go_to_the_institution() -> None:
    for row in reference.transfers():
        if row.receiver == "YY" and row.sender in ("HOTLINE", "WJ"):
            assert "GENERAL" in row.condition
        if row.receiver == "GA" and row.sender == "YB":
            assert row.leader_approval


def test_a_changed_rule_applies_from_its_date_and_running_clocks_keep_theirs(own: Path) -> None:
    before = reference.clock_rules()["HY-SIGN"]
    (own / "clocks.csv").write_text(CLOCKS + clock(), encoding="utf-8")
    reference.use(own)
    china = timezone(timedelta(hours=8))
    late, early = datetime(2026, 12, 1, 0, 0, tzinfo=china), datetime(2026, 11, 30, 23, 59, tzinfo=china)
    after, then = reference.clock_rule("HY-SIGN", late), reference.clock_rule("HY-SIGN", early)
    assert after is not None
    assert (after.amount, then) == (2, before)
    assert reference.clock_of_version("HY-SIGN", before.version) == before
    assert reference.clock_of_version("HY-SIGN", after.version) == after
    assert reference.clock_of_version("HY-SIGN", "2026-12-01.00000000") is None


def test_a_corrected_row_keeps_the_wording_it_replaces(own: Path) -> None:
    before = reference.clock_rules()["HY-SIGN"]
    (own / "clocks.csv").write_text(CLOCKS + clock(since="2000-01-01"), encoding="utf-8")
    reference.use(own)
    assert reference.clock_rules(date(2020, 1, 1))["HY-SIGN"].amount == 2
    assert reference.clock_of_version("HY-SIGN", before.version) == before


def test_a_deadline_is_counted_anew_by_the_wording_that_it_was_set_by(own: Path) -> None:
    request = ClockRequest(
        purpose=Purpose.SIGN, track=Track.GENERAL, channel=Channel.WEB, category="0802", unit_id=None,
        started_at=datetime(2026, 3, 2, 10, tzinfo=CHINA),
    )  # fmt: skip
    base = StateCouncilCalendar()
    set_before = clocks.deadline(request, None, base)
    (own / "clocks.csv").write_text(CLOCKS + clock(since="2000-01-01"), encoding="utf-8")
    reference.use(own)
    assert clocks.deadline(request, None, base).due_at == set_before.due_at + timedelta(days=1)
    assert clocks.recounted(RunningClock(deadline=set_before), base) == set_before
    without = set_before.model_copy(update={"rule_version": None})
    assert clocks.recounted(RunningClock(deadline=without), base).due_at == set_before.due_at + timedelta(days=1), (
        "the day's wording"
    )
    unknown = set_before.model_copy(update={"clock_id": "GONE"})
    assert clocks.recounted(RunningClock(deadline=unknown), base) == unknown


def test_before_its_first_wording_a_clock_is_counted_by_it() -> None:
    rule = reference.clock_rule("XF-DONE", date(2010, 1, 1))
    assert rule is not None
    assert rule.amount == 60
    assert reference.clock_rule("NOPE") is None


def test_two_regimes_for_one_purpose_run_side_by_side() -> None:
    found = reference.applicable(Purpose.HANDLE, Track.GENERAL, Channel.HOTLINE, "SJ", category="0701")
    assert [(rule.id, regime.article) for regime, rule in found] == [
        ("12345-WF", "20"),
        ("SJ-MED", "21"),
        ("HOSP-2", ""),
    ]
    assert reference.clock_for(Purpose.HANDLE, Track.GENERAL, Channel.HOTLINE, "SJ").id == "12345-WF"
    assert reference.clock_for(Purpose.HANDLE, Track.INTEGRITY, Channel.WEB, "YB").id == "YB-CHK"


def test_an_agencys_regime_for_a_category_comes_first_from_its_date(own: Path) -> None:
    (own / "regimes.csv").write_text(
        REGIMES + "HANDLE,GENERAL,0802,*,*,GENERAL,HOSP-1,3,本局〔2026〕1号,V,2026-12-01\n", encoding="utf-8"
    )
    reference.use(own)

    def handled(category: str, on: date) -> str:
        return reference.clock_for(Purpose.HANDLE, Track.GENERAL, Channel.WEB, "WJ", category=category, on=on).id

    assert handled("0802", date(2026, 12, 1)) == "HOSP-1"
    assert handled("0801", date(2026, 12, 1)) == "HOSP-2"


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("clocks.csv", CLOCKS + clock(amount="two"), "clocks.csv:2: amount 'two' is no number"),
        ("clocks.csv", CLOCKS + clock(amount="0"), "clocks.csv:2: amount '0' is not between"),
        ("clocks.csv", CLOCKS + clock(amount="1.5", unit="month"), "clocks.csv:2: amount 1.5 is not whole"),
        ("clocks.csv", CLOCKS + clock(unit="fortnight"), "clocks.csv:2: unit 'fortnight'"),
        ("clocks.csv", CLOCKS + clock(since="1.12.2026"), "clocks.csv:2: effective_from '1.12.2026' is no date"),
        ("clocks.csv", CLOCKS + clock() + clock(), "clocks.csv:3: is the row of line 2 again"),
        ("clocks.csv", CLOCKS.replace("amount,unit,", "unit,"), "clocks.csv:1: column amount is missing"),
        ("clocks.csv", CLOCKS + "HY-SIGN,x\n", "clocks.csv:2: has 2 cells, not 19"),
        ("regimes.csv", REGIMES + "SIGN,*,*,*,*,GENERAL,NOPE,,x,K,2026-01-01\n", "regimes.csv:2: clock 'NOPE'"),
        ("regimes.csv", REGIMES + "SIGN,*,*,*,ZZ,GENERAL,HY-SIGN,,x,K,2026-01-01\n", "department 'ZZ' is unknown"),
        ("regimes.csv", REGIMES + "SIGN,*,*,*,*,GENERAL,HY-SIGN,,,K,2026-01-01\n", "regimes.csv:2: source is empty"),
        ("regimes.csv", REGIMES + "SIGN,*,*,*,*,GENERAL,HY-SIGN,,x,Q,2026-01-01\n", "regimes.csv:2: status 'Q'"),
        ("working_hours.csv", "unit,morning_from,morning_to,afternoon_from,afternoon_to,source,status,effective_from\n"
         "u1,09:00,08:00,13:00,17:00,x,K,2026-01-01\n", "working_hours.csv:2: the times are not in order"),
        ("holidays.csv", "a,b\n", "holidays.csv:1: is none of"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_file_line_and_reason(own: Path, file: str, content: str, reason: str) -> None:
    (own / file).write_text(content, encoding="utf-8")
    with pytest.raises(BadReference) as caught:
        reference.use(own)
    assert reason in str(caught.value)
    assert reference.clock_rules()["HY-SIGN"].amount == 1


def test_text_that_is_not_utf8_and_folders_without_tables_are_refused(own: Path) -> None:
    with pytest.raises(BadReference, match="holds no table"):
        reference.use(own)
    (own / "clocks.csv").write_bytes(CLOCKS.encode() + "签收".encode("gbk"))
    with pytest.raises(BadReference, match="no UTF-8"):
        reference.use(own)
    with pytest.raises(BadReference, match="no directory"):
        reference.use(own / "nowhere")


def test_what_would_change_is_told(own: Path) -> None:
    (own / "clocks.csv").write_text(CLOCKS + clock() + clock(clock_id="OURS"), encoding="utf-8")
    one, other = changes(own)
    assert one.startswith("clocks.csv:2: HY-SIGN changes from 2026-12-01: ")
    assert "amount 1 -> 2" in one
    assert other == "clocks.csv:3: OURS is new, from 2026-12-01"


def test_divisions_are_those_of_the_standard_and_ours() -> None:
    known = divisions()
    assert len(known) > 3100
    assert known["330106"].parent == "330100"
    assert known["441900"].name_zh == "东莞市"
    assert known["110101"].parent == "110000"
    assert {"990100", "990121", "710000", "810000"} <= set(known)
    assert all(not division.parent or division.parent in known for division in known.values())


def test_a_development_zone_is_a_division_once_the_agency_names_it(own: Path) -> None:
    header = "code,name_zh,parent,source,status,effective_from\n"
    (own / "divisions.csv").write_text(header + "370171,济南高新区,370100,本市文件,V,2026-01-01\n", encoding="utf-8")
    assert "370171" not in divisions()
    reference.use(own)
    assert divisions()["370171"].parent == "370100"
