"""What follows from the table: what the reporter is told, what leaves a view good, and small questions to the rules."""

from contracts.lifecycle.duties import DUTY, LADDER, Rule
from contracts.lifecycle.table import RULES
from contracts.lifecycle.vocabulary import Act, Party, Role, Stage, TaskKind

MAX_REDO = 1
"""An unsatisfied reporter gets one redo (济南12345条例 art. 27; HY-REDO 仅一次)."""

ARBITRATED_BOUNCE = 2
"""The return that goes to the common superior instead of the dispatcher's next try (rules.md §4.3; 潍坊 art. 22)."""

RECUSALS = frozenset({Act.RECUSE, Act.ORDER_RECUSAL, Act.LIFT_RECUSAL})
"""Recusal 回避 (信访工作条例 art. 28) and its end. The reason may point at a person, a relative of the reporter for
one: it is for those who decide in the case, and in no event."""

QUIET = frozenset(
    {
        *LADDER,
        Act.DUE_SOON,
        Act.OVERDUE,
        Act.RECOUNT,
        Act.URGE,
        Act.SUPPLEMENT,
        Act.REISSUE_CODE,
        Act.ASK_RIGHTS,
        Act.ANSWER_RIGHTS,
        Act.RETURN_LAPSED,
        Act.ABSORB,
        Act.SUPPORT_ANSWER,
        Act.SUPERVISE,
        Act.LIFT_SUPERVISION,
        Act.MARK_URGENT,
        Act.MARK_MAJOR,
        Act.REPORT_MAJOR,
        Act.LIFT_MAJOR,
    }
)
"""Acts that don't make what an officer is looking at out of date, unless they change the stage."""

TOLD_TO_REPORTER = frozenset(
    {
        Act.REGISTER,
        Act.REQUEST_SUPPLEMENT,
        Act.SUPPLEMENT_LAPSED,
        Act.REJECT,
        Act.ACCEPT,
        Act.SPLIT,
        Act.MERGE,
        Act.UNMERGE,
        Act.MERGE_FAILED,
        Act.DISPATCH,
        Act.HAND_TO_DESK,
        Act.BYPASS,
        Act.TRANSFER,
        Act.SIGN,
        Act.SIGN_LAPSED,
        Act.APPROVE_RETURN,
        Act.DESIGNATE,
        Act.RECALL,
        Act.GRANT_EXTENSION,
        Act.SUSPEND_CLOCK,
        Act.RESUME_CLOCK,
        Act.REFER,
        Act.RECORD_RECEIPT,
        Act.REFERRAL_RETURNED,
        Act.REVIEW_PASS,
        Act.RECORD_VISIT,
        Act.RATE,
        Act.SILENCE_LAPSED,
        Act.SUCCEED,
    }
)
"""What the reporter may know of and is told. Names of officers, reviews and reminders are not among it."""


def task_kinds(role: Role) -> frozenset[TaskKind]:
    """The kinds of task that an account with this role may claim."""
    return frozenset(duty.kind for duty in DUTY.values() if duty.role is role)


def acts_in(stage: Stage, party: Party) -> tuple[Rule, ...]:
    """The rules that a party may use in a stage, in the table's order."""
    return tuple(rule for rule in RULES if rule.party is party and stage in rule.stages)
