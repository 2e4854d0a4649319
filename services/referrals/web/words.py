"""The domain's terms on officers' pages, Chinese and English. A term that has no word yet is shown by its code."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.lifecycle import (
    RECUSALS,
    Act,
    Channel,
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
from contracts.reference import categories, disposals, grounds, opening_purposes, outcomes, papers, suspensions
from contracts.rights import GROUND_WORDS, RIGHT_WORDS, Ground, Right
from contracts.terms import ACT_ZH, KIND_ZH, STAGE_ZH
from services.chassis.problems import Lang
from services.referrals.watch import Watch
from services.referrals.web.words_accounts import ACCOUNT_ACTS, ACCOUNT_STATES, AUDIT_ACTS, AUDIT_DETAILS, DONE
from services.referrals.web.words_openings import ATTEMPT, DENIAL, IDENTITY, OPENING

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
    Stage.RETURN_REQ: "return asked for",
    Stage.ARBITRATION: "waiting for designation",
    Stage.SIGNED: "signed",
    Stage.HANDLING: "being handled",
    Stage.FEEDBACK: "answered, to be reviewed",
    Stage.PENDING_VISIT: "to be called back",
    Stage.REDO: "to be done again",
    Stage.REFERRED: "referred",
    Stage.MERGED: "merged",
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
    Act.REISSUE_CODE: "Query code issued anew",
    Act.ASK_RIGHTS: "Request about personal data",
    Act.ANSWER_RIGHTS: "Request about personal data answered",
    Act.SILENCE_LAPSED: "No rating in time: no objection",
    Act.DUE_SOON: "Due soon",
    Act.OVERDUE: "Overdue",
    Act.ARCHIVE: "Archived",
    Act.URGE_NOTICE: "Written urging",
    Act.YELLOW_CARD: "Yellow card for lateness",
    Act.RED_CARD: "Red card, notified to all",
    Act.LIST_CASE: "Listed for supervision",
    Act.CALL_IN: "Called in for lateness",
    Act.ORDER_RECTIFICATION: "Ordered to rectify in time",
    Act.RECOUNT: "Counted anew by a new calendar",
    Act.REASSIGN: "Give to another officer",
    Act.LINK_PERSONS: "Link persons",
    Act.CORRECT_RESPONDENTS: "Correct the respondents",
    Act.RECUSE: "Keep away from the case (recusal)",
    Act.ORDER_RECUSAL: "Have an officer keep away (recusal)",
    Act.LIFT_RECUSAL: "Let an officer back in (recusal lifted)",
    Act.RECLASSIFY: "Correct the class",
    Act.MARK_URGENT: "Mark as urgent",
    Act.SPLIT: "Split",
    Act.MERGE: "Merge",
    Act.ABSORB: "Another complaint was merged in",
    Act.UNMERGE: "Undo the merge",
    Act.DISOWN: "A merge was undone",
    Act.MERGE_FAILED: "Could not be merged",
    Act.MERGE_ENDED: "The main case was archived",
    Act.BYPASS: "To the restricted desk above",
    Act.REQUEST_RETURN: "Ask to return it",
    Act.APPROVE_RETURN: "Agree to the return",
    Act.DENY_RETURN: "Refuse the return",
    Act.RETURN_LAPSED: "The window for a return closed",
    Act.DESIGNATE: "Designate",
    Act.RECALL: "Recall",
    Act.ADD_SUPPORT: "Add a helping unit",
    Act.SUPPORT_ANSWER: "Answer as a helping unit",
    Act.RELEASE_SUPPORT: "Release a helping unit",
    Act.REQUEST_EXTENSION: "Ask for more time",
    Act.GRANT_EXTENSION: "Grant more time",
    Act.DENY_EXTENSION: "Refuse more time",
    Act.SUSPEND_CLOCK: "Suspend a clock",
    Act.RESUME_CLOCK: "Resume a clock",
    Act.PROPOSE_REFERRAL: "Propose a referral",
    Act.VERIFY_REFERRAL: "Verify the facts for a referral",
    Act.APPROVE_REFERRAL: "Approve the referral",
    Act.DENY_REFERRAL: "Refuse the referral",
    Act.REFER: "Refer",
    Act.RECORD_RECEIPT: "Record the receipt",
    Act.RECORD_DISPOSAL: "Record the disposal",
    Act.REFERRAL_RETURNED: "The referral came back",
    Act.MARK_MAJOR: "Mark as a major clue",
    Act.REPORT_MAJOR: "Report the major clue upward",
    Act.LIFT_MAJOR: "Take the mark of a major clue away",
    Act.SUPERVISE: "Supervise",
    Act.LIFT_SUPERVISION: "End the supervision",
    Act.HAND_ON: "Handed on: the officer has left",
    Act.SUCCEED: "Taken over by the successor unit",
}
STAGE: dict[str, Pair] = {stage: (zh, _STAGE_EN.get(stage) or humanized(stage)) for stage, zh in STAGE_ZH.items()}
ACT: dict[str, Pair] = {act: (zh, _ACT_EN.get(act) or humanized(act)) for act, zh in ACT_ZH.items()}
PURPOSE: dict[str, Pair] = {
    Purpose.ACKNOWLEDGE: ("受理告知", "acknowledge"),
    Purpose.SUPPLEMENT: ("补充材料", "supplement"),
    Purpose.SIGN: ("签收", "sign"),
    Purpose.RETURN: ("可申请退回", "window for a return"),
    Purpose.DESIGNATE: ("指定管辖", "designate"),
    Purpose.HANDLE: ("办结", "handle"),
    Purpose.SUPPORT: ("协办反馈", "helping unit's answer"),
    Purpose.DECIDE_REFERRAL: ("决定移送", "decide on the referral"),
    Purpose.SEND_REFERRAL: ("送出移送", "send the referral"),
    Purpose.RECEIPT: ("接收回执", "receipt"),
    Purpose.DISPOSAL: ("处置反馈", "disposal"),
    Purpose.ANSWER: ("答复反映人", "answer the reporter"),
    Purpose.REPORT_UP: ("上报重大线索", "report the major clue"),
    Purpose.VISIT: ("回访", "call back"),
    Purpose.SILENCE: ("等待评价", "wait for a rating"),
    Purpose.REDO: ("重办", "do again"),
    Purpose.REVIEW_REQUEST: ("申请复查", "ask for review"),
}
TASK: dict[str, Pair] = {
    TaskKind.TRIAGE: ("预审", "Triage"),
    TaskKind.DISPATCH: ("派单", "Dispatch"),
    TaskKind.SIGN: ("签收", "Sign"),
    TaskKind.RETURN: ("退回审核", "Return asked for"),
    TaskKind.DESIGNATE: ("指定管辖", "Designate"),
    TaskKind.HANDLE: ("办理", "Handle"),
    TaskKind.REFERRAL: ("移送跟踪", "Referral"),
    TaskKind.REVIEW: ("审核", "Review"),
    TaskKind.VISIT: ("回访", "Call back"),
    TaskKind.VERIFY: ("核实", "Verify"),
    TaskKind.APPROVE: ("审批", "Approve"),
    TaskKind.SUPPORT: ("协办", "Help"),
}
ROLE: dict[str, Pair] = {
    Role.CLERK: ("受理员", "clerk"),
    Role.DISPATCHER: ("派单员", "dispatcher"),
    Role.HANDLER: ("经办人", "handler"),
    Role.LEADER: ("分管领导", "leader"),
    Role.REVIEWER: ("审核员", "reviewer"),
    Role.FOLLOW_UP: ("回访员", "follow-up"),
    Role.SUPERVISOR: ("督办员", "supervisor"),
    Role.SYSTEM_ADMIN: ("系统管理员", "system administrator"),
    Role.SECURITY_ADMIN: ("安全管理员", "security administrator"),
    Role.AUDIT_ADMIN: ("审计管理员", "audit administrator"),
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
    Watch.RETURNED: ("被退回", "Returned"),
    Watch.DESIGNATION: ("待指定", "Waiting for designation"),
    Watch.SUPERVISED: ("督办件", "Supervised"),
    Watch.OPEN: ("在办", "Open"),
}
OF_RECUSAL: dict[str, Pair] = {
    Field.REASON_CODE: ("回避事由", "Why"),
    Field.ASSIGNEE: ("回避人员", "Officer"),
}
"""What a recusal calls them."""
FIELD: dict[str, Pair] = {
    Field.RESPONDENT_UNITS: ("被反映单位", "Units complained of"),
    Field.REASON_CODE: ("不予受理的理由", "Ground of refusal"),
    Field.UNIT: ("接收单位", "Receiving unit"),
    Field.RESPONDENT_ACCOUNTS: ("被反映人（本系统账号）", "Persons accused (accounts of ours)"),
    Field.KIND: ("方式", "Kind"),
    Field.GROUND: ("依据", "Legal ground"),
    Field.NOTE: ("说明", "Note"),
    Field.PUBLIC_REPLY: ("给诉求人的答复", "Answer to the reporter"),
    Field.EXTRACT: ("节录（隐去身份的内容）", "Extract (without identities)"),
    Field.OUTCOME: ("办结类型", "Outcome"),
    Field.SATISFACTION: ("满意度", "Satisfaction"),
    Field.PURPOSE: ("期限", "Clock"),
    Field.AMOUNT: ("延长多少", "How much longer"),
    Field.CATEGORY: ("分类", "Class"),
    Field.TRACK: ("投诉或举报", "Complaint or report"),
    Field.LEVEL: ("督办级别", "Level of supervision"),
    Field.PAPERS: ("随案材料", "Papers sent along"),
    Field.DISPOSAL: ("处置方式", "Disposal"),
    Field.ASSIGNEE: ("经办人", "Officer"),
    Field.MAIN_CASE: ("主案编号", "Number of the main case"),
}
KIND: dict[str, Pair] = {
    HandoverKind.DISPATCH: ("转办", "handed on"),
    HandoverKind.ASSIGN: ("交办：须反馈结果和办结报告", "assigned: an answer and a closing report are owed"),
    HandoverKind.FORWARD: ("转送：由接收单位直接答复", "forwarded: the receiver answers the reporter"),
    HandoverKind.REFER: ("移送：由接收单位依职权办理", "referred: the receiver handles it in its own right"),
    HandoverKind.REPORT_UP: ("上报：报上级办理", "reported to the authority above"),
}
_KIND_EN: dict[HandoverKind, str] = {
    HandoverKind.DISPATCH: "hand on",
    HandoverKind.ASSIGN: "assign",
    HandoverKind.FORWARD: "forward",
    HandoverKind.REFER: "refer",
    HandoverKind.REPORT_UP: "report up",
}
SHORT_KIND: dict[str, Pair] = {kind: (zh, _KIND_EN.get(kind) or humanized(kind)) for kind, zh in KIND_ZH.items()}
SUPERVISION: dict[str, Pair] = {
    str(Supervision.ORDINARY.value): ("一般督办", "ordinary"),
    str(Supervision.LISTED.value): ("挂牌督办", "listed"),
    str(Supervision.INTERVIEW.value): ("约谈", "interview"),
    str(Supervision.RECTIFY.value): ("责令限期整改", "ordered to rectify in time"),
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
READING_ELSE: dict[str, Pair] = {"PACKAGE": ("出具移送函", "a letter")}
"""As well, but not to be chosen: what the system notes by itself."""

RELATION: dict[str, Pair] = {
    "MAIN": ("并入的主案", "joined to"),
    "MERGED": ("并入本案", "joined to this case"),
    "ORIGIN": ("拆出本案的原案", "split off from"),
    "SPLIT": ("从本案拆出", "split off from this case"),
    "RETALIATION": ("反映人此前的案件（反映遭打击报复）", "the reporter's case before (retaliation is reported)"),
}
"""What a case is to the one that is looked at."""

LIKENESS: dict[str, Pair] = {
    "SAME_RESPONDENT": ("被反映单位相同，事项同类", "same unit complained of, same class of matter"),
    "SAME_REPORTER": ("反映人相同", "same reporter"),
    "SIMILAR_TEXT": ("诉求内容相似", "similar text"),
}
"""Why two cases may be about the same matter."""


USUAL = frozenset(
    {Act.CLAIM, Act.ACCEPT, Act.DISPATCH, Act.SIGN, Act.APPROVE_RETURN, Act.DENY_RETURN, Act.DESIGNATE, Act.BEGIN,
     Act.REPLY, Act.REVIEW_PASS, Act.REVIEW_FAIL, Act.RECORD_VISIT, Act.SUPPORT_ANSWER, Act.GRANT_EXTENSION,
     Act.DENY_EXTENSION, Act.VERIFY_REFERRAL, Act.APPROVE_REFERRAL, Act.DENY_REFERRAL,
     Act.RECORD_RECEIPT, Act.RECORD_DISPOSAL}
)  # fmt: skip
"""Acts by which a task is usually done: they stand first, before those for the cases that are not usual."""


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

    def field(self, code: str, act: str | None = None) -> str:
        """What an act brings; as the act calls it."""
        return self.of(FIELD | OF_RECUSAL if act in RECUSALS else FIELD, code)

    def kind(self, code: str) -> str:
        """How a case is handed on, with the duty that goes with it."""
        return self.of(KIND, code)

    def short_kind(self, code: str) -> str:
        """How a case is handed on, in a word."""
        return self.of(SHORT_KIND, code)

    def supervision(self, level: int) -> str:
        """How closely a case is supervised."""
        return self.of(SUPERVISION, str(int(level)))

    def disposal(self, code: str) -> str:
        """What the receiver of a referral says that it did."""
        found = disposals().get(code)
        return self.pick(found.name_zh, found.name_en) if found else humanized(code)

    def ground(self, code: str) -> str:
        """A legal ground with its article, or a ground of suspension; a code of before there was a table as it is."""
        ground, standstill = grounds().get(code), suspensions().get(code)
        if ground is not None:
            return ground.text(self.lang)
        return self.pick(standstill.name_zh, standstill.name_en) if standstill else code

    def paper(self, code: str) -> str:
        """A paper that goes along with a referral."""
        found = papers().get(code)
        return self.pick(found.name_zh, found.name_en) if found else humanized(code)

    def reading(self, code: str) -> str:
        """What a text is read for."""
        return self.of({**READING, **READING_ELSE}, code)

    def opening(self, code: str) -> str:
        """Where a request to see the reporter's identity stands."""
        return self.of(OPENING, code)

    def opening_purpose(self, code: str) -> str:
        """What the identity is wanted for."""
        found = opening_purposes().get(code)
        return self.pick(found.name_zh, found.name_en) if found else humanized(code)

    def right(self, code: str) -> str:
        """What a reporter asks about the own data."""
        return self.pick(*RIGHT_WORDS[Right(code)])

    def right_ground(self, code: str) -> str:
        """On what a refusal of it rests."""
        return self.pick(*GROUND_WORDS[Ground(code)])

    def denial(self, code: str) -> str:
        """Why such a request was refused."""
        return self.of(DENIAL, code)

    def identity(self, code: str) -> str:
        """A part of an identity."""
        return self.of(IDENTITY, code)

    def attempt(self, code: str) -> str:
        """What was tried with an identity and refused."""
        return self.of(ATTEMPT, code)

    def account_act(self, code: str) -> str:
        """What happened to an officer's account."""
        return self.of(ACCOUNT_ACTS, code)

    def audit_act(self, code: str) -> str:
        """What a row of the audit says was done."""
        return self.of(AUDIT_ACTS, code)

    def audit_detail(self, action: str, code: str) -> str:
        """What a value of such a row is."""
        own = f"{action}.{code}"
        return self.of(AUDIT_DETAILS, own if own in AUDIT_DETAILS else code)

    def account_state(self, code: str) -> str:
        """How an account stands."""
        return self.of(ACCOUNT_STATES, code)

    def account_done(self, code: str) -> str:
        """What an administrator just did to an account."""
        return self.of(DONE, code)

    def relation(self, code: str) -> str:
        """What another case is to this one."""
        return self.of(RELATION, code)

    def likeness(self, code: str) -> str:
        """Why another case may be about the same matter."""
        return self.of(LIKENESS, code)

    def outcome(self, code: str) -> str:
        """How a case ended."""
        found = outcomes().get(code)
        return self.pick(found.name_zh, found.name_en) if found else humanized(code)

    def category(self, code: str) -> str:
        """A class of the taxonomy."""
        found = categories().get(code)
        return self.pick(found.name_zh, found.name_en) if found else code
