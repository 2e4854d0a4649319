"""The refusals of openings of identities: our own, and what the vault says."""

from services.referrals.refusal_text import Text

OPENINGS: dict[str, Text] = {
    "OPENING_SECOND_FACTOR": Text(
        403,
        "查阅、审批反映人身份须使用第二重验证:请先设置,并用它登录。",
        "A reporter's identity takes your second factor: set it up, and log in with it.",
    ),
    "ORIGINAL_NEEDS_OPENING": Text(
        403,
        "原件含可识别反映人的信息:须先申请查阅其身份,经第二人同意后、在查阅时限内下载。匿名反映的原件不提供。",
        "The original can tell who made it: ask for the reporter's identity first, and save it within the time after "
        "a second person's yes. Of an anonymous complaint no original is given.",
    ),
    "OPENING_NO_ORIGINAL": Text(
        403,
        "已获准的查阅目的不含原件:请以“核实证据”或“移送”等含原件的目的另行申请。",
        "The purpose that was agreed to takes in no originals: ask for one that does, as verifying evidence.",
    ),
    "OPENING_REUSED": Text(
        422,
        "该 Idempotency-Key 已用于另一申请,请换一个新的 UUID。",
        "This Idempotency-Key was used for another request: send a new UUID.",
    ),
    "OPENING_UNKNOWN_PURPOSE": Text(
        422,
        "没有这个查阅目的,请从所列目的中选择(purpose)。",
        "There is no such purpose: choose a listed one (purpose).",
    ),
    "OPENING_ALREADY_ASKED": Text(
        409,
        "您对该反映人身份的查阅申请正在等待决定,请等待。",
        "Your request for this identity waits for its decision already.",
    ),
    "OPENING_USED_TOKEN": Text(409, "请求已处理过,请重试。", "This was dealt with already: try again."),
    "OPENING_UNKNOWN_OPENING": Text(404, "该案没有这个查阅申请。", "The case has no such request."),
    "OPENING_OWN_REQUEST": Text(
        403,
        "不得审批本人提出的查阅申请,须由第二人决定。",
        "Nobody decides his own request: a second person does.",
    ),
    "OPENING_OTHER_UNIT": Text(403, "该申请由其他单位的负责人决定。", "Another unit's leader decides this request."),
    "OPENING_OTHER_DECIDES": Text(
        409,
        "案件、承办单位或被反映人已变化,该申请应由其他单位决定,请申请人重新申请。",
        "The case, its holder or who is accused has changed: another unit decides by now. It has to be asked anew.",
    ),
    "OPENING_ASKER_CHANGED": Text(
        409,
        "申请人已不再经办该案或已不在原单位,不能同意其查阅申请。",
        "Who asked has the case no more, or has left the unit: nobody can agree to the request.",
    ),
    "OPENING_UNFIT_DECISION": Text(
        422,
        "不同意须说明理由(denial),同意则不填。",
        "A no needs a reason (denial), and a yes takes none.",
    ),
    "OPENING_DECIDED": Text(
        409, "该申请已有决定,决定不可更改。需要时请重新申请。", "It is decided, for good: ask anew if need be."
    ),
    "OPENING_LAPSED": Text(409, "申请已过期,请重新申请。", "The request has lapsed: ask again."),
    "OPENING_OTHER_OFFICER": Text(
        403, "只有申请人本人可以查阅。需要时请自行申请。", "Only the officer who asked may look: ask yourself."
    ),
    "OPENING_WAITING": Text(403, "申请尚未获得同意,不能查阅。", "Nobody has agreed yet, so there is nothing to see."),
    "OPENING_DENIED": Text(403, "申请未获同意,不能查阅。", "The request was refused."),
    "OPENING_NOT_SIGNED": Text(
        409,
        "该申请或其决定没有可验证的签名,不能查阅。请重新申请,并告知系统管理员。",
        "The request or its decision stands on no signed word: ask again, and tell the administrators.",
    ),
    "OPENING_ENDED": Text(403, "查阅时限已过,请重新申请。", "The time for looking is over: ask again."),
    "OPENING_NO_IDENTITY": Text(
        409, "匿名反映,没有可查阅的身份信息。", "The complaint is anonymous: there is no identity."
    ),
}
