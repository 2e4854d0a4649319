"""The words of openings of identities, Chinese and English."""

OPENING: dict[str, tuple[str, str]] = {
    "WAITING": ("待第二人决定", "waits for a second person"),
    "LAPSED": ("逾期未决，已失效", "lapsed: nobody answered"),
    "GRANTED": ("已同意，可查阅", "agreed: may be read"),
    "ENDED": ("查阅时限已过", "the time for reading is over"),
    "DENIED": ("未同意", "refused"),
}
DENIAL: dict[str, tuple[str, str]] = {
    "NOBODY_TO_ASK": ("没有可以决定的第二人", "there is no second person to ask"),
    "NO_IDENTITY": ("匿名反映，没有身份信息", "anonymous: there is no identity"),
    "NOT_NEEDED": ("办理本案不需要", "not needed for the case"),
    "OTHER_MEANS": ("可通过查询码对话等其他方式", "there are other means, as the dialogue by query code"),
    "UNFIT_PURPOSE": ("与所填目的不符", "does not fit the purpose"),
}
IDENTITY: dict[str, tuple[str, str]] = {
    "name": ("姓名", "Name"),
    "phone": ("电话", "Phone"),
    "email": ("邮箱", "E-mail"),
    "id_number": ("证件号码", "ID number"),
    "address": ("地址", "Address"),
    "openid": ("微信标识", "WeChat id"),
}
ATTEMPT: dict[str, tuple[str, str]] = {
    "ASK": ("申请", "ask"),
    "DECIDE": ("决定", "decide"),
    "READ": ("查阅", "read"),
    "ORIGINAL": ("下载原件", "save an original"),
}
