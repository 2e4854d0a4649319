"""Every refusal of this service: HTTP status and what to do about it, in Chinese and English."""

from services.referrals.refusal_text import Text as Text
from services.referrals.refusals_handovers import HANDOVERS
from services.referrals.refusals_openings import OPENINGS
from services.referrals.refusals_rights import RIGHTS

TEXTS: dict[str, Text] = {
    **HANDOVERS,
    **OPENINGS,
    **RIGHTS,
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
    "EXCLUDED": Text(
        403,
        "您与案件有利害关系,依法回避(信访工作条例第二十八条)。",
        "You have an interest in this case and must not act (信访工作条例 art. 28).",
    ),
    "DESIGNATED": Text(
        409,
        "案件已经上级指定管辖,不得再退回、撤回或转办(潍坊12345条例第二十二条)。请办理,或报指定单位重新研究。",
        "The holder was designated by a superior: no return, recall or transfer after that (潍坊12345条例 art. 22). "
        "Handle it, or ask whoever designated.",
    ),
    "RETURN_CLOSED": Text(
        409,
        "退回期限已过,本单位即为责任单位,请继续办理。",
        "The window for a return is over, so your unit owns the case: go on with it.",
    ),
    "REQUEST_OPEN": Text(
        409,
        "已有申请待审批,请等待负责人决定。",
        "A request is waiting for its decision already: wait for the leader's word.",
    ),
    "NO_SUCH_CLOCK": Text(
        409,
        "该案没有这个期限,或不能对其进行此操作。请从案件页列出的期限中选择(purpose)。",
        "The case runs no such clock, or none that this can be done to: choose the purpose of a clock "
        "that the case view lists.",
    ),
    "TOO_LONG": Text(
        422,
        "申请的延期天数超过规定上限,请减少天数(amount)。",
        "The extension is longer than the rule allows: ask for less (amount).",
    ),
    "TOO_LATE": Text(
        409, "期限已过,延期须在届满前申请。", "The deadline has passed: an extension is asked for before it."
    ),
    "UNKNOWN_GROUND": Text(
        422,
        "该依据或理由不在表中,请从所列项中选择(ground)。",
        "There is no such ground in the table: choose one of those that are listed (ground).",
    ),
    "ALREADY_DISPOSED": Text(
        409, "处置反馈已登记,请答复反映人。", "The disposal is on record already: answer the reporter."
    ),
    "NO_DISPOSAL": Text(
        409,
        "接收单位尚未反馈处置情况,请先登记处置反馈。",
        "The receiver has not said what it did: record its disposal first.",
    ),
    "UNKNOWN_DISPOSAL": Text(
        422,
        "处置方式不存在,或不属于该接收单位,请从处置方式表中选择(disposal)。",
        "There is no such disposal, or not of this receiver: choose one of the table (disposal).",
    ),
    "SUPPORT_OPEN": Text(
        409,
        "协办单位尚未全部反馈,请等待、催办,或解除协办后再答复。",
        "Helping units have not answered yet: wait, urge, or release them, then reply.",
    ),
    "HAS_MERGED": Text(
        409, "已有其他案件并入本案,请先撤销并案。", "Other cases were joined to this one: take them out first."
    ),
    "NO_MAIN_CASE": Text(
        422,
        "主案不存在,或不在本受理台,请核对案件(main_case_id)。",
        "There is no such main case at this desk: check main_case_id.",
    ),
    # what was sent
    "MISSING_RESPONDENT_UNITS": Text(
        422, "请填写被反映单位(respondent_units)。", "Give the units complained of (respondent_units)."
    ),
    "MISSING_REASON_CODE": Text(422, "请填写理由代码(reason_code)。", "Give the code of the reason (reason_code)."),
    "MISSING_PUBLIC_REPLY": Text(
        422, "请填写答复内容(public_reply)。", "Give the reply to the reporter (public_reply)."
    ),
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
    "MISSING_AMOUNT": Text(
        422, "请填写延长的天数(amount)。", "Give how much longer (amount, in the clock's own unit)."
    ),
    "MISSING_EXTRACT": Text(
        422,
        "请填写转出部分的摘录(extract),不得含举报内容。",
        "Give the extract for the general part (extract), without anything of the report.",
    ),
    "MISSING_RESPONDENT_ACCOUNTS": Text(
        422,
        "请填写被反映人账号(respondent_accounts)。",
        "Give the accounts of the persons accused (respondent_accounts).",
    ),
    "UNKNOWN_CATEGORY": Text(
        422, "分类代码不存在,请使用分类表中的代码。", "There is no such category: use a code of the taxonomy."
    ),
    # where to
    "UNKNOWN_UNIT": Text(
        422, "单位不存在或已停用,请核对单位代码。", "There is no such unit, or it is out of use: check the code."
    ),
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
    "NO_DESK_ABOVE": Text(
        422,
        "没有可以接收的上级专办台,请联系管理员设置。",
        "No restricted desk above can take it: an administrator must set one up.",
    ),
    "NOT_PERMITTED": Text(
        422,
        "依转办权限表,本单位不能向该单位转出。无权处理的,请申请退回派单单位(市监投诉举报办法第三十七条)。",
        "The transfer matrix permits no hand-over from your unit to this one. Without authority, ask to "
        "return the case to whoever dispatched it.",
    ),
    "KIND_NOT_PERMITTED": Text(
        422,
        "依转办权限表,不能以这种方式(kind)转给该单位。",
        "The transfer matrix does not permit this kind of hand-over to this unit (kind).",
    ),
    "NEEDS_APPROVAL": Text(
        409,
        "移送该单位须经分管领导批准,请先提请移送。",
        "A referral to this unit needs a leader's yes: propose it first.",
    ),
    "OFF_SYSTEM": Text(
        422,
        "该单位不在本系统办理,请使用移送,由经办人登记回执和反馈。",
        "This unit does not work on the system: refer the case and key in receipt and answer.",
    ),
    "NO_DESK": Text(
        422,
        "该地区及其上级均没有受理台,请联系管理员设置。",
        "No desk serves this region or any above it: an administrator must set one up.",
    ),
    # accounts and requests
    "BAD_CREDENTIALS": Text(
        401,
        "用户名、密码或验证码不正确,或多次失败后暂停登录。请核对后稍后重试。",
        "The user name, the password or the code is wrong, or log-ins pause after several failures: check, and try "
        "again later.",
    ),
    "UNAUTHENTICATED": Text(
        401,
        "请先登录(POST /v1/sessions),并携带访问令牌。",
        "Log in first (POST /v1/sessions) and send the access token.",
    ),
    "ROLES_APART": Text(
        422,
        "系统、安全、审计管理员须由不同的人担任,且不得兼任业务岗位。",
        "System, security and audit administrators are different people, and none of them works on cases.",
    ),
    "ROLES_CHANGED": Text(
        409,
        "该账号的岗位刚被他人更改,请核对现有岗位后重新提交。",
        "Somebody else changed the account's roles just now: look at them and send yours again.",
    ),
    "OWN_ROLES": Text(403, "不得给本人授权,请由另一名安全管理员办理。", "Nobody grants roles to himself."),
    "PASSWORDS_OFF": Text(
        403, "请通过统一身份认证登录。", "Passwords are not used here: log in by your agency's identity provider."
    ),
    "OPENID_FAILED": Text(
        401, "统一身份认证没有通过,请重新登录。", "The identity provider did not vouch for you: log in again."
    ),
    "OPENID_UNKNOWN": Text(
        403,
        "您在本系统没有账号,或账号已停用。请联系系统管理员。",
        "You have no account here, or it is closed: ask the system administrator.",
    ),
    "PASSWORD_FIRST": Text(
        403,
        "当前密码由管理员设置,只能用来设置您本人的密码(PUT /v1/sessions/current/password)。",
        "An administrator set this password: it opens nothing but the setting of your own "
        "(PUT /v1/sessions/current/password).",
    ),
    "NOT_VOUCHED": Text(
        403,
        "您的密码曾由管理员设置:请将本人密码页面上的确认码当面或电话告知安全管理员,确认后方可使用。",
        "An administrator set your password: tell the security administrator, in person or by telephone, the code of "
        "your password page (GET /v1/sessions/current/vouching-code); until then the account opens nothing.",
    ),
    "WRONG_VOUCHING_CODE": Text(
        403,
        "确认码不正确、已失效,或多次失败后暂停。请向经办人本人核对。",
        "The code is wrong or no longer valid, or there is a pause after failures: ask the officer again.",
    ),
    "WRONG_PASSWORD": Text(
        403,
        "当前密码不正确、已失效,或多次失败后暂停。请核对后稍后重试,或请系统管理员重置。",
        "The current password is wrong or lapsed, or there is a pause after several failures: check, try again later, "
        "or ask the system administrator for a new one.",
    ),
    "PASSWORD_TOO_SHORT": Text(422, "新密码须为 10 至 200 个字符。", "A new password has 10 to 200 characters."),
    "SAME_PASSWORD": Text(
        422,
        "新密码不得与当前密码或用户名相同。",
        "The new password must differ from the present one and from the user name.",
    ),
    "OWN_PASSWORD": Text(403, "修改本人密码请登录后自行设置。", "Your own password you change yourself, logged in."),
    "ADMINISTRATORS_PASSWORD": Text(
        403,
        "管理员的密码只能在服务器上重置(huiyin admin password)。",
        "An administrator's password is reset at the machine alone (huiyin admin password).",
    ),
    "OWN_ACCOUNT": Text(403, "不得停用本人账号。", "Nobody closes his own account."),
    "ADMINISTRATORS_ACCOUNT": Text(
        403,
        "管理员的账号只能在服务器上停用(huiyin admin leave)。",
        "An administrator's account is closed at the machine alone (huiyin admin leave).",
    ),
    "SECOND_FACTOR_FIRST": Text(
        403,
        "请先设置第二重验证(POST /v1/second-factor),再使用其他功能。",
        "Set up your second factor first (POST /v1/second-factor); nothing else is open before.",
    ),
    "FACTOR_IN_USE": Text(
        409,
        "第二重验证已启用。更换手机或丢失时,请联系安全管理员重置。",
        "A second factor is in use. If it is lost or changes, a security administrator resets it.",
    ),
    "WRONG_CODE": Text(
        422,
        "验证码不正确或已用过,请输入验证器上的新验证码(code)。",
        "The code is wrong or was used: type the next one that the app shows (code).",
    ),
    "FORBIDDEN": Text(
        403, "您的岗位不能使用此功能,请联系管理员。", "Your roles do not allow this: ask an administrator."
    ),
    "NO_GRANT": Text(
        403,
        "只有案件的受理台或承办单位可以查阅原文。",
        "Only the case's desk or the unit that holds it may read the text.",
    ),
    "EXTRACT_ONLY": Text(
        403,
        "本案由拆单产生,只能查阅摘录,不能查阅原文。",
        "This case was split off: its extract may be read, the submission may not.",
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


def own_code(code: str) -> str:
    """The code of TEXTS for a refusal by the workflow; an unknown one is an illegal act."""
    return code if code in TEXTS else "ILLEGAL_ACT"
