"""The letter that goes with a case to a unit that is not on the system (函), and the slip that comes back (回执)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from contracts.course import Course
from contracts.lifecycle import HandoverKind, Purpose
from contracts.messages import RunningClock
from contracts.reference import categories, disposals, grounds, papers
from contracts.reference.divisions import divisions
from contracts.terms import KIND_ZH
from services.chassis.printing import BLANK, Imprint, Paper
from services.referrals.clues import CLASSIFICATION_ZH, Description
from services.referrals.counting import CHINA, DAY
from services.referrals.domain import Unit
from services.referrals.masking import masked
from services.referrals.passages import Passage
from services.referrals.repository.cases import CaseRow
from services.referrals.service.reading import ComplaintTexts
from services.referrals.service.record_sheet import amount, persons_table

PROVISIONAL = "（暂定：所涉年度的放假安排尚未公布）"
_TOLD_LINES = 1_500
"""Of all that reporters wrote, some fifty pages: many complaints may be joined in a case."""
_DATE = f"{BLANK * 10}年{BLANK * 6}月{BLANK * 6}日"
_NUMERALS = "一二三四五六七八九十"
_DUTY = {
    HandoverKind.DISPATCH: "请按规定签收、办理并反馈结果。",
    HandoverKind.ASSIGN: "请按规定办理，并向我单位反馈结果和办结报告。",
    HandoverKind.FORWARD: "请按规定办理，并直接答复反映人。",
    HandoverKind.REFER: "请依职权办理，并将处置情况函告我单位。",
    HandoverKind.REPORT_UP: "请审阅并指示。",
}
_USE = "本件仅供接收单位办理本事项使用。"
_SECRECY = "不得将检举、揭发材料及有关情况透露或者转给被检举、揭发的人员或者单位（信访工作条例第三十条）。"


@dataclass(frozen=True)
class Matter:
    """What the letter tells. ``texts``: the complaints as far as they may be read; ``extract``: what stands for them;
    ``verbatim``: whether the reporter's own words are printed, whom they accuse too; ``description``: of the transfer's
    record."""

    case: CaseRow
    passage: Passage
    sender: Unit
    receiver: Unit
    respondents: Sequence[str]
    texts: Sequence[ComplaintTexts]
    note: str | None
    extract: str | None
    verbatim: bool
    description: Description


def day(moment: datetime) -> str:
    """A date as letters write it, in UTC+8."""
    local = moment.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日"


def until(clock: RunningClock) -> str:
    """A deadline as the rules write it: the whole of its last day counts, 「当日24:00」."""
    local = clock.deadline.due_at.astimezone(CHINA)
    midnight = local.time() == time(0)
    words = f"{day(local - DAY)}当日24:00" if midnight else f"{day(local)}{local:%H:%M}"
    return words + (PROVISIONAL if clock.deadline.provisional else "")


def compose(matter: Matter, imprint: Imprint) -> Paper:
    """The letter with the matter, its evidence and the slip to send back."""
    kind = matter.case.course.kind or HandoverKind.REFER
    paper = Paper(f"{KIND_ZH[kind]}函", imprint)
    _address(paper, matter, kind)
    sections = (_asked, _about, _told, _evidence)
    for numeral, section in zip(_NUMERALS, sections, strict=False):
        section(paper, matter, numeral)
    paper.small(_USE if matter.verbatim else _USE + _SECRECY)
    paper.signature([f"{matter.sender.name}（印章）", day(matter.passage.given.at)])
    _slip(paper, matter, kind)
    return paper


def _address(paper: Paper, matter: Matter, kind: HandoverKind) -> None:
    passage, course = matter.passage, matter.case.course
    rows = [
        ("主送单位", matter.receiver.name),
        ("发函单位", matter.sender.name),
        ("移送编号", passage.number),
        ("案件编号", matter.case.facts.case_number),
        ("移送方式", KIND_ZH[kind]),
        ("移送依据", "；".join(_grounds(course)) or "——"),
        ("移送时间", day(passage.given.at)),
    ]
    if passage.approved is not None:
        rows.append(("批准时间", day(passage.approved.at)))
    if matter.description.classification is not None:
        rows.append(("密级", CLASSIFICATION_ZH[matter.description.classification]))
    paper.fields(rows)
    paper.text(f"{matter.receiver.name}：", indent=False)
    paper.text(f"现将我单位办理的下列事项{KIND_ZH[kind]}你单位。{_DUTY[kind]}")


def _asked(paper: Paper, matter: Matter, numeral: str) -> None:
    running = {clock.deadline.purpose: clock for clock in matter.case.clocks if not clock.suspended}
    paper.heading(f"{numeral}、请办事项和时限")
    asked = []
    if not matter.case.course.received:
        by = f"请于{until(running[Purpose.RECEIPT])}前" if Purpose.RECEIPT in running else "请及时"
        asked.append(f"{by}签收，并将所附回执退回我单位。")
    by = f"请于{until(running[Purpose.DISPOSAL])}前" if Purpose.DISPOSAL in running else "签收后请按规定期限"
    asked.append(f"{by}将处置方式（{'、'.join(_choices(matter.receiver))}）函告我单位。")
    asked.append("不属于你单位职责的，请说明理由并退回。")
    for number, line in enumerate(asked, 1):
        paper.text(f"{number}. {line}")


def _about(paper: Paper, matter: Matter, numeral: str) -> None:
    facts = matter.case.facts
    category = categories().get(facts.category)
    named = [masked(name) for text in matter.texts for name in text.respondents or ()] if matter.verbatim else []
    paper.heading(f"{numeral}、事项")
    paper.fields(
        [
            ("事项类别", f"{category.name_zh}（{facts.category}）" if category else facts.category),
            ("发生地区", place(facts.region)),
            ("被反映单位", "、".join(matter.respondents) or "——"),
            *([("反映人所称对象", "、".join(dict.fromkeys(named)) or "——")] if matter.verbatim else []),
            *([("涉案金额", amount(matter.description))] if matter.description.amount is not None else []),
        ]
    )
    if matter.description.persons:
        persons_table(paper, matter.description.persons)


def _told(paper: Paper, matter: Matter, numeral: str) -> None:
    paper.heading(f"{numeral}、内容")
    if matter.note:
        paper.text(f"移送说明：{matter.note}")
    if matter.description.clue_summary:
        paper.text(f"线索摘要：{matter.description.clue_summary}")
    if matter.extract:
        paper.text(f"节录：{matter.extract}")
    if not matter.verbatim:
        paper.small("依法为反映人保密，不附反映人原文；确需了解的，请与发函单位联系。")
        return
    told: list[str] = []
    for text in matter.texts:
        words = [text.narrative, f"诉求：{text.wants}" if text.wants else None]
        words += [f"{day(added.at)}补充：{added.text}" for added in text.supplements or ()]
        told += [f"反映内容（{text.case_number}）：", *map(masked, filter(None, words))]
    paper.text("\n".join(told), most=_TOLD_LINES)
    paper.small("反映人的身份和联系方式不随函提供；文中可识别的号码、账号和自报的姓名已隐去并标明。")


def _evidence(paper: Paper, matter: Matter, numeral: str) -> None:
    files = [file for text in matter.texts for file in text.evidence or ()]
    sent = [known.name_zh for code in matter.case.course.papers if (known := papers().get(code)) is not None]
    paper.heading(f"{numeral}、随附文书和证据材料清单")
    if sent:
        paper.text(f"随附文书：{'、'.join(sent)}。")
    if not files:
        paper.text("证据材料：无。")
        return
    # Reporters name their files as they like, with their own names too: the hash tells which file it is.
    rows = [
        (str(number), file.media_type, f"{file.size:,}", day(file.at), file.sha256)
        for number, file in enumerate(files, 1)
    ]
    paper.table(("序号", "类型", "字节", "收到日期", "SHA-256"), rows, (7, 17, 14, 20, 42))


def _slip(paper: Paper, matter: Matter, kind: HandoverKind) -> None:
    passage, noun = matter.passage, KIND_ZH[kind]
    paper.next_sheet()
    paper.title(f"回{BLANK * 2}执")
    paper.text(f"{matter.sender.name}：", indent=False)
    paper.text(f"你单位{noun}的下列事项收悉，办理情况填写如下。")
    paper.fields(
        [
            (f"{noun}编号", passage.number),
            ("案件编号", matter.case.facts.case_number),
            ("核对码", passage.check),
            ("退回单位", matter.sender.name),
        ]
    )
    paper.barcode(matter.case.facts.case_number)
    boxes = (BLANK * 4).join(f"□{BLANK}{name}" for name in _choices(matter.receiver))
    paper.fields(
        [
            ("收到日期", _DATE),
            ("接收单位编号", ""),
            ("处置方式", boxes),
            ("处置日期", _DATE),
            ("不予接收", "□ 不属于本单位职责，退回。理由："),
        ],
        height=13,
    )
    paper.fields([("答复内容", "")], height=42)
    paper.fields([("接收人签名", ""), ("联系电话", "")], height=13)
    paper.signature([f"{matter.receiver.name}（印章）", _DATE])


def _grounds(course: Course) -> Iterable[str]:
    """The legal ground that was chosen, and the basis of the permitted hand-over."""
    found = grounds().get(course.ground or "")
    if course.ground:
        yield found.text() if found else course.ground
    if course.basis:
        yield course.basis


def _choices(receiver: Unit) -> list[str]:
    """What the receiver may say that it did, as it is keyed in."""
    rows = list(disposals().values())
    own = [row.name_zh for row in rows if row.department == receiver.department]
    return own or [row.name_zh for row in rows if row.department == "*"]


def place(region: str) -> str:
    """A division with those above it, the largest first."""
    return "".join(reversed(list(_upwards(region)))) or region


def _upwards(region: str) -> Iterable[str]:
    known = divisions()
    code: str | None = region
    while code and (division := known.get(code)) is not None:
        yield division.name_zh
        code = division.parent if division.parent != code else None
