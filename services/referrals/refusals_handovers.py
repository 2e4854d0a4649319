"""The refusals of hand-overs, clocks and cases that belong together."""

from services.referrals.refusal_text import Text

HANDOVERS: dict[str, Text] = {
    "PASSED_BEFORE": Text(
        409,
        "该单位已办理并转出过本案,不得循环转办。无权处理的,请申请退回派单单位。",
        "This unit had the case and passed it on: nothing goes round in circles. Without authority, ask to return it.",
    ),
    "ALREADY_YOURS": Text(
        409,
        "该任务已由您认领,可直接办理。",
        "You have already claimed this task: go on with it.",
    ),
    "WRONG_GROUND": Text(
        422,
        "该依据不适用于这种移交方式或接收单位,请另选依据(ground)。",
        "This ground does not carry this kind of hand-over, or not to this unit: choose another (ground).",
    ),
    "NOT_SUPERIOR": Text(
        422,
        "该单位不是可以上报的上级机关,请另选(unit_id)。",
        "This unit is no authority above to report to: choose another (unit_id).",
    ),
    "ALREADY_MAJOR": Text(
        409,
        "案件已经标为重大线索。",
        "The case is marked as a major clue already.",
    ),
    "NOT_MAJOR": Text(
        409,
        "案件没有标为重大线索。",
        "The case is not marked as a major clue.",
    ),
    "ALREADY_REPORTED": Text(
        409,
        "该重大线索已经上报。",
        "This major clue was reported upward already.",
    ),
    "MAJOR_UNREPORTED": Text(
        409,
        "重大线索尚未上报,请先上报,或取消标记并说明理由。",
        "The major clue was not reported upward yet: report it, or take the mark away and say why.",
    ),
    "LEADER_LIFTS": Text(
        403,
        "该重大线索已经上报,须由承办单位分管领导说明理由后取消标记。",
        "This major clue was reported upward: only a leader of the unit that handles it takes the mark away, and says "
        "why.",
    ),
    "NOT_VERIFIED": Text(
        409,
        "涉嫌犯罪案件须由两名以上执法人员核实后再由负责人决定(国务院令第310号第五条),请另一名执法人员先核实。",
        "Two officers verify a suspected crime before the leader decides (State Council order 310 art. 5): another "
        "officer confirms it first.",
    ),
    "ALREADY_VERIFIED": Text(
        409,
        "该移送无须核实,或已经核实。",
        "This referral needs no second officer, or has been confirmed already.",
    ),
    "SECOND_OFFICER": Text(
        403,
        "须由提请人以外的另一名执法人员核实(国务院令第310号第五条)。",
        "Somebody else than who asked for the referral confirms it (State Council order 310 art. 5).",
    ),
    "ASKER_EXCLUDED": Text(
        409,
        "提请人或核实人已被列为被举报人,须由另一名执法人员重新核实后再批准(国务院令第310号第五条)。",
        "Who asked for the referral has been excluded since: another officer confirms it before the leader decides "
        "(State Council order 310 art. 5).",
    ),
    "OWN_REQUEST": Text(
        403,
        "不得批准本人提出或核实的申请,请由其他分管领导决定。",
        "Nobody grants what he asked for or verified himself: another leader decides.",
    ),
    "UNKNOWN_PAPER": Text(
        422,
        "该材料不在接收机关的移送材料表中,请从所列项中选择(papers)。",
        "There is no such paper in the receiver's list: choose of those that are listed (papers).",
    ),
    "MISSING_PAPERS": Text(
        422,
        "移送涉嫌犯罪案件须附移送书、调查报告和涉案物品清单(国务院令第310号第六条),请备齐后勾选(papers)。",
        "A suspected crime goes with the letter of transfer, the report and the list of objects (State Council "
        "order 310 art. 6): complete them and tick them off (papers).",
    ),
    "NO_REQUEST": Text(
        409,
        "没有待审批的申请。",
        "No request waits for a decision.",
    ),
    "CLOCK_SUSPENDED": Text(
        409,
        "该期限已中止计时,请先恢复。",
        "This clock stands still: resume it first.",
    ),
    "CLOCK_RUNNING": Text(
        409,
        "该期限没有中止,无须恢复。",
        "This clock is not suspended.",
    ),
    "NO_EXTENSION": Text(
        422,
        "该期限依规定不能延长。",
        "The rule of this clock allows no extension.",
    ),
    "TOO_OFTEN": Text(
        422,
        "延期次数已达规定上限。",
        "The rule's number of extensions is used up.",
    ),
    "NO_SUSPENSION": Text(
        422,
        "该理由不适用于此期限,计时不能中止。",
        "This ground does not stop this clock.",
    ),
    "ALREADY_RECEIVED": Text(
        409,
        "回执已登记,无须重复。",
        "The receipt is on record already.",
    ),
    "ALREADY_SUPPORT": Text(
        409,
        "该单位已是协办单位。",
        "This unit helps already.",
    ),
    "NO_SUPPORT": Text(
        409,
        "该单位不是待反馈的协办单位。",
        "This unit is no helping unit whose answer is awaited.",
    ),
    "NOT_SUPERVISED": Text(
        409,
        "案件目前没有被督办。",
        "The case is not supervised.",
    ),
    "ALREADY_URGENT": Text(
        409,
        "案件已经标为紧急。",
        "The case is marked urgent already.",
    ),
    "ALREADY_SPLIT": Text(
        409,
        "案件已经拆单,不能再拆。",
        "The case was split already.",
    ),
    "PART_TOUCHED": Text(
        422,
        "拆出的部分已经受理或移交,不能再并回原件。",
        "The part that was split off was accepted or handed on since: it can't go back to the rest any more.",
    ),
    "OTHER_TRACK": Text(
        422,
        "投诉件与举报件不能并案。",
        "A complaint and a report can't be joined.",
    ),
    "MAIN_CASE_ENDED": Text(
        422,
        "主案已终结,不能并入。",
        "The main case has ended: nothing can be joined to it.",
    ),
    "MISSING_UNIT_ID": Text(
        422,
        "请填写接收单位(unit_id)。",
        "Give the receiving unit (unit_id).",
    ),
    "MISSING_NOTE": Text(
        422,
        "请填写说明(note)。",
        "Give an explanation (note).",
    ),
    "MISSING_OUTCOME": Text(
        422,
        "请填写办结类型(outcome)。",
        "Give the outcome (outcome).",
    ),
    "MISSING_PURPOSE": Text(
        422,
        "请填写期限(purpose)。",
        "Give the clock (purpose).",
    ),
    "MISSING_GROUND": Text(
        422,
        "请填写依据(ground)。",
        "Give the legal ground (ground).",
    ),
    "MISSING_CATEGORY": Text(
        422,
        "请填写分类代码(category)。",
        "Give the category (category).",
    ),
    "MISSING_LEVEL": Text(
        422,
        "请填写督办级别1至4(level)。",
        "Give the level of supervision, 1 to 4 (level).",
    ),
    "MISSING_DISPOSAL": Text(
        422,
        "请填写处置方式(disposal)。",
        "Give the disposal (disposal).",
    ),
    "MISSING_ASSIGNEE": Text(
        422, "请选择应回避的人员(assignee)。", "Choose the officer who keeps away from the case (assignee)."
    ),
    "MISSING_MAIN_CASE_ID": Text(
        422,
        "请填写主案(main_case_id)。",
        "Give the main case (main_case_id).",
    ),
    "UNKNOWN_ACCOUNT": Text(
        422,
        "账号不存在,请核对。",
        "There is no such account: check it.",
    ),
    "ASSIGNEE_EXCLUDED": Text(
        422,
        "该经办人与案件有利害关系,依法回避(信访工作条例第二十八条),请另行指派。",
        "That officer has an interest in the case and must not act (信访工作条例 art. 28): choose another.",
    ),
    "LAST_OF_ROLE": Text(
        422,
        "该人员是本单位在本案中最后一名任此岗位的人,回避后案件将无人办理。请先增加人员,或将案件转出。",
        "Nobody else of the unit could do this officer's work in the case: let another have the role first, or hand "
        "the case on.",
    ),
    "NOT_RECUSED": Text(
        409,
        "该人员在本案中没有回避。",
        "That officer does not keep away from the case.",
    ),
    "DESK_LIFTS": Text(
        403,
        "该回避由其他单位决定,只能由其或受理台解除。",
        "Another unit decided on that recusal: it alone, or the desk, lifts it.",
    ),
    "SAME_UNIT": Text(
        422,
        "案件已在该单位,请选择其他单位。",
        "The case is with this unit already: choose another.",
    ),
    "ON_SYSTEM": Text(
        422,
        "该单位在本系统内,请使用转办。",
        "This unit works on the system: transfer the case to it.",
    ),
    "NOT_REFERRED": Text(
        409,
        "案件目前没有移送在外，没有可出具的移送函。",
        "The case is not referred to anybody now, so there is no letter to issue.",
    ),
    "RECEIVER_ON_SYSTEM": Text(
        409,
        "接收单位在本系统内，可直接查看案件，无须出具移送函。",
        "The receiver works on the system and sees the case: no letter is needed.",
    ),
    "SUCCEEDED": Text(
        422,
        "该单位已撤并,由承继单位(successor_id)接办,请改选承继单位。",
        "This unit was merged or abolished: choose its successor (successor_id).",
    ),
    "BAD_SUCCESSOR": Text(
        422,
        "承继单位须为在用的同类单位,且不是原单位的下级;已有承继单位的不能另行指定。",
        "A successor is a unit of the same kind that is in use and does not stand below the old one; once named it "
        "stays.",
    ),
    "SUCCESSOR_NOT_ASKED": Text(
        409,
        "系统管理员未申请由该单位承继,或申请人与确认人为同一人。请核对后再确认。",
        "The system administrator did not ask for this successor, or you asked for it yourself: look at the unit.",
    ),
    "ALREADY_EXISTS": Text(
        409,
        "已存在同名记录,请换一个标识。",
        "It exists already: choose another identifier.",
    ),
}
