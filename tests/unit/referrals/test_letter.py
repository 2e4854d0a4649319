"""The letter's words: dates as the rules write them, what the transfer's record adds, what a receiver may answer."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from pypdf import PdfReader

from contracts.cases import Deadline, UnitRef
from contracts.course import Course
from contracts.lifecycle import Act, Channel, HandoverKind, Party, Purpose, Stage, Track
from contracts.messages import Actor, CaseFacts, RunningClock, Transition
from services.chassis.printing import Imprint
from services.referrals.clues import Classification, Description, Person
from services.referrals.domain import Level, Unit, UnitKind
from services.referrals.passages import Passage, check_value, passages
from services.referrals.repository.cases import CaseRow
from services.referrals.service.letter import Matter, compose, until
from services.referrals.service.reading import ComplaintTexts

AT = datetime(2026, 3, 2, 2, tzinfo=UTC)
SENDER = UnitRef(unit_id="yb", name="云川市医保局", region="990100")
RECEIVER = UnitRef(unit_id="jj", name="云川市纪委监委", region="990100")
FACTS = CaseFacts(
    case_id=UUID(int=1), case_number="HY1", complaint_ids=(UUID(int=2),), channel=Channel.WEB, track=Track.INTEGRITY,
    category="0801", region="990100", named=True, respondent_count=1, submitted_at=AT,
)  # fmt: skip
COURSE = Course(kind=HandoverKind.REFER, ground="DUTY_VIOLATION", receiver=RECEIVER)


def clock(purpose: Purpose, due: datetime, *, provisional: bool = False) -> RunningClock:
    deadline = Deadline(
        purpose=purpose, clock_id="X", article="a", started_at=AT, due_at=due, due_soon_at=AT, provisional=provisional,
        calendar_version="v",
    )  # fmt: skip
    return RunningClock(deadline=deadline)


def step(act: Act, sequence: int = 7, course: Course = COURSE) -> Transition:
    actor = Actor(party=Party.OFFICER, account_id="a", unit_id="yb", roles=())
    return Transition(
        facts=FACTS, sequence=sequence, changed_sequence=sequence, act=act, actor=actor, at=AT,
        from_stage=Stage.HANDLING, to_stage=Stage.REFERRED, desk=SENDER, holder=SENDER, course=course,
    )  # fmt: skip


def matter(*clocks: RunningClock) -> Matter:
    case = CaseRow(
        facts=FACTS, sequence=7, changed_sequence=7, stage=Stage.REFERRED, desk=SENDER, holder=SENDER, linked=True,
        redo_count=0, outcome=None, satisfaction=None, public_document=None, clocks=clocks, respondent_units=(),
        course=COURSE, task=None, updated_at=AT,
    )  # fmt: skip
    unit = Unit("jj", RECEIVER.name, Level.CITY, UnitKind.DEPARTMENT, "990100", ("jj",), "JJ", on_system=False)
    return Matter(
        case=case, passage=Passage(step(Act.REFER), RECEIVER), sender=replace(unit, name=SENDER.name, department="YB"),
        receiver=unit, respondents=(), texts=(), note=None, extract=None, verbatim=False, description=Description(),
    )  # fmt: skip


def text(made: Matter) -> str:
    pdf = compose(made, Imprint("李某某", SENDER.name, "2026-03-02 10:00:00", "0c7f")).pdf()
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_a_deadline_is_the_whole_of_its_last_day() -> None:
    assert until(clock(Purpose.RECEIPT, datetime(2026, 3, 11, 16, tzinfo=UTC))) == "2026年3月11日当日24:00"
    assert until(clock(Purpose.RECEIPT, datetime(2026, 3, 11, 7, 30, tzinfo=UTC))) == "2026年3月11日15:30"
    provisional = until(clock(Purpose.RECEIPT, datetime(2027, 1, 4, 16, tzinfo=UTC), provisional=True))
    assert provisional.startswith("2027年1月4日当日24:00（暂定")


def test_each_clock_that_runs_is_asked_for_by_its_date() -> None:
    receipt, disposal = datetime(2026, 3, 11, 16, tzinfo=UTC), datetime(2026, 4, 1, 16, tzinfo=UTC)
    said = text(matter(clock(Purpose.RECEIPT, receipt), clock(Purpose.DISPOSAL, disposal)))
    assert "请于2026年3月11日当日24:00前签收" in said
    assert "请于2026年4月1日当日24:00前将处置方式（谈话函询、初步核实、暂存待查、予以了结）函告我单位" in said


def test_what_the_transfers_record_tells_goes_along() -> None:
    described = Description(
        clue_summary="每月收受现金。",
        persons=(Person(name="钱某堃", unit="某医院", post="主任", party_member=True, supervised=False),),
        amount=Decimal("1234.50"),
        classification=Classification.INTERNAL,
        accountability="不外送的追责结果",
    )
    said = text(replace(matter(), description=described))
    for part in ("每月收受现金。", "钱某堃", "主任", "1,234.50元", "密级内部", "涉嫌职务违法"):
        assert part in said, part
    assert "不外送的追责结果" not in said


def test_of_many_complaints_the_rest_is_left_out_and_it_is_said() -> None:
    long = [
        ComplaintTexts(case_number=f"HY{n}", submitted_at=AT, narrative="字" * 18_500 + f"第{n}件完。")
        for n in range(4)
    ]
    said = text(replace(matter(), texts=long, verbatim=True))
    assert "第1件完。" in said
    assert "第3件完。" not in said
    assert "篇幅所限，以下从略" in said
    assert "回执" in said


def test_whom_a_reporter_accuses_is_printed_only_where_their_words_are() -> None:
    told = [ComplaintTexts(case_number="HY1", submitted_at=AT, respondents=["我科主任李某(我是住院总)"])]
    guarded = text(replace(matter(), texts=told, respondents=("某医院",)))
    assert "住院总" not in guarded
    assert "反映人所称对象" not in guarded
    assert "某医院" in guarded
    assert "李某" in text(replace(matter(), texts=told, verbatim=True))


def test_a_check_value_is_of_one_passage() -> None:
    values = {check_value(UUID(int=case), sequence) for case in range(50) for sequence in range(1, 20)}
    assert len(values) == 50 * 19
    assert all(len(value) == 7 and value[3] == "-" and not set("ILOU") & set(value) for value in values)


def test_what_came_of_a_passage_is_noted_until_the_next_one() -> None:
    steps = [
        step(Act.APPROVE_REFERRAL, 6), step(Act.REFER, 7), step(Act.RECORD_RECEIPT, 8), step(Act.RECORD_DISPOSAL, 9),
        step(Act.REFERRAL_RETURNED, 10), step(Act.REFER, 12),
    ]  # fmt: skip
    first, second = passages(steps)
    assert (first.number, second.number) == ("HY1-Y7", "HY1-Y12")
    assert [found.sequence for found in (first.approved, first.received, first.disposed, first.returned) if found] == [
        6, 8, 9, 10,
    ]  # fmt: skip
    assert (second.approved, second.received, second.returned) == (None, None, None)
