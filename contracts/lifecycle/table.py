"""The life of a case as one table: who may do what in which stage, and where it leads.

The workflow decides by this table, the API shows from it what is legal now, and the documentation is generated from it.
Stages and acts follow 12345 practice (rules.md §4.1, §4.2); hand-overs, returns and designation 信访工作条例 art. 22–24
and 潍坊12345条例 art. 22; refusals 信访工作条例 art. 31, recusal 回避 art. 28, one redo 济南12345条例 art. 27.
"""

from contracts.lifecycle.duties import DUTY, HANDOVER_CLOCKS, LADDER, Rule
from contracts.lifecycle.vocabulary import ADMINISTRATORS, ENDED, Act, Field, Party, Purpose, Role, Seat, Stage

_WORKING = (Stage.SIGNED, Stage.HANDLING, Stage.REDO)
_TO_DISPATCH = (Stage.TRIAGE, Stage.PENDING_DISPATCH)
_HELD = (Stage.DISPATCHED, *_WORKING, Stage.FEEDBACK)
_OPEN = tuple(s for s in Stage if s not in ENDED and s not in (Stage.SUBMITTED, Stage.MERGED))
_BEFORE_ANSWER = (*_TO_DISPATCH, Stage.DISPATCHED, Stage.RETURN_REQ, Stage.ARBITRATION, *_WORKING, Stage.REFERRED)
_UNANSWERED = (Stage.SUPPLEMENT, *_BEFORE_ANSWER)
_PERIODS = (Purpose.HANDLE, Purpose.REDO)
_HAND_CLOCKS = tuple(purpose for purpose in Purpose if purpose in HANDOVER_CLOCKS)

_DESK, _HOLDER = (Seat.DESK,), (Seat.HOLDER,)
_TRIAGERS = (Role.CLERK, Role.DISPATCHER)
_KEPT_FROM = (*_OPEN, Stage.REJECTED, Stage.CLOSED)
_WORKERS = tuple(role for role in Role if role not in ADMINISTRATORS and role is not Role.ADMIN)
_MARKERS = (*_TRIAGERS, Role.HANDLER)


def _officer(act: Act, stages: tuple[Stage, ...], to: Stage | None = None, **columns: object) -> Rule:
    return Rule(act, Party.OFFICER, stages, to, **columns)  # type: ignore[arg-type]


def _system(act: Act, stages: tuple[Stage, ...], to: Stage | None = None, **columns: object) -> Rule:
    return Rule(act, Party.SYSTEM, stages, to, **columns)  # type: ignore[arg-type]


_TRIAGE_RULES = (
    _system(Act.REGISTER, (Stage.SUBMITTED,), Stage.TRIAGE, starts=(Purpose.ACKNOWLEDGE,)),
    _officer(Act.CLAIM, tuple(DUTY)),
    _officer(Act.REASSIGN, tuple(DUTY), roles=(Role.SUPERVISOR,), may=(Field.ASSIGNEE,)),
    _officer(Act.LINK_RESPONDENTS, _OPEN, seats=_DESK, roles=_TRIAGERS, needs=(Field.RESPONDENT_UNITS,), decided=_OPEN),
    _officer(Act.LINK_PERSONS, _OPEN, seats=_DESK, roles=_TRIAGERS, needs=(Field.RESPONDENT_ACCOUNTS,)),
    _officer(Act.RECUSE, _KEPT_FROM, roles=_WORKERS, needs=(Field.REASON_CODE,)),
    _officer(
        Act.ORDER_RECUSAL,
        _KEPT_FROM,
        seats=(Seat.DESK, Seat.HOLDER, Seat.SUPPORT, Seat.ARBITER),
        roles=(Role.SUPERVISOR, Role.LEADER),
        needs=(Field.ASSIGNEE, Field.REASON_CODE),
    ),
    _officer(
        Act.LIFT_RECUSAL,
        _KEPT_FROM,
        seats=(Seat.DESK, Seat.HOLDER, Seat.SUPPORT, Seat.ARBITER),
        roles=(Role.SUPERVISOR, Role.LEADER),
        needs=(Field.ASSIGNEE, Field.NOTE),
    ),
    _officer(
        Act.CORRECT_RESPONDENTS,
        _OPEN,
        seats=_DESK,
        roles=(Role.SUPERVISOR,),
        needs=(Field.NOTE,),
        may=(Field.RESPONDENT_UNITS, Field.RESPONDENT_ACCOUNTS),
        decided=_OPEN,
    ),
    _officer(
        Act.RECLASSIFY,
        _TO_DISPATCH,
        Stage.TRIAGE,
        seats=_DESK,
        roles=_TRIAGERS,
        needs=(Field.CATEGORY, Field.NOTE),
        may=(Field.TRACK,),
        starts=(Purpose.ACKNOWLEDGE,),
        stops=_PERIODS,
    ),
    _officer(Act.MARK_URGENT, _BEFORE_ANSWER, seats=_DESK, roles=_TRIAGERS, needs=(Field.NOTE,)),
    _officer(
        Act.REQUEST_SUPPLEMENT,
        (Stage.TRIAGE,),
        Stage.SUPPLEMENT,
        seats=_DESK,
        roles=(Role.CLERK,),
        needs=(Field.NOTE,),
        starts=(Purpose.SUPPLEMENT,),
    ),
    Rule(Act.SUPPLEMENT, Party.REPORTER, _OPEN, stops=(Purpose.SUPPLEMENT,), decided=_OPEN),
    _system(Act.SUPPLEMENT_LAPSED, (Stage.SUPPLEMENT,), Stage.TRIAGE, stops=(Purpose.SUPPLEMENT,)),
    _officer(
        Act.SPLIT,
        (Stage.TRIAGE,),
        Stage.TRIAGE,
        seats=_DESK,
        roles=(Role.CLERK,),
        needs=(Field.CATEGORY, Field.EXTRACT),
        may=(Field.RESPONDENT_UNITS,),
        starts=(Purpose.ACKNOWLEDGE,),
    ),
    _officer(
        Act.MERGE,
        _TO_DISPATCH,
        Stage.MERGED,
        seats=_DESK,
        roles=_TRIAGERS,
        needs=(Field.MAIN_CASE,),
        stops=(Purpose.ACKNOWLEDGE, *_PERIODS),
    ),
    _system(Act.ABSORB, (*_OPEN, Stage.CLOSED)),
    _officer(
        Act.UNMERGE,
        (Stage.MERGED,),
        Stage.TRIAGE,
        seats=_DESK,
        roles=_TRIAGERS,
        needs=(Field.NOTE,),
        starts=(Purpose.ACKNOWLEDGE,),
    ),
    _system(Act.DISOWN, (*_OPEN, Stage.CLOSED)),
    _system(Act.MERGE_FAILED, (Stage.MERGED,), Stage.TRIAGE, starts=(Purpose.ACKNOWLEDGE,)),
    _system(Act.MERGE_ENDED, (Stage.MERGED,), Stage.ARCHIVED),
    _officer(
        Act.REJECT,
        (Stage.TRIAGE,),
        Stage.REJECTED,
        seats=_DESK,
        roles=(Role.CLERK,),
        needs=(Field.REASON_CODE,),
        starts=(Purpose.REVIEW_REQUEST,),
        stops=(Purpose.ACKNOWLEDGE,),
    ),
    _officer(
        Act.ACCEPT,
        (Stage.TRIAGE,),
        Stage.PENDING_DISPATCH,
        seats=_DESK,
        roles=(Role.CLERK,),
        stops=(Purpose.ACKNOWLEDGE,),
        starts=(Purpose.HANDLE,),
    ),
)

_HANDOVER_RULES = (
    _officer(
        Act.DISPATCH,
        (Stage.PENDING_DISPATCH,),
        Stage.DISPATCHED,
        seats=_DESK,
        roles=(Role.DISPATCHER,),
        needs=(Field.UNIT,),
        may=(Field.KIND, Field.GROUND),
        starts=(Purpose.SIGN, Purpose.RETURN),
    ),
    _officer(
        Act.HAND_TO_DESK,
        _TO_DISPATCH,
        Stage.TRIAGE,
        seats=_DESK,
        roles=_TRIAGERS,
        needs=(Field.UNIT, Field.NOTE),
        starts=(Purpose.ACKNOWLEDGE,),
        stops=(Purpose.ACKNOWLEDGE, *_PERIODS),
    ),
    _officer(
        Act.BYPASS,
        _TO_DISPATCH,
        Stage.TRIAGE,
        seats=_DESK,
        roles=_TRIAGERS,
        needs=(Field.NOTE,),
        starts=(Purpose.ACKNOWLEDGE,),
        stops=(Purpose.ACKNOWLEDGE, *_PERIODS),
    ),
    _officer(
        Act.SIGN,
        (Stage.DISPATCHED,),
        Stage.SIGNED,
        seats=_HOLDER,
        roles=(Role.HANDLER,),
        stops=(Purpose.SIGN,),
    ),
    _system(Act.SIGN_LAPSED, (Stage.DISPATCHED,), Stage.SIGNED, stops=(Purpose.SIGN,)),
    _officer(
        Act.REQUEST_RETURN,
        (Stage.DISPATCHED, Stage.SIGNED, Stage.HANDLING),
        Stage.RETURN_REQ,
        seats=_HOLDER,
        roles=(Role.HANDLER,),
        needs=(Field.NOTE,),
        may=(Field.GROUND,),
        stops=(Purpose.SIGN, Purpose.RETURN),
    ),
    _officer(
        Act.APPROVE_RETURN,
        (Stage.RETURN_REQ,),
        seats=_DESK,
        roles=(Role.DISPATCHER,),
        stops=_HAND_CLOCKS,
        decided=(Stage.PENDING_DISPATCH, Stage.ARBITRATION),
    ),
    _officer(
        Act.DENY_RETURN,
        (Stage.RETURN_REQ,),
        Stage.SIGNED,
        seats=_DESK,
        roles=(Role.DISPATCHER,),
        needs=(Field.NOTE,),
    ),
    _system(Act.RETURN_LAPSED, _OPEN, stops=(Purpose.RETURN,)),
    _officer(
        Act.DESIGNATE,
        (Stage.ARBITRATION,),
        Stage.SIGNED,
        seats=(Seat.ARBITER,),
        roles=(Role.DISPATCHER, Role.LEADER),
        needs=(Field.UNIT, Field.NOTE),
        stops=(Purpose.DESIGNATE,),
    ),
    _officer(
        Act.RECALL,
        (Stage.DISPATCHED, Stage.SIGNED, Stage.HANDLING),
        Stage.PENDING_DISPATCH,
        seats=_DESK,
        roles=(Role.DISPATCHER,),
        needs=(Field.NOTE,),
        stops=_HAND_CLOCKS,
    ),
    _officer(Act.BEGIN, (Stage.SIGNED,), Stage.HANDLING, seats=_HOLDER, roles=(Role.HANDLER,)),
    _officer(
        Act.TRANSFER,
        (Stage.SIGNED, Stage.HANDLING),
        Stage.DISPATCHED,
        seats=_HOLDER,
        roles=(Role.HANDLER,),
        needs=(Field.UNIT, Field.NOTE),
        may=(Field.KIND, Field.GROUND),
        starts=(Purpose.SIGN, Purpose.RETURN),
        stops=_HAND_CLOCKS,
    ),
)

_BESIDE_RULES = (
    _officer(
        Act.ADD_SUPPORT,
        _WORKING,
        seats=(Seat.DESK, Seat.HOLDER),
        roles=(Role.DISPATCHER, Role.HANDLER),
        needs=(Field.UNIT, Field.NOTE),
        starts=(Purpose.SUPPORT,),
    ),
    _officer(Act.SUPPORT_ANSWER, _WORKING, seats=(Seat.SUPPORT,), roles=(Role.HANDLER,), needs=(Field.NOTE,)),
    _officer(
        Act.RELEASE_SUPPORT,
        _WORKING,
        seats=(Seat.DESK, Seat.HOLDER),
        roles=(Role.DISPATCHER, Role.HANDLER),
        needs=(Field.UNIT, Field.NOTE),
    ),
    _officer(
        Act.REQUEST_EXTENSION,
        _WORKING,
        seats=_HOLDER,
        roles=(Role.HANDLER,),
        needs=(Field.PURPOSE, Field.AMOUNT, Field.NOTE),
    ),
    _officer(Act.GRANT_EXTENSION, _WORKING, seats=_HOLDER, roles=(Role.LEADER,), needs=(Field.NOTE,)),
    _officer(Act.DENY_EXTENSION, _WORKING, seats=_HOLDER, roles=(Role.LEADER,), needs=(Field.NOTE,)),
    _officer(
        Act.SUSPEND_CLOCK,
        _WORKING,
        seats=_HOLDER,
        roles=(Role.LEADER,),
        needs=(Field.PURPOSE, Field.GROUND, Field.NOTE),
    ),
    _officer(
        Act.RESUME_CLOCK,
        _BEFORE_ANSWER,
        seats=(Seat.HOLDER, Seat.DESK),
        roles=(Role.HANDLER, Role.LEADER, Role.DISPATCHER),
        needs=(Field.PURPOSE,),
    ),
    _officer(
        Act.PROPOSE_REFERRAL,
        (Stage.SIGNED, Stage.HANDLING),
        seats=_HOLDER,
        roles=(Role.HANDLER,),
        needs=(Field.UNIT, Field.GROUND, Field.NOTE),
        starts=(Purpose.DECIDE_REFERRAL,),
    ),
    _officer(
        Act.VERIFY_REFERRAL,
        (Stage.SIGNED, Stage.HANDLING),
        seats=(Seat.HOLDER, Seat.DESK),
        roles=(Role.HANDLER, Role.DISPATCHER),
        starts=(Purpose.DECIDE_REFERRAL,),
    ),
    _officer(
        Act.APPROVE_REFERRAL,
        (Stage.SIGNED, Stage.HANDLING),
        seats=_HOLDER,
        roles=(Role.LEADER,),
        stops=(Purpose.DECIDE_REFERRAL,),
        starts=(Purpose.SEND_REFERRAL,),
    ),
    _officer(
        Act.DENY_REFERRAL,
        (Stage.SIGNED, Stage.HANDLING),
        seats=_HOLDER,
        roles=(Role.LEADER,),
        needs=(Field.NOTE,),
        stops=(Purpose.DECIDE_REFERRAL,),
    ),
    _officer(
        Act.REFER,
        (Stage.PENDING_DISPATCH, Stage.SIGNED, Stage.HANDLING),
        Stage.REFERRED,
        seats=(Seat.SENDER,),
        roles=(Role.HANDLER, Role.DISPATCHER),
        needs=(Field.UNIT, Field.GROUND, Field.NOTE),
        may=(Field.PAPERS,),
        starts=(Purpose.RECEIPT,),
        stops=_HAND_CLOCKS,
    ),
    _officer(
        Act.RECORD_RECEIPT,
        (Stage.REFERRED,),
        seats=(Seat.SENDER, Seat.RECEIVER),
        roles=(Role.HANDLER, Role.DISPATCHER),
        stops=(Purpose.RECEIPT,),
        starts=(Purpose.DISPOSAL,),
    ),
    _officer(
        Act.RECORD_DISPOSAL,
        (Stage.REFERRED,),
        seats=(Seat.SENDER, Seat.RECEIVER),
        roles=(Role.HANDLER, Role.DISPATCHER),
        needs=(Field.DISPOSAL,),
        stops=(Purpose.RECEIPT, Purpose.DISPOSAL),
        starts=(Purpose.ANSWER,),
    ),
    _officer(
        Act.REFERRAL_RETURNED,
        (Stage.REFERRED,),
        seats=(Seat.SENDER, Seat.RECEIVER),
        roles=(Role.HANDLER, Role.DISPATCHER),
        needs=(Field.NOTE,),
        stops=_HAND_CLOCKS,
        decided=(Stage.HANDLING, Stage.PENDING_DISPATCH),
    ),
    _officer(
        Act.MARK_MAJOR,
        _UNANSWERED,
        seats=(Seat.DESK, Seat.HOLDER),
        roles=_MARKERS,
        needs=(Field.GROUND, Field.NOTE),
        starts=(Purpose.REPORT_UP,),
    ),
    _officer(
        Act.REPORT_MAJOR,
        _UNANSWERED,
        seats=(Seat.DESK, Seat.HOLDER),
        roles=_MARKERS,
        needs=(Field.UNIT, Field.NOTE),
        stops=(Purpose.REPORT_UP,),
    ),
    _officer(
        Act.LIFT_MAJOR,
        _UNANSWERED,
        seats=(Seat.DESK, Seat.HOLDER),
        roles=(*_MARKERS, Role.LEADER),
        needs=(Field.NOTE,),
        stops=(Purpose.REPORT_UP,),
    ),
    _officer(Act.URGE, (*_HELD, Stage.RETURN_REQ, Stage.ARBITRATION, Stage.REFERRED), roles=(Role.SUPERVISOR,)),
    _officer(Act.SUPERVISE, _BEFORE_ANSWER, roles=(Role.SUPERVISOR,), needs=(Field.LEVEL, Field.NOTE)),
    _officer(Act.LIFT_SUPERVISION, _OPEN, roles=(Role.SUPERVISOR,), needs=(Field.NOTE,)),
)

_ANSWER_RULES = (
    _officer(
        Act.REPLY,
        (*_WORKING, Stage.REFERRED),
        seats=(Seat.SENDER,),
        roles=(Role.HANDLER, Role.DISPATCHER),
        needs=(Field.PUBLIC_REPLY, Field.OUTCOME),
        stops=tuple(purpose for purpose in _HAND_CLOCKS if purpose is not Purpose.ANSWER),
        decided=(Stage.FEEDBACK, Stage.PENDING_VISIT),
    ),
    _officer(
        Act.REVIEW_PASS,
        (Stage.FEEDBACK,),
        Stage.PENDING_VISIT,
        seats=_DESK,
        roles=(Role.REVIEWER,),
        starts=(Purpose.VISIT,),
        stops=(Purpose.HANDLE, Purpose.REDO, Purpose.ANSWER),
    ),
    _officer(
        Act.REVIEW_FAIL,
        (Stage.FEEDBACK,),
        seats=_DESK,
        roles=(Role.REVIEWER,),
        needs=(Field.NOTE,),
        decided=(Stage.HANDLING, Stage.REFERRED),
    ),
    _officer(
        Act.RECORD_VISIT,
        (Stage.PENDING_VISIT,),
        seats=_DESK,
        roles=(Role.FOLLOW_UP,),
        may=(Field.SATISFACTION,),
        decided=(Stage.PENDING_VISIT, Stage.CLOSED, Stage.REDO),
    ),
    _system(Act.VISIT_LAPSED, (Stage.PENDING_VISIT,), stops=(Purpose.VISIT,), starts=(Purpose.SILENCE,)),
    Rule(
        Act.RATE,
        Party.REPORTER,
        (Stage.PENDING_VISIT, Stage.CLOSED),
        needs=(Field.SATISFACTION,),
        decided=(Stage.CLOSED, Stage.REDO),
    ),
    *(
        Rule(act, Party.REPORTER, (*_OPEN, Stage.MERGED, Stage.CLOSED, Stage.REJECTED))
        for act in (Act.REISSUE_CODE, Act.ASK_RIGHTS, Act.ANSWER_RIGHTS)
    ),
    _system(
        Act.SILENCE_LAPSED,
        (Stage.PENDING_VISIT,),
        Stage.CLOSED,
        starts=(Purpose.REVIEW_REQUEST,),
        stops=(Purpose.VISIT, Purpose.SILENCE),
    ),
    _system(Act.DUE_SOON, _OPEN),
    _system(Act.OVERDUE, _OPEN),
    *(_system(act, _OPEN) for act in LADDER),
    _system(Act.RECOUNT, (*_OPEN, Stage.REJECTED, Stage.CLOSED)),
    _system(Act.SUCCEED, (*_OPEN, Stage.MERGED, Stage.CLOSED, Stage.REJECTED)),
    _system(Act.HAND_ON, tuple(DUTY)),
    _system(Act.ARCHIVE, (Stage.CLOSED, Stage.REJECTED), Stage.ARCHIVED, stops=(Purpose.REVIEW_REQUEST,)),
)

RULES: tuple[Rule, ...] = _TRIAGE_RULES + _HANDOVER_RULES + _BESIDE_RULES + _ANSWER_RULES

INSTEAD: dict[Field, Field] = {Field.RESPONDENT_UNITS: Field.NOTE}
"""What may stand in for a needed field: a note that says that nobody of our tree is accused, in place of the units."""

RULE: dict[Act, Rule] = {rule.act: rule for rule in RULES}
