"""A counted deadline in words: every step that counted, every day that did not and why. Chinese or English."""

from datetime import date, datetime, timedelta
from typing import Any, Literal

from contracts.reference import suspensions
from services.referrals.counting import DAY, Counted, Kind, Step

Language = Literal["zh", "en"]

UNIT_ZH = {
    "working_day": "个工作日",
    "calendar_day": "日",
    "day": "日",
    "month": "个月",
    "quarter": "个季度",
    "hour": "小时",
    "minute": "分钟",
}
UNIT_EN = {
    "working_day": "working days",
    "calendar_day": "calendar days",
    "day": "calendar days",
    "month": "months",
    "quarter": "quarters",
    "hour": "hours",
    "minute": "minutes",
}
PROVISIONAL = {
    "zh": "暂定：所依据年份的放假安排尚未公布",
    "en": "provisional: it rests on a year whose holidays are not published yet",
}


def number(value: float) -> str:
    """A count without needless decimals."""
    return f"{value:g}"


def period(amount: float, unit: str, language: Language) -> str:
    """A period as people write it, e.g. 5个工作日."""
    if language == "zh":
        return f"{number(amount)}{UNIT_ZH[unit]}"
    return f"{number(amount)} {UNIT_EN[unit] if amount != 1 else UNIT_EN[unit][:-1]}"


def moment(at: datetime) -> str:
    """An instant in UTC+8; a midnight is the 24:00 that ends the day before."""
    if at.time().isoformat() == "00:00:00":
        return f"{(at - DAY).date().isoformat()} 24:00"
    return at.strftime("%Y-%m-%d %H:%M:%S" if at.second else "%Y-%m-%d %H:%M")


def _place(step: Step, language: Language) -> str:
    at = step.at
    if not isinstance(at, datetime):
        return at.isoformat()
    if step.day is None or step.kind in (Kind.RAN, Kind.DUE):
        return moment(at)
    morning = at.hour == 12
    half = ("上午" if morning else "下午") if language == "zh" else (" morning" if morning else " afternoon")
    return f"{(at - timedelta(microseconds=1)).date().isoformat()}{half}"


def reason(step: Step, language: Language) -> str:
    """Why a step counts or not, or what happened."""
    name = (step.day.zh if language == "zh" else step.day.en) if step.day else ""
    value = number(step.number) if step.number is not None else ""
    zh = language == "zh"
    match step.kind:
        case Kind.START:
            return "起算日，不计入" if zh else "the start is not counted"
        case Kind.COUNTED:
            return f"第{value}日（{name}）" if zh else f"counted: {value} ({name})"
        case Kind.REST:
            return f"不计入：{name}" if zh else f"not counted: {name}"
        case Kind.SUSPENDED:
            return f"不计入：中止（{name}）" if zh else f"not counted: suspended ({name})"
        case Kind.ROLLED:
            return f"届满日顺延：{name}" if zh else f"the end moves on: {name}"
        case Kind.SUSPEND:
            return ("中止计时" if zh else "suspended") + _standing(step, language)
        case Kind.RESUME:
            return ("恢复计时" if zh else "resumed") + _standing(step, language)
        case Kind.EXTEND:
            return f"延长 {value}" if zh else f"extended by {value}"
        case Kind.RAN:
            return f"累计 {value}" if zh else f"ran: {value}"
        case Kind.DUE:
            return "届满" if zh else "due"


def _standing(step: Step, language: Language) -> str:
    """On what the clock stands still and whether that outlasts a hand-over, or that a hand-over has ended it."""
    ground = suspensions(step.at).get(step.ground or "") if isinstance(step.at, datetime) else None
    if ground is None:
        return ""
    zh = language == "zh"
    name = ground.name_zh if zh else ground.name_en
    if step.handover:
        return f"：案件移交，{name}随原单位终止" if zh else f": handed over, which ends the unit's own ground ({name})"
    if ground.through == "ENDS":
        return f"：{name}（移交其他单位时恢复）" if zh else f": {name} (runs on when another unit takes the case over)"
    return f"：{name}（移交其他单位仍中止）" if zh else f": {name} (also when another unit takes the case over)"


def line(step: Step, language: Language) -> str:
    """A step as one line."""
    if step.kind is Kind.START and isinstance(step.at, datetime):
        return f"{moment(step.at)}  {'起算' if language == 'zh' else 'the clock starts'}"
    return f"{_place(step, language)}  {reason(step, language)}"


def as_data(step: Step, language: Language) -> dict[str, Any]:
    """A step for programs: ``step``, ``day`` or ``at``, and where they apply ``number``, ``name``, ``amount``."""
    at = step.at
    found: dict[str, Any] = {"step": step.kind.value}
    found["at" if isinstance(at, datetime) else "day"] = at.isoformat()
    if step.ground is not None:
        found |= {"ground": step.ground, "handover": step.handover}
    if step.number is not None:
        found["amount" if step.kind is Kind.EXTEND else "number"] = step.number
    if step.day is not None:
        found["name"] = step.day.zh if language == "zh" else step.day.en
    return found


def lines(counted: Counted, language: Language) -> list[str]:
    """The whole trail in words, runs of days that simply count drawn together."""
    found: list[str] = []
    run: list[Step] = []
    for step in counted.trail:
        plain = step.kind is Kind.COUNTED and type(step.at) is date and step.day is not None
        if run and (not plain or _differs(run[-1], step)):
            found.append(_together(run, language))
            run = []
        if plain:
            run.append(step)
        else:
            found.append(line(step, language))
    if run:
        found.append(_together(run, language))
    return found


def _differs(one: Step, other: Step) -> bool:
    return one.day is None or other.day is None or one.day.zh != other.day.zh or one.day.working != other.day.working


def _together(run: list[Step], language: Language) -> str:
    if len(run) == 1:
        return line(run[0], language)
    first, last = run[0], run[-1]
    assert first.day is not None
    assert first.number is not None
    assert last.number is not None
    name = first.day.zh if language == "zh" else first.day.en
    span = f"{first.at.isoformat()} … {last.at.isoformat()}"
    counts = f"{number(first.number)}–{number(last.number)}"
    return f"{span}  第{counts}日（{name}）" if language == "zh" else f"{span}  counted: {counts} ({name})"
