"""What a reporter reads of each step, in Chinese and English: pure text from classes, names of units and deadlines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.cases import OUTCOME_ZH, Outcome
from contracts.lifecycle import Act, Purpose, Stage
from contracts.reference import refusals
from contracts.terms import STAGE_ZH
from services.complaints.domain import BEIJING

OUTCOME_EN: dict[Outcome, str] = {
    Outcome.SUBSTANTIATED: "substantiated and dealt with",
    Outcome.PARTLY_SUBSTANTIATED: "partly substantiated",
    Outcome.UNSUBSTANTIATED: "not substantiated",
    Outcome.UNVERIFIABLE: "could not be verified",
    Outcome.REFERRED: "referred",
    Outcome.EXPLAINED: "explained",
}

STAGE_EN: dict[Stage, str] = {
    Stage.SUBMITTED: "received, to be registered",
    Stage.TRIAGE: "being examined",
    Stage.SUPPLEMENT: "waiting for your additions",
    Stage.REJECTED: "not accepted",
    Stage.PENDING_DISPATCH: "accepted, to be handed over",
    Stage.DISPATCHED: "handed over",
    Stage.SIGNED: "taken on",
    Stage.HANDLING: "being handled",
    Stage.FEEDBACK: "answer under review",
    Stage.PENDING_VISIT: "answered, waiting for your rating",
    Stage.REDO: "being handled again",
    Stage.CLOSED: "closed",
    Stage.ARCHIVED: "archived",
}

DEADLINE_ZH: dict[Purpose, str] = {
    Purpose.ACKNOWLEDGE: "告知是否受理的期限",
    Purpose.SUPPLEMENT: "请您补充材料的期限",
    Purpose.HANDLE: "答复期限",
    Purpose.REDO: "重新办理的答复期限",
    Purpose.SILENCE: "请您评价的期限",
    Purpose.REVIEW_REQUEST: "申请复查的期限",
}
DEADLINE_EN: dict[Purpose, str] = {
    Purpose.ACKNOWLEDGE: "to tell you whether it is accepted",
    Purpose.SUPPLEMENT: "for your additions",
    Purpose.HANDLE: "for the answer",
    Purpose.REDO: "for the answer after handling again",
    Purpose.SILENCE: "for your rating",
    Purpose.REVIEW_REQUEST: "to ask for a review",
}


@dataclass(frozen=True)
class Step:
    """One step that the reporter may know of, as the timeline keeps it."""

    act: Act
    to_stage: Stage
    desk: str
    holder: str | None = None
    due_at: datetime | None = None
    purpose: Purpose | None = None
    provisional: bool = False
    reason_code: str | None = None
    outcome: Outcome | None = None


def stage_name(stage: Stage, lang: str) -> str:
    """The stage in the reader's language."""
    return STAGE_EN.get(stage, "being handled") if lang == "en" else STAGE_ZH.get(stage, "办理中")


def outcome_name(outcome: Outcome, lang: str) -> str:
    """The outcome in the reader's language."""
    return OUTCOME_EN[outcome] if lang == "en" else OUTCOME_ZH[outcome]


def deadline_name(purpose: Purpose, lang: str) -> str:
    """What a deadline is for, in the reader's language."""
    return DEADLINE_EN.get(purpose, "") if lang == "en" else DEADLINE_ZH.get(purpose, "")


def by_when(due_at: datetime, lang: str, *, provisional: bool = False) -> str:
    """A deadline as words. Midnight in Beijing is 24:00 of the day before (architecture, invariant 4)."""
    local = due_at.astimezone(BEIJING)
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    day = local - timedelta(days=1) if midnight else local
    if lang == "en":
        text = f"{day:%Y-%m-%d} 24:00" if midnight else f"{day:%Y-%m-%d %H:%M}"
        return f"{text} (provisional)" if provisional else text
    text = f"{day.year}年{day.month}月{day.day}日" + ("24:00" if midnight else f"{day:%H:%M}")
    return f"{text}(暂定)" if provisional else text


def entry_text(step: Step, lang: str) -> str:
    """What happened, to whom it went and by when, in one sentence."""
    texts = _EN if lang == "en" else _ZH
    return (
        texts[step.act](step) if step.act in texts else ("The case has moved on." if lang == "en" else "办理有进展。")
    )


def _due(step: Step, zh: bool, *purposes: Purpose) -> str:
    if step.due_at is None or step.purpose not in purposes:
        return ""
    return by_when(step.due_at, "zh" if zh else "en", provisional=step.provisional)


def _answer_zh(step: Step) -> str:
    due = _due(step, True, Purpose.HANDLE, Purpose.REDO)
    return f",须于{due}前答复" if due else ""


def _answer_en(step: Step) -> str:
    due = _due(step, False, Purpose.HANDLE, Purpose.REDO)
    return f"; the answer is due by {due}" if due else ""


def _supplement_zh(step: Step) -> str:
    due = _due(step, True, Purpose.SUPPLEMENT)
    return f"{step.desk}请您补充材料" + (f",请于{due}前补充。" if due else "。")


def _supplement_en(step: Step) -> str:
    due = _due(step, False, Purpose.SUPPLEMENT)
    return f"{step.desk} asks you for more information" + (f"; please send it by {due}." if due else ".")


def _reject_zh(step: Step) -> str:
    refusal = refusals().get(step.reason_code or "")
    return f"不予受理:{refusal.name_zh}。{refusal.channel_zh}。" if refusal else "不予受理。"


def _reject_en(step: Step) -> str:
    refusal = refusals().get(step.reason_code or "")
    return f"Not accepted: {refusal.name_en}. {refusal.channel_en}." if refusal else "Not accepted."


def _recount_zh(step: Step) -> str:
    due = _due(step, True, *DEADLINE_ZH)
    return (
        f"因放假安排调整,{DEADLINE_ZH[step.purpose]}改为{due}。"
        if due and step.purpose
        else "因放假安排调整,期限有变。"
    )


def _recount_en(step: Step) -> str:
    due = _due(step, False, *DEADLINE_EN)
    name = f" {DEADLINE_EN[step.purpose]}" if due and step.purpose else ""
    return f"The calendar changed: the time{name} {f'now ends {due}' if due else 'is another now'}."


def _outcome(step: Step, lang: str) -> str:
    if step.outcome is None:
        return ""
    name = outcome_name(step.outcome, lang)
    return f" ({name})" if lang == "en" else f"({name})"


def _visited_zh(step: Step) -> str:
    if step.to_stage is Stage.CLOSED:
        return "已回访,案件办结。"
    return "已回访,退回重新办理" + _answer_zh(step) + "。" if step.to_stage is Stage.REDO else "已回访,请您评价。"


def _visited_en(step: Step) -> str:
    if step.to_stage is Stage.CLOSED:
        return "You were called back; the case is closed."
    if step.to_stage is Stage.REDO:
        return f"You were called back; it is being handled again{_answer_en(step)}."
    return "You were called back; please rate the answer."


def _rated_zh(step: Step) -> str:
    return (
        "您对答复不满意,已退回重新办理" + _answer_zh(step) + "。"
        if step.to_stage is Stage.REDO
        else "您已评价,案件办结。"
    )


def _rated_en(step: Step) -> str:
    if step.to_stage is Stage.REDO:
        return f"You were not satisfied; it is being handled again{_answer_en(step)}."
    return "You rated the answer; the case is closed."


_ZH: dict[Act, Callable[[Step], str]] = {
    Act.REGISTER: lambda step: f"已登记,由{step.desk}预审。",
    Act.REQUEST_SUPPLEMENT: _supplement_zh,
    Act.SUPPLEMENT_LAPSED: lambda step: "补充期限已过,按现有材料处理。",
    Act.REJECT: _reject_zh,
    Act.ACCEPT: lambda step: f"{step.desk}已受理{_answer_zh(step)}。",
    Act.DISPATCH: lambda step: f"已转交{step.holder or '承办单位'}{_answer_zh(step)}。",
    Act.HAND_TO_DESK: lambda step: f"已移交{step.desk}处理。",
    Act.TRANSFER: lambda step: f"已转交{step.holder or '承办单位'}{_answer_zh(step)}。",
    Act.SIGN: lambda step: f"{step.holder or '承办单位'}已签收{_answer_zh(step)}。",
    Act.SIGN_LAPSED: lambda step: f"{step.holder or '承办单位'}逾期未签收,视为首办责任单位{_answer_zh(step)}。",
    Act.REVIEW_PASS: lambda step: f"已答复{_outcome(step, 'zh')},请查看答复并评价。",
    Act.RECORD_VISIT: _visited_zh,
    Act.RATE: _rated_zh,
    Act.SILENCE_LAPSED: lambda step: "逾期未评价,视为无异议,案件办结。",
    Act.RECOUNT: _recount_zh,
}

_EN: dict[Act, Callable[[Step], str]] = {
    Act.REGISTER: lambda step: f"Registered; {step.desk} is examining it.",
    Act.REQUEST_SUPPLEMENT: _supplement_en,
    Act.SUPPLEMENT_LAPSED: lambda step: "The time for additions has passed; it is handled on what is there.",
    Act.REJECT: _reject_en,
    Act.ACCEPT: lambda step: f"{step.desk} accepted it{_answer_en(step)}.",
    Act.DISPATCH: lambda step: f"Handed over to {step.holder or 'the competent unit'}{_answer_en(step)}.",
    Act.HAND_TO_DESK: lambda step: f"Handed over to {step.desk}.",
    Act.TRANSFER: lambda step: f"Handed over to {step.holder or 'the competent unit'}{_answer_en(step)}.",
    Act.SIGN: lambda step: f"{step.holder or 'The competent unit'} took it on{_answer_en(step)}.",
    Act.SIGN_LAPSED: lambda step: (
        f"{step.holder or 'The competent unit'} did not sign in time and is responsible for it{_answer_en(step)}."
    ),
    Act.REVIEW_PASS: lambda step: f"Answered{_outcome(step, 'en')}; please read the answer and rate it.",
    Act.RECORD_VISIT: _visited_en,
    Act.RATE: _rated_en,
    Act.SILENCE_LAPSED: lambda step: "No rating came in time; this counts as no objection, and the case is closed.",
    Act.RECOUNT: _recount_en,
}
