"""The record of a transfer as a sheet for the file (双向移送记录)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from contracts.cases import OUTCOME_ZH
from contracts.messages import Transition
from contracts.reference import disposals, grounds
from contracts.terms import KIND_ZH
from services.chassis.printing import Imprint, Paper
from services.referrals.clues import CLASSIFICATION_ZH, DIRECTION_ZH, Description, Person
from services.referrals.counting import CHINA

if TYPE_CHECKING:
    from services.referrals.service.transfer_records import TransferRecord

NOT_YET = "——"


def moment(at: datetime | None) -> str:
    """A moment in UTC+8, to the minute."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if at is not None else NOT_YET


def feedback(record: TransferRecord) -> str | None:
    """What the receiver said that came of it: the class alone, as discipline inspection gives it."""
    passage = record.passage
    if passage.disposed is not None:
        known = disposals().get(passage.disposed.course.disposal or "")
        return known.name_zh if known else passage.disposed.course.disposal
    if passage.answered is not None and passage.answered.outcome is not None:
        return OUTCOME_ZH[passage.answered.outcome]
    return None


def feedback_step(record: TransferRecord) -> Transition | None:
    """The step by which it was said."""
    return record.passage.disposed or record.passage.answered


def basis(record: TransferRecord) -> str:
    """The legal ground that was chosen, and that of the permitted hand-over."""
    course, code = record.passage.given.course, record.passage.given.ground
    ground = grounds().get(code or "")
    return "；".join(part for part in (ground.text() if ground else code, course.basis) if part)


def compose(record: TransferRecord, imprint: Imprint) -> Paper:
    """Every field of the record; what is not known yet is a dash."""
    paper = Paper("双向移送记录", imprint)
    described = record.description or Description()
    paper.fields(list(_transfer(record, described)))
    paper.heading("线索摘要")
    paper.text(described.clue_summary or NOT_YET)
    paper.heading("涉及人员")
    persons_table(paper, described.persons)
    paper.heading("证据清单")
    paper.text("\n".join(f"{n}. {line}" for n, line in enumerate(described.evidence, 1)) or NOT_YET)
    paper.heading("接收、处置和反馈")
    paper.fields(list(_outcome(record, described)))
    return paper


def persons_table(paper: Paper, persons: Iterable[Person]) -> None:
    """Name, unit, post, whether a party member and whether under supervision."""
    rows = [(p.name, p.unit or "", p.post or "", _yes(p.party_member), _yes(p.supervised)) for p in persons]
    if rows:
        paper.table(("姓名", "单位", "职务", "党员", "监察对象"), rows, (18, 34, 22, 12, 14))
    else:
        paper.text(NOT_YET)


def amount(described: Description) -> str:
    """The amount concerned, in yuan."""
    return f"{described.amount:,.2f} 元" if described.amount is not None else NOT_YET


def _transfer(record: TransferRecord, described: Description) -> Iterable[tuple[str, str]]:
    passage, given = record.passage, record.passage.given
    yield "移送编号", passage.number
    yield "案件编号", given.facts.case_number
    yield "来源系统", record.source
    yield "移送方向", DIRECTION_ZH[record.direction]
    yield "移送方式", KIND_ZH[given.course.kind] if given.course.kind else NOT_YET
    yield "移送依据", basis(record) or NOT_YET
    yield "密级", CLASSIFICATION_ZH[described.classification] if described.classification else "未定"
    yield "涉案金额", amount(described)
    yield "移送单位", record.unit(passage.sender_id) or NOT_YET
    yield "移送人", record.officer(given) or NOT_YET
    approved = passage.approved
    yield "审批人", f"{record.officer(approved)}（{moment(approved.at)}）" if approved is not None else NOT_YET
    yield "移送时间", moment(given.at)


def _outcome(record: TransferRecord, described: Description) -> Iterable[tuple[str, str]]:
    passage = record.passage
    said = feedback_step(record)
    yield "接收单位", passage.receiver.name
    yield "签收时间", moment(passage.received.at if passage.received else None)
    yield "登记人", record.officer(passage.received) or NOT_YET
    yield "接收单位编号", described.receiver_number or NOT_YET
    yield "回执", record.receipt or NOT_YET
    yield "处置方式", (feedback(record) if passage.disposed else None) or NOT_YET
    yield "反馈时间", moment(said.at if said else None)
    yield "反馈摘要", feedback(record) or NOT_YET
    yield "追责结果", described.accountability or NOT_YET
    if passage.returned is not None:
        yield "退回时间", moment(passage.returned.at)


def _yes(value: bool | None) -> str:
    return "不详" if value is None else "是" if value else "否"
