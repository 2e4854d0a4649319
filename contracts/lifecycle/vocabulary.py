"""The words of a case's life: stages, acts, roles, seats, clocks' purposes, kinds of hand-over."""

from enum import IntEnum, StrEnum


class Track(StrEnum):
    """投诉 (about service; may go to the unit complained of) or 举报 (about integrity; must never reach it)."""

    GENERAL = "GENERAL"
    INTEGRITY = "INTEGRITY"


class Channel(StrEnum):
    """Where a complaint came in."""

    HOTLINE = "HOTLINE"
    MINI_PROGRAM = "MINI_PROGRAM"
    WEB = "WEB"


class Stage(StrEnum):
    """Where a case stands (rules.md §4.1). Those of later issues are added when they are built."""

    SUBMITTED = "SUBMITTED"
    TRIAGE = "TRIAGE"
    SUPPLEMENT = "SUPPLEMENT"
    REJECTED = "REJECTED"
    PENDING_DISPATCH = "PENDING_DISPATCH"
    DISPATCHED = "DISPATCHED"
    RETURN_REQ = "RETURN_REQ"
    ARBITRATION = "ARBITRATION"
    SIGNED = "SIGNED"
    HANDLING = "HANDLING"
    FEEDBACK = "FEEDBACK"
    PENDING_VISIT = "PENDING_VISIT"
    REDO = "REDO"
    REFERRED = "REFERRED"
    MERGED = "MERGED"
    CLOSED = "CLOSED"
    ARCHIVED = "ARCHIVED"


FINAL = frozenset({Stage.ARCHIVED})
ENDED = frozenset({Stage.REJECTED, Stage.CLOSED, Stage.ARCHIVED})


class Role(StrEnum):
    """What an account may do in its unit (rules.md §3). LEADER: 分管领导, who answers for extensions and referrals."""

    CLERK = "CLERK"
    DISPATCHER = "DISPATCHER"
    HANDLER = "HANDLER"
    LEADER = "LEADER"
    REVIEWER = "REVIEWER"
    FOLLOW_UP = "FOLLOW_UP"
    SUPERVISOR = "SUPERVISOR"
    SYSTEM_ADMIN = "SYSTEM_ADMIN"
    SECURITY_ADMIN = "SECURITY_ADMIN"
    AUDIT_ADMIN = "AUDIT_ADMIN"
    ADMIN = "ADMIN"
    """Before there were three: in the histories of those days only."""


ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
"""系统管理员 (units, accounts), 安全管理员 (roles, second factors), 审计管理员 (the audit): nobody holds two, and none
works on cases (等保三级: 三员分立)."""


class Party(StrEnum):
    """Who acts."""

    OFFICER = "OFFICER"
    REPORTER = "REPORTER"
    SYSTEM = "SYSTEM"


class Act(StrEnum):
    """What happens to a case. Each becomes one row of its history."""

    REGISTER = "REGISTER"
    CLAIM = "CLAIM"
    REASSIGN = "REASSIGN"
    LINK_RESPONDENTS = "LINK_RESPONDENTS"
    LINK_PERSONS = "LINK_PERSONS"
    CORRECT_RESPONDENTS = "CORRECT_RESPONDENTS"
    RECUSE = "RECUSE"
    ORDER_RECUSAL = "ORDER_RECUSAL"
    LIFT_RECUSAL = "LIFT_RECUSAL"
    RECLASSIFY = "RECLASSIFY"
    MARK_URGENT = "MARK_URGENT"
    REQUEST_SUPPLEMENT = "REQUEST_SUPPLEMENT"
    SUPPLEMENT = "SUPPLEMENT"
    SUPPLEMENT_LAPSED = "SUPPLEMENT_LAPSED"
    SPLIT = "SPLIT"
    MERGE = "MERGE"
    ABSORB = "ABSORB"
    UNMERGE = "UNMERGE"
    DISOWN = "DISOWN"
    MERGE_FAILED = "MERGE_FAILED"
    MERGE_ENDED = "MERGE_ENDED"
    REJECT = "REJECT"
    ACCEPT = "ACCEPT"
    DISPATCH = "DISPATCH"
    HAND_TO_DESK = "HAND_TO_DESK"
    BYPASS = "BYPASS"
    SIGN = "SIGN"
    SIGN_LAPSED = "SIGN_LAPSED"
    REQUEST_RETURN = "REQUEST_RETURN"
    APPROVE_RETURN = "APPROVE_RETURN"
    DENY_RETURN = "DENY_RETURN"
    RETURN_LAPSED = "RETURN_LAPSED"
    DESIGNATE = "DESIGNATE"
    RECALL = "RECALL"
    BEGIN = "BEGIN"
    TRANSFER = "TRANSFER"
    ADD_SUPPORT = "ADD_SUPPORT"
    SUPPORT_ANSWER = "SUPPORT_ANSWER"
    RELEASE_SUPPORT = "RELEASE_SUPPORT"
    REQUEST_EXTENSION = "REQUEST_EXTENSION"
    GRANT_EXTENSION = "GRANT_EXTENSION"
    DENY_EXTENSION = "DENY_EXTENSION"
    SUSPEND_CLOCK = "SUSPEND_CLOCK"
    RESUME_CLOCK = "RESUME_CLOCK"
    PROPOSE_REFERRAL = "PROPOSE_REFERRAL"
    VERIFY_REFERRAL = "VERIFY_REFERRAL"
    APPROVE_REFERRAL = "APPROVE_REFERRAL"
    DENY_REFERRAL = "DENY_REFERRAL"
    REFER = "REFER"
    RECORD_RECEIPT = "RECORD_RECEIPT"
    RECORD_DISPOSAL = "RECORD_DISPOSAL"
    REFERRAL_RETURNED = "REFERRAL_RETURNED"
    MARK_MAJOR = "MARK_MAJOR"
    REPORT_MAJOR = "REPORT_MAJOR"
    LIFT_MAJOR = "LIFT_MAJOR"
    URGE = "URGE"
    SUPERVISE = "SUPERVISE"
    LIFT_SUPERVISION = "LIFT_SUPERVISION"
    REPLY = "REPLY"
    REVIEW_PASS = "REVIEW_PASS"
    REVIEW_FAIL = "REVIEW_FAIL"
    RECORD_VISIT = "RECORD_VISIT"
    VISIT_LAPSED = "VISIT_LAPSED"
    RATE = "RATE"
    REISSUE_CODE = "REISSUE_CODE"
    ASK_RIGHTS = "ASK_RIGHTS"
    ANSWER_RIGHTS = "ANSWER_RIGHTS"
    SILENCE_LAPSED = "SILENCE_LAPSED"
    DUE_SOON = "DUE_SOON"
    OVERDUE = "OVERDUE"
    URGE_NOTICE = "URGE_NOTICE"
    YELLOW_CARD = "YELLOW_CARD"
    RED_CARD = "RED_CARD"
    LIST_CASE = "LIST_CASE"
    CALL_IN = "CALL_IN"
    ORDER_RECTIFICATION = "ORDER_RECTIFICATION"
    RECOUNT = "RECOUNT"
    SUCCEED = "SUCCEED"
    HAND_ON = "HAND_ON"
    ARCHIVE = "ARCHIVE"


class TaskKind(StrEnum):
    """What an officer must do. Each stage in which one must act opens its own; VERIFY, APPROVE and SUPPORT stand beside
    it."""

    TRIAGE = "TRIAGE"
    DISPATCH = "DISPATCH"
    SIGN = "SIGN"
    RETURN = "RETURN"
    DESIGNATE = "DESIGNATE"
    HANDLE = "HANDLE"
    REFERRAL = "REFERRAL"
    REVIEW = "REVIEW"
    VISIT = "VISIT"
    VERIFY = "VERIFY"
    APPROVE = "APPROVE"
    SUPPORT = "SUPPORT"


class Seat(StrEnum):
    """A unit's part in a case.

    DESK dispatches and reviews; HOLDER has the case in hand (主办); SUPPORT helps the holder (协办); ARBITER
    designates; RECEIVER was referred the case (移送); SENDER referred it: the holder, or the desk for want of one.
    """

    DESK = "DESK"
    HOLDER = "HOLDER"
    SUPPORT = "SUPPORT"
    ARBITER = "ARBITER"
    RECEIVER = "RECEIVER"
    SENDER = "SENDER"


class Field(StrEnum):
    """What an act may bring with it."""

    RESPONDENT_UNITS = "respondent_units"
    RESPONDENT_ACCOUNTS = "respondent_accounts"
    REASON_CODE = "reason_code"
    UNIT = "unit_id"
    KIND = "kind"
    GROUND = "ground"
    NOTE = "note"
    PUBLIC_REPLY = "public_reply"
    EXTRACT = "extract"
    OUTCOME = "outcome"
    SATISFACTION = "satisfaction"
    PURPOSE = "purpose"
    AMOUNT = "amount"
    CATEGORY = "category"
    TRACK = "track"
    LEVEL = "level"
    PAPERS = "papers"
    DISPOSAL = "disposal"
    ASSIGNEE = "assignee"
    MAIN_CASE = "main_case_id"


class Purpose(StrEnum):
    """What a clock is for. Which legal clock serves it is reference data (regimes.csv)."""

    ACKNOWLEDGE = "ACKNOWLEDGE"
    SUPPLEMENT = "SUPPLEMENT"
    SIGN = "SIGN"
    RETURN = "RETURN"
    DESIGNATE = "DESIGNATE"
    HANDLE = "HANDLE"
    SUPPORT = "SUPPORT"
    DECIDE_REFERRAL = "DECIDE_REFERRAL"
    SEND_REFERRAL = "SEND_REFERRAL"
    RECEIPT = "RECEIPT"
    DISPOSAL = "DISPOSAL"
    ANSWER = "ANSWER"
    REPORT_UP = "REPORT_UP"
    VISIT = "VISIT"
    SILENCE = "SILENCE"
    REDO = "REDO"
    REVIEW_REQUEST = "REVIEW_REQUEST"


class HandoverKind(StrEnum):
    """How a case is handed on, each with duties of its own (信访工作条例 art. 22; rules.md §1.9).

    DISPATCH 转办 within the system; ASSIGN 交办, an answer and a closing report are owed; FORWARD 转送, no answer is
    owed to the sender, the receiver answers the reporter; REFER 移送, the case leaves the sender's handling;
    REPORT_UP 上报, to the authority above.
    """

    DISPATCH = "DISPATCH"
    ASSIGN = "ASSIGN"
    FORWARD = "FORWARD"
    REFER = "REFER"
    REPORT_UP = "REPORT_UP"


class Supervision(IntEnum):
    """督办: how closely the case is supervised (信访工作条例 art. 39–40; 潍坊12345条例 art. 26)."""

    NONE = 0
    ORDINARY = 1
    LISTED = 2
    INTERVIEW = 3
    RECTIFY = 4


SATISFIED = 3
"""Satisfaction runs from 1 非常不满意 to 5 非常满意 (好差评); below this it is not satisfied."""
