"""What notices say, in Chinese and English, and how dates are worded. No narrative, no person's name, no query code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.cases import OUTCOME_ZH, Outcome
from contracts.lifecycle import Act, Purpose, TaskKind
from contracts.reference import refusals
from contracts.terms import ACT_ZH
from services.notifications.domain import Template

CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Text:
    """One template in one language: the subject's words, and the paragraphs, with {placeholders}."""

    subject: str
    paragraphs: tuple[str, ...]


def last_moment(due_at: datetime, language: str) -> str:
    """A deadline in words. The due instant is the next day's midnight in China: people say 24:00 of the last day."""
    local = due_at.astimezone(CHINA)
    if local.timetz().replace(tzinfo=None) == time(0):
        day = (local - timedelta(days=1)).date()
        return f"{day:%Y年%-m月%-d日}24:00" if language == "zh" else f"24:00 on {day:%-d %B %Y} (Beijing time)"
    return f"{local:%Y年%-m月%-d日%H:%M}" if language == "zh" else f"{local:%H:%M on %-d %B %Y} (Beijing time)"


def _deadline(due_at: str, provisional: bool, language: str) -> str:
    words = last_moment(_instant(due_at), language)
    mark = {"zh": "（暂定）", "en": " (provisional)"}[language]
    return words + mark if provisional else words


def moment(at: datetime, language: str) -> str:
    """An instant in words, in China's time."""
    local = at.astimezone(CHINA)
    return f"{local:%Y年%-m月%-d日%H:%M}" if language == "zh" else f"{local:%H:%M on %-d %B %Y} (Beijing time)"


_OUTCOME_EN: dict[Outcome, str] = {
    Outcome.SUBSTANTIATED: "substantiated and dealt with",
    Outcome.PARTLY_SUBSTANTIATED: "partly substantiated",
    Outcome.UNSUBSTANTIATED: "not substantiated",
    Outcome.UNVERIFIABLE: "could not be verified",
    Outcome.REFERRED: "referred to the competent authority",
    Outcome.EXPLAINED: "explained",
}
_HANDLING = ("办理", "handling")
"""Said of tasks and clocks that this version does not know yet."""
_TASK_WORDS: dict[str, tuple[str, str]] = {
    TaskKind.TRIAGE: ("预审", "triage"),
    TaskKind.DISPATCH: ("派单", "dispatch"),
    TaskKind.SIGN: ("签收", "signing"),
    TaskKind.HANDLE: ("办理", "handling"),
    TaskKind.REVIEW: ("审核", "review"),
    TaskKind.VISIT: ("回访", "call-back"),
    TaskKind.RETURN: ("退回审核", "decision on a return"),
    TaskKind.DESIGNATE: ("指定承办", "designation"),
    TaskKind.REFERRAL: ("移送跟踪", "chasing a referral"),
}
_PURPOSE_WORDS: dict[str, tuple[str, str]] = {
    Purpose.ACKNOWLEDGE: ("受理告知", "acknowledgement"),
    Purpose.SUPPLEMENT: ("补充材料", "supplement"),
    Purpose.SIGN: ("签收", "signing"),
    Purpose.RETURN: ("申请退回", "return"),
    Purpose.DESIGNATE: ("指定承办", "designation"),
    Purpose.HANDLE: ("办理答复", "answer"),
    Purpose.SUPPORT: ("协办反馈", "helping unit's answer"),
    Purpose.DECIDE_REFERRAL: ("决定是否移送", "decision on a referral"),
    Purpose.SEND_REFERRAL: ("送出移送", "sending of a referral"),
    Purpose.RECEIPT: ("移送回执", "receipt of a referral"),
    Purpose.DISPOSAL: ("移送处置反馈", "feedback on a referral"),
    Purpose.ANSWER: ("移送后答复", "answer after a referral"),
    Purpose.REPORT_UP: ("上报重大线索", "report of a major clue"),
    Purpose.VISIT: ("回访", "call-back"),
    Purpose.SILENCE: ("评价", "rating"),
    Purpose.REDO: ("重办答复", "redone answer"),
    Purpose.REVIEW_REQUEST: ("复查申请", "request for review"),
}

ZH: dict[Template, Text] = {
    Template.RECEIPT: Text("已收到", ("您的来件已于{at}收到，正在登记。", "我们将在法定期限内告知您是否受理。")),
    Template.CODE_REISSUED: Text(
        "新的查询码",
        (
            "您（或知道您姓名和号码的人）申请补发查询码。新的查询码是 {code} 。",
            "新码第一次使用后，旧码作废。如果不是您本人申请，请不要使用新码，旧码继续有效。",
        ),
    ),
    Template.RIGHTS_ASKED: Text(
        "收到个人信息请求",
        (
            "我们于{at}收到一份关于您个人信息的请求，将在法定期限内答复。",
            "如果不是您本人提出，请尽快在查询页补充说明。",
        ),
    ),
    Template.RIGHTS_ANSWERED: Text(
        "个人信息请求已答复", ("关于您个人信息的请求已有答复，请在查询页“我的个人信息”中查看。",)
    ),
    Template.REGISTERED: Text("已登记", ("您的来件已由{desk}登记。",)),
    Template.ACCEPTED: Text("已受理", ("您的来件已由{desk}受理。", "{answer_by}")),
    Template.REJECTED: Text("不予受理", ("您的来件经审查不予受理。", "理由：{reason}。", "{right_channel}")),
    Template.SUPPLEMENT_REQUESTED: Text(
        "请补充材料", ("您的来件需要补充材料，具体内容请在查询页查看。", "{supplement_by}")
    ),
    Template.SUPPLEMENT_LAPSED: Text("补充期限已过", ("补充材料的期限已过，将按现有材料处理。",)),
    Template.HANDED_OVER: Text("已转交办理", ("您的来件已转交{holder}办理。", "{answer_by}")),
    Template.HANDED_TO_DESK: Text("已移交受理", ("您的来件已移交{desk}，由其决定是否受理。", "{answer_by}")),
    Template.SIGNED: Text("承办单位已确定", ("您的来件由{holder}承办。", "{answer_by}")),
    Template.REPLIED: Text(
        "已答复",
        (
            "您的来件已有办理答复。{outcome}",
            "请在查询页查看答复全文，并对办理结果作出评价。",
            "如不满意，可在评价中说明，将按规定重办一次。",
        ),
    ),
    Template.RATING_REQUESTED: Text(
        "请您评价", ("我们就您的来件进行了回访。请在查询页对办理结果作出评价。", "{rate_by}")
    ),
    Template.REDO_ORDERED: Text("已安排重办", ("您的来件已安排重办，由{holder}承办。", "{answer_by}")),
    Template.SPLIT: Text("已拆分办理", ("您反映的事项分属不同程序，已拆分办理，并将分别答复您。",)),
    Template.JOINED: Text("已并案办理", ("您的来件与同一事项的其他来件并案办理，结果同样答复您。",)),
    Template.ON_ITS_OWN: Text("单独办理", ("您的来件由{desk}单独办理。", "{answer_by}")),
    Template.DISPATCHED_ANEW: Text("承办单位有变", ("您的来件将重新确定承办单位。", "{answer_by}")),
    Template.EXTENDED: Text("办理期限延长", ("经批准，您的来件延长办理期限，理由请在查询页查看。", "{answer_by}")),
    Template.PAUSED: Text("期限中止计算", ("因法定事由，您的来件办理期限中止计算，恢复时将告知您。",)),
    Template.RESUMED: Text("期限恢复计算", ("您的来件办理期限恢复计算。", "{answer_by}")),
    Template.REFERRED: Text("已移送", ("您的来件已依法移送有权机关处理，结果将告知您。",)),
    Template.SUCCEEDED: Text("承办单位有变更", ("因单位合并或更名，您的来件由{has_it}接续办理。", "{answer_by}")),
    Template.RECEIVED: Text("移送已签收", ("有权机关已签收您的来件。",)),
    Template.CLOSED: Text("已办结", ("您的来件已办结。{outcome}", "办理情况请在查询页查看。")),
    Template.PERIOD_MOVED: Text(
        "期限有变",
        ("因放假安排调整，您的来件的{purpose}期限有变。", "{supplement_by}", "{rate_by}", "{review_by}"),
    ),
    Template.PROGRESS: Text("有新进展", ("您的来件有新进展，请在查询页查看。", "{answer_by}")),
    Template.NEW_TASK: Text("新任务", ("案件{case_number}有新的{task}任务，请及时处理。{due}",)),
    Template.CASE_NEWS: Text("案件动态", ("案件{case_number}：{act}，请知悉并及时处理。{due}",)),
    Template.REVIEW_FAILED: Text("审核退回", ("案件{case_number}的答复经审核退回，请继续办理。{due}",)),
    Template.URGED: Text("催办", ("案件{case_number}被催办，请尽快处理。{due}",)),
    Template.DUE_SOON: Text("临期预警", ("案件{case_number}的{purpose}期限将至。{due}",)),
    Template.OVERDUE: Text("已超期", ("案件{case_number}的{purpose}已超期。{was_due}",)),
    Template.URGE_NOTICE: Text("催办通知书", ("案件{case_number}的{purpose}逾期未办，请立即办理。{was_due}",)),
    Template.YELLOW_CARD: Text("黄牌警示", ("案件{case_number}的{purpose}超期，予以黄牌警示。{was_due}",)),
    Template.RED_CARD: Text(
        "红牌警示", ("案件{case_number}的{purpose}经催办仍超期，予以红牌警示并通报批评。{was_due}",)
    ),
    Template.LIST_CASE: Text("挂牌督办", ("案件{case_number}的{purpose}长期超期，列为挂牌督办。{was_due}",)),
    Template.CALL_IN: Text("约谈", ("案件{case_number}的{purpose}挂牌督办后仍超期，将约谈承办单位。{was_due}",)),
    Template.ORDER_RECTIFICATION: Text(
        "责令限期整改", ("案件{case_number}的{purpose}经约谈仍超期，责令承办单位限期整改。{was_due}",)
    ),
    Template.RECOUNTED: Text(
        "期限已重新计算", ("因日历调整，案件{case_number}的{purpose}期限重新计算。{formerly}{due}",)
    ),
}

EN: dict[Template, Text] = {
    Template.RECEIPT: Text(
        "received",
        (
            "Your submission was received at {at} and is being registered.",
            "You will be told within the legal period whether it is accepted.",
        ),
    ),
    Template.CODE_REISSUED: Text(
        "a new query code",
        (
            "You, or somebody who knows your name and number, asked for a new query code. It is: {code}",
            "Once it is used, the old code is void. If it was not you who asked, do not use it: the old code holds.",
        ),
    ),
    Template.RIGHTS_ASKED: Text(
        "a request about your data",
        (
            "On {at} we received a request about your personal data; it is answered in the time that the law gives.",
            "If it was not yours, say so soon: follow your submission with its code and add a text.",
        ),
    ),
    Template.RIGHTS_ANSWERED: Text(
        "your request about your data is answered",
        ('Your request about your personal data is answered: see "My data" where you follow your submission.',),
    ),
    Template.REGISTERED: Text("registered", ("Your submission was registered by {desk}.",)),
    Template.ACCEPTED: Text("accepted", ("Your submission was accepted by {desk}.", "{answer_by}")),
    Template.REJECTED: Text(
        "not accepted",
        ("Your submission was examined and not accepted.", "Reason: {reason}.", "{right_channel}"),
    ),
    Template.SUPPLEMENT_REQUESTED: Text(
        "more is needed",
        ("More is needed from you; the tracking page says what.", "{supplement_by}"),
    ),
    Template.SUPPLEMENT_LAPSED: Text(
        "time to add has passed",
        ("The time to add material has passed; the case goes on with what there is.",),
    ),
    Template.HANDED_OVER: Text("handed over", ("Your submission was handed to {holder}.", "{answer_by}")),
    Template.HANDED_TO_DESK: Text(
        "handed to another desk",
        ("Your submission was handed to {desk}, which decides whether it is accepted.", "{answer_by}"),
    ),
    Template.SIGNED: Text("unit in charge", ("{holder} is in charge of your submission.", "{answer_by}")),
    Template.REPLIED: Text(
        "answered",
        (
            "Your submission has been answered.{outcome}",
            "Please read the whole answer on the tracking page and rate it.",
            "If you are not satisfied, say so in the rating: it is handled once more.",
        ),
    ),
    Template.RATING_REQUESTED: Text(
        "please rate",
        ("We called back about your submission. Please rate the answer on the tracking page.", "{rate_by}"),
    ),
    Template.REDO_ORDERED: Text(
        "handled once more", ("Your submission is being handled once more, by {holder}.", "{answer_by}")
    ),
    Template.SPLIT: Text(
        "handled in parts",
        ("What you report belongs to different procedures: it is handled, and answered, in parts.",),
    ),
    Template.JOINED: Text(
        "joined with others",
        ("Your submission was joined with others on the same matter; you are told the result all the same.",),
    ),
    Template.ON_ITS_OWN: Text("handled by itself", ("{desk} handles your submission by itself.", "{answer_by}")),
    Template.DISPATCHED_ANEW: Text("another unit", ("It is decided anew who handles your submission.", "{answer_by}")),
    Template.EXTENDED: Text(
        "more time", ("The time for your submission was extended; the tracking page says why.", "{answer_by}")
    ),
    Template.PAUSED: Text(
        "time stands still",
        ("On a legal ground the time for your submission stands still; you are told when it runs on.",),
    ),
    Template.RESUMED: Text("time runs on", ("The time for your submission runs on.", "{answer_by}")),
    Template.REFERRED: Text(
        "referred", ("Your submission was referred by law to the competent authority; you are told the result.",)
    ),
    Template.SUCCEEDED: Text(
        "unit renamed or merged",
        ("A unit was renamed or merged: {has_it} goes on with your submission.", "{answer_by}"),
    ),
    Template.RECEIVED: Text("acknowledged", ("The competent authority acknowledged your submission.",)),
    Template.CLOSED: Text(
        "closed", ("Your submission is closed.{outcome}", "See the tracking page for how it was handled.")
    ),
    Template.PERIOD_MOVED: Text(
        "a date has changed",
        (
            "The official calendar changed, and with it a period of your submission ({purpose}).",
            "{supplement_by}",
            "{rate_by}",
            "{review_by}",
        ),
    ),
    Template.PROGRESS: Text("news", ("There is news of your submission: see the tracking page.", "{answer_by}")),
    Template.NEW_TASK: Text("new task", ("Case {case_number} has a new task: {task}.{due}",)),
    Template.CASE_NEWS: Text("news of a case", ("Case {case_number}: {act}. Please see to it.{due}",)),
    Template.REVIEW_FAILED: Text(
        "sent back by review", ("The reply in case {case_number} was sent back by review: please go on.{due}",)
    ),
    Template.URGED: Text("urged", ("Case {case_number} is urged: please act soon.{due}",)),
    Template.DUE_SOON: Text("due soon", ("The {purpose} in case {case_number} is due soon.{due}",)),
    Template.OVERDUE: Text("overdue", ("The {purpose} in case {case_number} is overdue.{was_due}",)),
    Template.URGE_NOTICE: Text(
        "written urging", ("The {purpose} in case {case_number} is late: please act at once.{was_due}",)
    ),
    Template.YELLOW_CARD: Text(
        "yellow card", ("The {purpose} in case {case_number} is overdue: a yellow card.{was_due}",)
    ),
    Template.RED_CARD: Text(
        "red card",
        ("The {purpose} in case {case_number} is overdue after an urging: a red card, notified to all.{was_due}",),
    ),
    Template.LIST_CASE: Text(
        "listed supervision",
        ("The {purpose} in case {case_number} is long overdue: the case is under listed supervision.{was_due}",),
    ),
    Template.CALL_IN: Text(
        "called in",
        ("The {purpose} in case {case_number} is overdue under supervision: its unit is called in.{was_due}",),
    ),
    Template.ORDER_RECTIFICATION: Text(
        "ordered to rectify",
        ("The {purpose} in case {case_number} is overdue after a talk: ordered to rectify in time.{was_due}",),
    ),
    Template.RECOUNTED: Text(
        "deadline counted anew",
        ("The calendar changed: the {purpose} in case {case_number} was counted anew.{formerly}{due}",),
    ),
}

BY_LANGUAGE = {"zh": ZH, "en": EN}


def words(data: dict[str, str], language: str) -> dict[str, str]:
    """The values for the placeholders from a notice's data. A part that has nothing to say is empty."""
    zh = language == "zh"
    values = {
        "case_number": data.get("case_number", ""),
        "code": data.get("code", ""),
        "desk": data.get("desk", "") or ("受理单位" if zh else "the desk"),
        "holder": data.get("holder", "") or ("承办单位" if zh else "the unit in charge"),
        "has_it": data.get("holder") or data.get("desk") or ("承办单位" if zh else "the unit in charge"),
        "at": moment(_instant(data["at"]), language) if "at" in data else "",
        **_reason(data.get("reason_code", ""), zh),
        "outcome": _outcome(data, zh),
        "act": _act(data.get("act", ""), zh),
        "task": _TASK_WORDS.get(data.get("task", ""), _HANDLING)[not zh],
        "purpose": _PURPOSE_WORDS.get(data.get("purpose", ""), _HANDLING)[not zh],
    }
    purpose = data.get("purpose")
    return values | _dates(data, purpose, language)


def _dates(data: dict[str, str], purpose: str | None, language: str) -> dict[str, str]:
    names = ("answer_by", "supplement_by", "rate_by", "review_by", "due", "was_due", "formerly")
    if "due_at" not in data or purpose is None:
        return dict.fromkeys(names, "")
    due = _deadline(data["due_at"], "provisional" in data, language)
    zh = language == "zh"
    before = _deadline(data["due_before"], "provisional_before" in data, language) if "due_before" in data else ""
    return {
        "answer_by": _answer_by(purpose, due, zh),
        "supplement_by": ""
        if purpose != Purpose.SUPPLEMENT
        else (f"请于{due}前补充。" if zh else f"Please add it by {due}."),
        "rate_by": ""
        if purpose != Purpose.SILENCE
        else (f"请于{due}前评价，逾期视为无异议。" if zh else f"Please rate by {due}; silence counts as no objection."),
        "review_by": ""
        if purpose != Purpose.REVIEW_REQUEST
        else (f"如需申请复查，请于{due}前提出。" if zh else f"If you want a review, ask for it by {due}."),
        "formerly": "" if not before else (f"原期限：{before}。" if zh else f" It was due: {before}."),
        "due": f"期限：{due}。" if zh else f" Due: {due}.",
        "was_due": f"期限为{due}。" if zh else f" It was due: {due}.",
    }


def _answer_by(purpose: str, due: str, zh: bool) -> str:
    if purpose in (Purpose.HANDLE, Purpose.REDO, Purpose.ANSWER):
        return f"须于{due}前答复您。" if zh else f"You must be answered by {due}."
    if purpose == Purpose.ACKNOWLEDGE:
        return f"须于{due}前告知您是否受理。" if zh else f"You must be told by {due} whether it is accepted."
    return ""


def _act(code: str, zh: bool) -> str:
    known = code in Act.__members__
    return ACT_ZH[Act(code)] if zh and known else code.replace("_", " ").lower()


def _reason(code: str, zh: bool) -> dict[str, str]:
    refusal = refusals().get(code)
    if refusal is None:
        return {
            "reason": "详见查询页" if zh else "see the tracking page",
            "right_channel": "",
        }
    return {
        "reason": refusal.name_zh if zh else refusal.name_en,
        "right_channel": f"{refusal.channel_zh}。" if zh else f"{refusal.channel_en}.",
    }


def _outcome(data: dict[str, str], zh: bool) -> str:
    if data.get("outcome") not in set(Outcome):
        return ""
    outcome = Outcome(data["outcome"])
    return f"办理结论：{OUTCOME_ZH[outcome]}。" if zh else f" Outcome: {_OUTCOME_EN[outcome]}."


def _instant(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


def paragraphs(template: Template, data: dict[str, str], language: str) -> list[str]:
    """The template's paragraphs with the data filled in; empty ones are left out."""
    values = words(data, language)
    filled = [text.format_map(values).strip() for text in BY_LANGUAGE[language][template].paragraphs]
    return [text for text in filled if text]


def subject(template: Template, language: str) -> str:
    """The template's subject words."""
    return BY_LANGUAGE[language][template].subject


def digest_title(count: int, language: str) -> str:
    """The title of several reminders shown as one."""
    return f"今日提醒{count}件" if language == "zh" else f"{count} reminders today"


def digest_text(titles: Mapping[str, int], language: str) -> str:
    """How many reminders of each kind: titles with their numbers."""
    if language == "zh":
        return "、".join(f"{title}{count}件" for title, count in titles.items()) + "。"
    return ", ".join(f"{title}: {count}" for title, count in titles.items()) + "."
