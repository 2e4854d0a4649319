"""Every refusal of this service: HTTP status and what to do about it, in Chinese and English."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """The status to answer with, and the words."""

    status: int
    zh: str
    en: str


TEXTS: dict[str, Text] = {
    # who and when
    "ILLEGAL_ACT": Text(
        409,
        "案件当前阶段不能进行此操作,请按案件页列出的可用操作办理。",
        "The case's present stage does not allow this act: use one of the acts that the case view lists.",
    ),
    "STALE": Text(
        409,
        "案件已被他人更新,请核对附带的最新情况后再操作。",
        "Somebody was faster: look at the current view sent along, then decide again.",
    ),
    "NOT_YOURS": Text(
        409, "该任务已由他人认领,请联系认领人。", "Somebody else has claimed this task: ask whoever claimed it."
    ),
    "ALREADY_YOURS": Text(409, "该任务已由您认领,可直接办理。", "You have already claimed this task: go on with it."),
    "NOT_YOUR_UNIT": Text(
        403,
        "该案件当前不由您所在单位处理,请由承办单位人员操作。",
        "The case is not with your unit now: an officer of the unit that has it must act.",
    ),
    "NOT_YOUR_ROLE": Text(
        403,
        "您的岗位没有此项权限,请由具备相应岗位的人员操作,或联系管理员调整岗位。",
        "Your roles do not allow this: somebody with the role must act, or an administrator gives you the role.",
    ),
    "NOT_LINKED": Text(
        409,
        "举报件须先关联被反映单位后方可受理。",
        "A report must have its respondents linked to units before it is accepted: link them first.",
    ),
    # what was sent
    "MISSING_RESPONDENT_UNITS": Text(
        422, "请填写被反映单位(respondent_units)。", "Give the units complained of (respondent_units)."
    ),
    "MISSING_REASON_CODE": Text(
        422, "请填写不予受理的理由代码(reason_code)。", "Give the reason code of the refusal (reason_code)."
    ),
    "MISSING_UNIT_ID": Text(422, "请填写接收单位(unit_id)。", "Give the receiving unit (unit_id)."),
    "MISSING_NOTE": Text(422, "请填写说明(note)。", "Give an explanation (note)."),
    "MISSING_PUBLIC_REPLY": Text(
        422, "请填写答复内容(public_reply)。", "Give the reply to the reporter (public_reply)."
    ),
    "MISSING_OUTCOME": Text(422, "请填写办结类型(outcome)。", "Give the outcome (outcome)."),
    "MISSING_SATISFACTION": Text(
        422, "请填写满意度1至5(satisfaction)。", "Give the satisfaction, 1 to 5 (satisfaction)."
    ),
    "UNEXPECTED_FIELD": Text(
        422, "此操作不接受所附的某个字段,请去掉后重试。", "This act does not take one of the fields sent: leave it out."
    ),
    "UNKNOWN_REASON": Text(
        422,
        "理由代码不存在,请使用不予受理理由代码表中的代码。",
        "There is no such reason code: use one of the refusal codes.",
    ),
    # where to
    "UNKNOWN_UNIT": Text(
        422, "单位不存在或已停用,请核对单位代码。", "There is no such unit, or it is out of use: check the code."
    ),
    "SAME_UNIT": Text(422, "案件已在该单位,请选择其他单位。", "The case is with this unit already: choose another."),
    "ACCUSED": Text(
        422,
        "该单位是被举报单位或其下级单位,依法不得将举报件转给被举报的单位(信访工作条例第三十条)。请选择其他有权单位。",
        "This unit, or one above it, is accused in the report: a report must never reach whom it accuses "
        "(信访工作条例 art. 30). Choose another competent unit.",
    ),
    "UNLINKED": Text(
        422,
        "举报件尚未关联被反映单位,不得转出专办台。请先关联被反映单位。",
        "The report's respondents are not linked to units yet, so it stays at the restricted desk: link them first.",
    ),
    "NOT_A_DESK": Text(
        422,
        "接收单位不是相应的受理台(投诉转受理台,举报转专办台),请选择受理台。",
        "The receiving unit is no desk for this track (complaints: desk; reports: restricted desk): choose a desk.",
    ),
    "NOT_COMPETENT": Text(
        422,
        "该单位不是此类事项的主管或配合部门(举报件不转医疗机构),请参考可转办单位列表。",
        "This unit neither leads nor supports in this category (reports never go to institutions): "
        "see the list of possible routes.",
    ),
    "WRONG_PLACE": Text(
        422,
        "该单位不在案件所属地区的管辖线上,请选择本地区单位或移交当地受理台。",
        "This unit has no jurisdiction where the case belongs: choose a unit of the place, or hand over to its desk.",
    ),
    "DESK_ACCUSED": Text(
        422,
        "本专办台属于被反映单位或其下级,依法应当回避。请先移交上级专办台,由其关联被反映单位。",
        "This desk is, or stands below, a unit complained of and must not go on: hand the report to the desk above, "
        "which links the respondents.",
    ),
    "NO_DESK": Text(
        422,
        "该地区及其上级均没有受理台,请联系管理员设置。",
        "No desk serves this region or any above it: an administrator must set one up.",
    ),
    # accounts and requests
    "BAD_CREDENTIALS": Text(
        401, "用户名或密码不正确,请核对后重试。", "The user name or the password is wrong: check them and try again."
    ),
    "UNAUTHENTICATED": Text(
        401,
        "请先登录(POST /v1/sessions),并携带访问令牌。",
        "Log in first (POST /v1/sessions) and send the access token.",
    ),
    "FORBIDDEN": Text(
        403, "您的岗位不能使用此功能,请联系管理员。", "Your roles do not allow this: ask an administrator."
    ),
    "NO_GRANT": Text(
        403,
        "只有案件的受理台或承办单位可以查阅原文。",
        "Only the case's desk or the unit that holds it may read the text.",
    ),
    "NOT_FOUND": Text(
        404, "没有找到,或您无权查看。请核对编号。", "Not found, or not for you to see: check the identifier."
    ),
    "IDEMPOTENCY_KEY_MISSING": Text(
        400,
        "请在请求头 Idempotency-Key 中提供一个 UUID;重试时使用同一个值。",
        "Send a UUID in the Idempotency-Key header, the same one when you repeat the request.",
    ),
    "IDEMPOTENCY_KEY_REUSED": Text(
        422,
        "该 Idempotency-Key 已用于另一请求,请换一个新的 UUID。",
        "This Idempotency-Key was used for another request: send a new UUID.",
    ),
    "ALREADY_EXISTS": Text(409, "已存在同名记录,请换一个标识。", "It exists already: choose another identifier."),
    "BAD_UNIT": Text(
        422,
        "单位数据不一致:部门须有部门代码,其他单位不填;上级单位须存在;单位不能成为自己的下级。",
        "The unit does not fit together: departments need a department code and others take none; the parent must "
        "exist; a unit can't stand below itself.",
    ),
    "BAD_CURSOR": Text(
        422, "分页标记(after)无效,请使用上一页返回的 next。", "The cursor is not valid: use `next` of the page before."
    ),
    "TEMPORAL_AWAY": Text(
        503,
        "流程引擎(Temporal)暂不可用,操作尚未生效。请稍后用同一 Idempotency-Key 重试。",
        "The workflow engine (Temporal) can't be reached and the act was not done: repeat the request later with the "
        "same Idempotency-Key.",
    ),
}


class Refused(Exception):
    """A request that is refused. ``code`` is a key of TEXTS; ``extra`` goes into the problem as it is."""

    def __init__(self, code: str, *, reason: str | None = None, extra: dict[str, object] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason or code
        self.extra = extra or {}


WORKFLOW_CODES = {"NOT_LEGAL_NOW": "ILLEGAL_ACT", "MISSING_UNIT": "MISSING_UNIT_ID"}
"""Codes of the workflow that have another name here."""


def own_code(code: str) -> str:
    """The code of TEXTS for a refusal by the workflow; an unknown one is an illegal act."""
    code = WORKFLOW_CODES.get(code, code)
    return code if code in TEXTS else "ILLEGAL_ACT"
