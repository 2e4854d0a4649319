"""The Chinese terms of stages and acts (rules.md §4.1, §4.2): what officers and reporters read."""

from contracts.lifecycle import Act, Stage

STAGE_ZH: dict[Stage, str] = {
    Stage.SUBMITTED: "待登记",
    Stage.TRIAGE: "预审",
    Stage.SUPPLEMENT: "待补充",
    Stage.REJECTED: "不予受理",
    Stage.PENDING_DISPATCH: "待派单",
    Stage.DISPATCHED: "已派、待签收",
    Stage.SIGNED: "已签收",
    Stage.HANDLING: "办理中",
    Stage.FEEDBACK: "已处置、待审核",
    Stage.PENDING_VISIT: "待回访",
    Stage.REDO: "重办",
    Stage.CLOSED: "办结",
    Stage.ARCHIVED: "归档",
}

ACT_ZH: dict[Act, str] = {
    Act.REGISTER: "登记",
    Act.CLAIM: "认领",
    Act.LINK_RESPONDENTS: "关联被反映单位",
    Act.REQUEST_SUPPLEMENT: "要求补充材料",
    Act.SUPPLEMENT: "补充材料",
    Act.SUPPLEMENT_LAPSED: "逾期未补充,按现有材料处理",
    Act.REJECT: "不予受理",
    Act.ACCEPT: "受理",
    Act.DISPATCH: "派单",
    Act.HAND_TO_DESK: "移交其他地区受理台",
    Act.SIGN: "签收",
    Act.SIGN_LAPSED: "逾期未签收,视为首办责任单位",
    Act.BEGIN: "开始办理",
    Act.TRANSFER: "转办",
    Act.URGE: "催办",
    Act.REPLY: "办理反馈",
    Act.REVIEW_PASS: "审核通过",
    Act.REVIEW_FAIL: "审核退回",
    Act.RECORD_VISIT: "回访",
    Act.VISIT_LAPSED: "逾期未回访",
    Act.RATE: "评价",
    Act.SILENCE_LAPSED: "逾期未评价,视为无异议",
    Act.DUE_SOON: "临期预警",
    Act.OVERDUE: "超期",
    Act.RECOUNT: "日历调整,期限重新计算",
    Act.ARCHIVE: "归档",
}
