"""What a reporter reads of each step, in Chinese and English: pure text from classes, names of units and deadlines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.cases import OUTCOME_ZH, Outcome
from contracts.lifecycle import Act, Purpose, Stage
from contracts.reference import refusals
from contracts.rights import GROUND_WORDS, RIGHT_WORDS, Ground, Right
from contracts.terms import STAGE_ZH
from services.complaints.domain import BEIJING, EvidenceState
from services.complaints.repository_rights import OwnRequest

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
    Stage.RETURN_REQ: "the unit asks to return it",
    Stage.ARBITRATION: "a superior decides who handles it",
    Stage.SIGNED: "taken on",
    Stage.HANDLING: "being handled",
    Stage.FEEDBACK: "answer under review",
    Stage.PENDING_VISIT: "answered, waiting for your rating",
    Stage.REDO: "being handled again",
    Stage.REFERRED: "referred to another authority",
    Stage.MERGED: "joined with another complaint on the same matter",
    Stage.CLOSED: "closed",
    Stage.ARCHIVED: "archived",
}

DEADLINE_ZH: dict[Purpose, str] = {
    Purpose.ACKNOWLEDGE: "告知是否受理的期限",
    Purpose.SUPPLEMENT: "请您补充材料的期限",
    Purpose.HANDLE: "答复期限",
    Purpose.DESIGNATE: "指定承办单位的期限",
    Purpose.RECEIPT: "接收单位出具回执的期限",
    Purpose.DISPOSAL: "接收单位反馈处置情况的期限",
    Purpose.ANSWER: "答复期限",
    Purpose.REDO: "重新办理的答复期限",
    Purpose.SILENCE: "请您评价的期限",
    Purpose.REVIEW_REQUEST: "申请复查的期限",
}
DEADLINE_EN: dict[Purpose, str] = {
    Purpose.ACKNOWLEDGE: "to tell you whether it is accepted",
    Purpose.SUPPLEMENT: "for your additions",
    Purpose.HANDLE: "for the answer",
    Purpose.DESIGNATE: "to designate who handles it",
    Purpose.RECEIPT: "for the receiver's acknowledgement",
    Purpose.DISPOSAL: "for the receiver to say what it did",
    Purpose.ANSWER: "for the answer",
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


WITH_NOTE = (Act.REQUEST_SUPPLEMENT, Act.REJECT, Act.GRANT_EXTENSION)
"""The steps whose text the reporter reads beside them."""


def joined_late(lang: str, *, shown: bool) -> str:
    """What is said of an answer that was given before the complaint was joined to the case."""
    if shown and lang == "en":
        return "Given before your submission was joined to this case: those who were in the case then rate it."
    if shown:
        return "这份答复作出时，您的来件尚未并入本案，由当时的反映人评价。"
    if lang == "en":
        return (
            "This case was answered before your submission was joined to it. That answer was written for others and "
            "is not shown here; the office that accepted your submission answers you by a new reply, or on request."
        )
    return (
        "本案在您的来件并入前已经答复。该答复写给当时的反映人，这里不显示；受理单位将另行答复您，您也可以要求其答复。"
    )


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
    due = _due(step, True, Purpose.HANDLE, Purpose.REDO, Purpose.ANSWER)
    return f",须于{due}前答复" if due else ""


def _answer_en(step: Step) -> str:
    due = _due(step, False, Purpose.HANDLE, Purpose.REDO, Purpose.ANSWER)
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


def _returned_zh(step: Step) -> str:
    if step.to_stage is Stage.ARBITRATION:
        return "承办单位存在争议,已提请上级指定。"
    return "承办单位提出不属其职责,将重新派单。"


def _returned_en(step: Step) -> str:
    if step.to_stage is Stage.ARBITRATION:
        return "The units disagree who handles it: a superior decides."
    return "The unit says that it is not competent: it is handed over anew."


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
    Act.SPLIT: lambda step: "所反映事项分属不同程序,已拆分办理,各自答复。",
    Act.MERGE: lambda step: "与同一事项的其他投诉并案办理,结果同样答复您。",
    Act.UNMERGE: lambda step: f"已撤销并案,由{step.desk}单独办理。",
    Act.MERGE_FAILED: lambda step: f"继续由{step.desk}单独办理。",
    Act.BYPASS: lambda step: f"已转{step.desk}办理。",
    Act.APPROVE_RETURN: _returned_zh,
    Act.DESIGNATE: lambda step: f"经上级指定,由{step.holder or '承办单位'}承办{_answer_zh(step)}。",
    Act.RECALL: lambda step: "承办单位有变,将重新派单。",
    Act.GRANT_EXTENSION: lambda step: f"经批准延长办理期限{_answer_zh(step)}。理由请见说明。",
    Act.SUSPEND_CLOCK: lambda step: "因检测鉴定、听证或等待其他机关结论等法定事由,办理期限中止计算。",
    Act.RESUME_CLOCK: lambda step: f"办理期限恢复计算{_answer_zh(step)}。",
    Act.REFER: lambda step: "已依法移送有权机关处理。",
    Act.SUCCEED: lambda step: f"因单位合并或更名,由{step.holder or step.desk}接续办理{_answer_zh(step)}。",
    Act.RECORD_RECEIPT: lambda step: "接收机关已签收。",
    Act.REFERRAL_RETURNED: lambda step: f"接收机关退回,继续由{step.holder or step.desk}办理{_answer_zh(step)}。",
    Act.REPLY: lambda step: f"已答复{_outcome(step, 'zh')},请查看答复并评价。",
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
    Act.SPLIT: lambda step: "The matters belong to different procedures: they are handled, and answered, separately.",
    Act.MERGE: lambda step: "Joined with other complaints on the same matter; you are told the result all the same.",
    Act.UNMERGE: lambda step: f"No longer joined with others: {step.desk} handles it by itself.",
    Act.MERGE_FAILED: lambda step: f"{step.desk} goes on handling it by itself.",
    Act.BYPASS: lambda step: f"Handed to {step.desk}.",
    Act.APPROVE_RETURN: _returned_en,
    Act.DESIGNATE: lambda step: (
        f"A superior designated {step.holder or 'the competent unit'} to handle it{_answer_en(step)}."
    ),
    Act.RECALL: lambda step: "Another unit will handle it: it is handed over anew.",
    Act.GRANT_EXTENSION: lambda step: f"The time for handling was extended{_answer_en(step)}; the reasons are given.",
    Act.SUSPEND_CLOCK: lambda step: "The time stands still on a legal ground (appraisal, hearing, another authority).",
    Act.RESUME_CLOCK: lambda step: f"The time runs on{_answer_en(step)}.",
    Act.REFER: lambda step: "Referred by law to the competent authority.",
    Act.SUCCEED: lambda step: (
        f"A unit was renamed or merged: {step.holder or step.desk} goes on with it{_answer_en(step)}."
    ),
    Act.RECORD_RECEIPT: lambda step: "The receiving authority acknowledged it.",
    Act.REFERRAL_RETURNED: lambda step: (
        f"The receiving authority sent it back: {step.holder or step.desk} goes on{_answer_en(step)}."
    ),
    Act.REPLY: lambda step: f"Answered{_outcome(step, 'en')}; please read the answer and rate it.",
}


_FILE_ZH = {
    EvidenceState.RECEIVED: "文件已收到，正在检查。",
    EvidenceState.INFECTED: "文件含有恶意程序，不能使用：请换一份重新提交。",
    EvidenceState.UNREADABLE: "文件已损坏、加密或无法识别，不能使用：请换一份重新提交。",
}
_FILE_EN = {
    EvidenceState.RECEIVED: "The file was received and is being examined.",
    EvidenceState.INFECTED: "The file holds malicious code and can't be used: send another one.",
    EvidenceState.UNREADABLE: "The file is damaged, locked or not what it says it is, and can't be used: "
    "send another one.",
}


def reissue_text(language: str) -> str:
    """What whoever asks for a new code is told, whatever comes of it."""
    if language == "zh":
        return (
            "已收到申请。如果与实名来件时留下的信息一致，新的查询码会发到来件时留下的邮箱；新码第一次使用后，旧码作废。"
        )
    return (
        "Your request was received. If it matches what was left with a named complaint, a new query code goes to the "
        "e-mail address left with it; once the new code is used, the old one is void."
    )


_FURTHER = (
    "不服的，可以向履行个人信息保护职责的部门投诉、举报（第六十五条），或者依法向人民法院提起诉讼（第五十条）。",
    "You may complain to the authority in charge of personal information (art. 65) or sue (art. 50).",
)


def right_name(kind: str, language: str) -> str:
    """What is asked, in words."""
    return RIGHT_WORDS[Right(kind)][language != "zh"]


def right_standing(request: OwnRequest, language: str) -> str:
    """Where a request stands: by when it is answered, or how it was; a refusal with its ground and what can be done."""
    other = language != "zh"
    if request.state == "WAITING" and request.due_at is not None:
        by = by_when(request.due_at, language, provisional=request.provisional)
        return (f"办理中，{by}。", f"Being handled, {by}.")[other]
    if request.state == "WAITING":
        return ("办理中，答复期限正在计算。", "Being handled; its date is being counted.")[other]
    if request.state == "GRANTED":
        return ("已同意。", "Granted.")[other]
    ground = GROUND_WORDS[Ground(request.ground or Ground.DUTY)][other]
    return (f"未同意：{ground}。{_FURTHER[0]}", f"Refused: {ground}. {_FURTHER[1]}")[other]


def file_text(state: EvidenceState, lang: str) -> str:
    """What has become of a file that the reporter sent."""
    if lang == "zh":
        return _FILE_ZH.get(state, "文件已收到。")
    return _FILE_EN.get(state, "The file was received.")
