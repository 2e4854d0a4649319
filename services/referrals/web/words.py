"""The domain's terms on officers' pages, Chinese and English. A term that has no word yet is shown by its code."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.lifecycle import Act, Channel, Field, Party, Purpose, Role, Stage, TaskKind, Track
from contracts.reference import categories, outcomes
from contracts.terms import ACT_ZH, STAGE_ZH
from services.chassis.problems import Lang
from services.referrals.watch import Watch

Pair = tuple[str, str]


def humanized(code: str) -> str:
    """A code as words, for a term that none was chosen for."""
    return code.replace("_", " ").lower()


_STAGE_EN: dict[Stage, str] = {
    Stage.SUBMITTED: "to be registered",
    Stage.TRIAGE: "in triage",
    Stage.SUPPLEMENT: "waiting for a supplement",
    Stage.REJECTED: "not accepted",
    Stage.PENDING_DISPATCH: "to be dispatched",
    Stage.DISPATCHED: "dispatched, to be signed",
    Stage.SIGNED: "signed",
    Stage.HANDLING: "being handled",
    Stage.FEEDBACK: "answered, to be reviewed",
    Stage.PENDING_VISIT: "to be called back",
    Stage.REDO: "to be done again",
    Stage.CLOSED: "closed",
    Stage.ARCHIVED: "archived",
}
_ACT_EN: dict[Act, str] = {
    Act.REGISTER: "Registered",
    Act.CLAIM: "Claim",
    Act.LINK_RESPONDENTS: "Link respondents",
    Act.REQUEST_SUPPLEMENT: "Ask for a supplement",
    Act.SUPPLEMENT: "Supplement",
    Act.SUPPLEMENT_LAPSED: "No supplement in time",
    Act.REJECT: "Don't accept",
    Act.ACCEPT: "Accept",
    Act.DISPATCH: "Dispatch",
    Act.HAND_TO_DESK: "Hand to another desk",
    Act.SIGN: "Sign for it",
    Act.SIGN_LAPSED: "Not signed in time: first holder",
    Act.BEGIN: "Begin",
    Act.TRANSFER: "Transfer",
    Act.URGE: "Urge",
    Act.REPLY: "Answer",
    Act.REVIEW_PASS: "Approve the answer",
    Act.REVIEW_FAIL: "Send the answer back",
    Act.RECORD_VISIT: "Record the call-back",
    Act.VISIT_LAPSED: "No call-back in time",
    Act.RATE: "Rated",
    Act.SILENCE_LAPSED: "No rating in time: no objection",
    Act.DUE_SOON: "Due soon",
    Act.OVERDUE: "Overdue",
    Act.ARCHIVE: "Archived",
}
STAGE: dict[str, Pair] = {stage: (zh, _STAGE_EN.get(stage) or humanized(stage)) for stage, zh in STAGE_ZH.items()}
ACT: dict[str, Pair] = {act: (zh, _ACT_EN.get(act) or humanized(act)) for act, zh in ACT_ZH.items()}
PURPOSE: dict[str, Pair] = {
    Purpose.ACKNOWLEDGE: ("受理告知", "acknowledge"),
    Purpose.SUPPLEMENT: ("补充材料", "supplement"),
    Purpose.SIGN: ("签收", "sign"),
    Purpose.HANDLE: ("办结", "handle"),
    Purpose.VISIT: ("回访", "call back"),
    Purpose.SILENCE: ("等待评价", "wait for a rating"),
    Purpose.REDO: ("重办", "do again"),
    Purpose.REVIEW_REQUEST: ("申请复查", "ask for review"),
}
TASK: dict[str, Pair] = {
    TaskKind.TRIAGE: ("预审", "Triage"),
    TaskKind.DISPATCH: ("派单", "Dispatch"),
    TaskKind.SIGN: ("签收", "Sign"),
    TaskKind.HANDLE: ("办理", "Handle"),
    TaskKind.REVIEW: ("审核", "Review"),
    TaskKind.VISIT: ("回访", "Call back"),
}
ROLE: dict[str, Pair] = {
    Role.CLERK: ("受理员", "clerk"),
    Role.DISPATCHER: ("派单员", "dispatcher"),
    Role.HANDLER: ("经办人", "handler"),
    Role.REVIEWER: ("审核员", "reviewer"),
    Role.FOLLOW_UP: ("回访员", "follow-up"),
    Role.SUPERVISOR: ("督办员", "supervisor"),
    Role.ADMIN: ("管理员", "administrator"),
}
PARTY: dict[str, Pair] = {
    Party.REPORTER: ("诉求人", "the reporter"),
    Party.SYSTEM: ("系统", "the system"),
}
TRACK: dict[str, Pair] = {Track.GENERAL: ("投诉", "Complaint"), Track.INTEGRITY: ("举报", "Report")}
CHANNEL: dict[str, Pair] = {
    Channel.HOTLINE: ("热线", "hotline"),
    Channel.MINI_PROGRAM: ("小程序", "mini-program"),
    Channel.WEB: ("网页", "web"),
}
LAMP: dict[str, Pair] = {
    "NORMAL": ("正常", "on time"),
    "DUE_SOON": ("临期", "due soon"),
    "OVERDUE": ("超期", "overdue"),
}
WATCH: dict[str, Pair] = {
    Watch.OVERDUE: ("超期", "Overdue"),
    Watch.DUE_SOON: ("临期", "Due soon"),
    Watch.UNCLAIMED: ("无人认领", "Unclaimed"),
    Watch.REDO: ("重办", "Done again"),
    Watch.OPEN: ("在办", "Open"),
}
FIELD: dict[str, Pair] = {
    Field.RESPONDENT_UNITS: ("被反映单位", "Units complained of"),
    Field.REASON_CODE: ("不予受理的理由", "Ground of refusal"),
    Field.UNIT: ("接收单位", "Receiving unit"),
    Field.NOTE: ("说明", "Note"),
    Field.PUBLIC_REPLY: ("给诉求人的答复", "Answer to the reporter"),
    Field.OUTCOME: ("办结类型", "Outcome"),
    Field.SATISFACTION: ("满意度", "Satisfaction"),
}
READING: dict[str, Pair] = {
    "TRIAGE": ("预审", "triage"),
    "DISPATCH": ("派单", "dispatch"),
    "HANDLE": ("办理", "handling"),
    "REVIEW": ("审核", "review"),
    "VISIT": ("回访", "call-back"),
    "SUPERVISE": ("督办", "supervision"),
}
"""What a complaint's text is read for."""


@dataclass(frozen=True)
class Words:
    """The terms in one language; each method takes a code and gives its word."""

    lang: Lang

    def of(self, terms: Mapping[str, Pair], code: str) -> str:
        """The word for a code of one of the tables."""
        pair = terms.get(code)
        return humanized(code) if pair is None else self.pick(*pair)

    def pick(self, zh: str, en: str) -> str:
        """The one in the page's language."""
        return zh if self.lang == "zh" else en

    def stage(self, code: str) -> str:
        """Where a case stands."""
        return self.of(STAGE, code)

    def act(self, code: str) -> str:
        """What is done, or was."""
        return self.of(ACT, code)

    def purpose(self, code: str) -> str:
        """What a clock is for."""
        return self.of(PURPOSE, code)

    def task(self, code: str) -> str:
        """A kind of task."""
        return self.of(TASK, code)

    def role(self, code: str) -> str:
        """What an account may do in its unit."""
        return self.of(ROLE, code)

    def track(self, code: str) -> str:
        """Complaint or report."""
        return self.of(TRACK, code)

    def channel(self, code: str) -> str:
        """Where a complaint came in."""
        return self.of(CHANNEL, code)

    def lamp(self, code: str) -> str:
        """How a deadline stands."""
        return self.of(LAMP, code)

    def watch(self, code: str) -> str:
        """What a supervisor looks for."""
        return self.of(WATCH, code)

    def field(self, code: str) -> str:
        """What an act brings."""
        return self.of(FIELD, code)

    def reading(self, code: str) -> str:
        """What a text is read for."""
        return self.of(READING, code)

    def outcome(self, code: str) -> str:
        """How a case ended."""
        found = outcomes().get(code)
        return self.pick(found.name_zh, found.name_en) if found else humanized(code)

    def category(self, code: str) -> str:
        """A class of the taxonomy."""
        found = categories().get(code)
        return self.pick(found.name_zh, found.name_en) if found else code
