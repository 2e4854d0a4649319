"""The refusals of answers to reporters about their own data."""

from services.referrals.refusal_text import Text

RIGHTS: dict[str, Text] = {
    "RIGHTS_UNKNOWN": Text(404, "没有待您答复的这个请求。", "There is no such request that waits for your answer."),
    "RIGHTS_DECIDED": Text(409, "该请求已有答复,答复不可更改。", "The request is answered already, for good."),
    "RIGHTS_HELD": Text(
        409,
        "该案已被依法保全(legal hold),不能删除或更正:请以保存义务为由答复不同意。",
        "A legal hold is on the case: nothing of it is deleted or replaced. Refuse: the law keeps it.",
    ),
    "RIGHTS_EARLY": Text(
        409,
        "更正请求刚提出:须先让原来留下的联系方式收到通知,请过些时候再同意。",
        "This correction was asked for just now: the address left before hears of it first. Grant it later.",
    ),
    "RIGHTS_GROUND": Text(
        422,
        "不同意须选择依据(ground)并说明理由;同意则不填依据。",
        "A no needs its ground and a reason; a yes takes no ground.",
    ),
}
