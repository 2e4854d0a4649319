"""Which notice is owed to whom for which event, and what follows from an attempt to send it. Pure: no clock."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from contracts.cases import CaseTransitioned, UnitRef
from contracts.complaints import CodeReissued, ComplaintSubmitted, ContactWay, RightsAnswered, RightsAsked
from contracts.lifecycle import DUTY, LADDER, REPORTERS_CLOCKS, Act, Seat, Stage

_NOTICE_IDS = UUID("6f6f1f0a-9a55-5d0b-8a53-0b1d6a1a7c11")
"""Namespace of notice ids: for ever, or a redelivered event would make a second notice."""


class Template(StrEnum):
    """What a notice says. The first block is for reporters, the second for officers."""

    RECEIPT = "RECEIPT"
    CODE_REISSUED = "CODE_REISSUED"
    RIGHTS_ASKED = "RIGHTS_ASKED"
    RIGHTS_ANSWERED = "RIGHTS_ANSWERED"
    REGISTERED = "REGISTERED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    SUPPLEMENT_REQUESTED = "SUPPLEMENT_REQUESTED"
    SUPPLEMENT_LAPSED = "SUPPLEMENT_LAPSED"
    HANDED_OVER = "HANDED_OVER"
    HANDED_TO_DESK = "HANDED_TO_DESK"
    SIGNED = "SIGNED"
    REPLIED = "REPLIED"
    RATING_REQUESTED = "RATING_REQUESTED"
    REDO_ORDERED = "REDO_ORDERED"
    SPLIT = "SPLIT"
    JOINED = "JOINED"
    ON_ITS_OWN = "ON_ITS_OWN"
    DISPATCHED_ANEW = "DISPATCHED_ANEW"
    EXTENDED = "EXTENDED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    REFERRED = "REFERRED"
    RECEIVED = "RECEIVED"
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"
    PERIOD_MOVED = "PERIOD_MOVED"
    PROGRESS = "PROGRESS"
    """For acts that this version does not know yet: that there is news, and where to read it."""

    NEW_TASK = "NEW_TASK"
    CASE_NEWS = "CASE_NEWS"
    REVIEW_FAILED = "REVIEW_FAILED"
    URGED = "URGED"
    DUE_SOON = "DUE_SOON"
    OVERDUE = "OVERDUE"
    URGE_NOTICE = "URGE_NOTICE"
    YELLOW_CARD = "YELLOW_CARD"
    RED_CARD = "RED_CARD"
    LIST_CASE = "LIST_CASE"
    CALL_IN = "CALL_IN"
    ORDER_RECTIFICATION = "ORDER_RECTIFICATION"
    RECOUNTED = "RECOUNTED"


BETWEEN_US_AND_REPORTER = frozenset({Template.CODE_REISSUED, Template.RIGHTS_ASKED, Template.RIGHTS_ANSWERED})
"""No step of a case: that such a mail went out may say whose it is, and to officers there is none."""


class Way(StrEnum):
    """How a notice goes. TRACKING: the tracking page shows it, nothing is sent."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    WECHAT = "WECHAT"
    TRACKING = "TRACKING"
    IN_APP = "IN_APP"


class State(StrEnum):
    """Where a notice stands. The last three are terminal: a notice enters exactly one of them, once."""

    PENDING_RECIPIENT = "PENDING_RECIPIENT"
    PENDING = "PENDING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


TERMINAL = frozenset({State.DELIVERED, State.FAILED, State.SKIPPED})


class Reason(StrEnum):
    """Why a notice was skipped or failed, or why it waits."""

    NO_CONTACT = "NO_CONTACT"
    WAY_NOT_SET_UP = "WAY_NOT_SET_UP"
    SAID_IN_RECEIPT = "SAID_IN_RECEIPT"
    NO_ADDRESS = "NO_ADDRESS"
    CONTACT_CHANGED = "CONTACT_CHANGED"

    ADDRESS_MALFORMED = "ADDRESS_MALFORMED"
    ADDRESS_GONE = "ADDRESS_GONE"
    RECIPIENT_REFUSED = "RECIPIENT_REFUSED"
    MESSAGE_REFUSED = "MESSAGE_REFUSED"
    RECIPIENT_UNKNOWN = "RECIPIENT_UNKNOWN"

    SERVER_AWAY = "SERVER_AWAY"
    SERVER_BUSY = "SERVER_BUSY"
    SERVER_SETUP = "SERVER_SETUP"
    VAULT_AWAY = "VAULT_AWAY"
    BROKEN_OFF = "BROKEN_OFF"
    INTERRUPTED = "INTERRUPTED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True)
class Recipient:
    """What is known of a reporter: classes and a token, never an address."""

    complaint_id: UUID
    case_number: str
    contact_token: UUID | None
    ways: tuple[str, ...]
    language: str
    named: bool


@dataclass(frozen=True)
class Planned:
    """One owed notice. ``data`` holds codes, unit names and instants for the template, nothing else.

    ``hold_until``: the business time from which a reminder is for its unit to see.
    """

    template: Template
    case_id: UUID
    sequence: int
    complaint_id: UUID | None = None
    unit_id: str | None = None
    data: dict[str, str] = field(default_factory=dict)
    hold_until: datetime | None = None

    @property
    def recipient(self) -> str:
        """As the ledger and NoticeSettled name it."""
        return f"reporter:{self.complaint_id}" if self.complaint_id else f"unit:{self.unit_id}"


def notice_id(event_id: UUID, recipient: str, template: Template) -> UUID:
    """The id of a notice: the same event gives the same notice, however often it comes."""
    return uuid5(_NOTICE_IDS, f"{event_id}/{recipient}/{template}")


def recipient_of(event: ComplaintSubmitted) -> Recipient:
    """What to keep of a reporter."""
    return Recipient(
        complaint_id=event.complaint_id,
        case_number=event.case_number,
        contact_token=event.contact_token,
        ways=tuple(str(way) for way in event.ways),
        language=event.language,
        named=event.named,
    )


def receipt_for(event: ComplaintSubmitted) -> Planned:
    """The receipt: owed once per complaint, however many cases it opens; sequence 0 comes before every step."""
    return Planned(
        Template.RECEIPT,
        event.case_ids[0],
        0,
        complaint_id=event.complaint_id,
        data={"at": event.at.isoformat()},
    )


def code_for(event: CodeReissued) -> Planned:
    """The notice that brings a new query code: the code itself is fetched when it is sent, and kept nowhere."""
    return Planned(
        Template.CODE_REISSUED,
        event.case_ids[0],
        0,
        complaint_id=event.complaint_id,
        data={"at": event.at.isoformat(), "reissue_id": str(event.reissue_id)},
    )


def rights_notice(event: RightsAsked | RightsAnswered) -> Planned:
    """The notice of a request about the reporter's data: the one who is reached now hears of it, whoever asked."""
    template = Template.RIGHTS_ASKED if isinstance(event, RightsAsked) else Template.RIGHTS_ANSWERED
    return Planned(template, event.case_ids[0], 0, complaint_id=event.complaint_id, data={"at": event.at.isoformat()})


_REPORTER_TEMPLATE: dict[Act, Template] = {
    Act.REGISTER: Template.REGISTERED,
    Act.REQUEST_SUPPLEMENT: Template.SUPPLEMENT_REQUESTED,
    Act.SUPPLEMENT_LAPSED: Template.SUPPLEMENT_LAPSED,
    Act.REJECT: Template.REJECTED,
    Act.ACCEPT: Template.ACCEPTED,
    Act.DISPATCH: Template.HANDED_OVER,
    Act.TRANSFER: Template.HANDED_OVER,
    Act.HAND_TO_DESK: Template.HANDED_TO_DESK,
    Act.SIGN: Template.SIGNED,
    Act.SIGN_LAPSED: Template.SIGNED,
    Act.SPLIT: Template.SPLIT,
    Act.MERGE: Template.JOINED,
    Act.UNMERGE: Template.ON_ITS_OWN,
    Act.MERGE_FAILED: Template.ON_ITS_OWN,
    Act.BYPASS: Template.HANDED_TO_DESK,
    Act.APPROVE_RETURN: Template.DISPATCHED_ANEW,
    Act.RECALL: Template.DISPATCHED_ANEW,
    Act.DESIGNATE: Template.SIGNED,
    Act.GRANT_EXTENSION: Template.EXTENDED,
    Act.SUSPEND_CLOCK: Template.PAUSED,
    Act.RESUME_CLOCK: Template.RESUMED,
    Act.REFER: Template.REFERRED,
    Act.RECORD_RECEIPT: Template.RECEIVED,
    Act.REFERRAL_RETURNED: Template.DISPATCHED_ANEW,
    Act.REPLY: Template.REPLIED,
    Act.REVIEW_PASS: Template.REPLIED,
    Act.RECOUNT: Template.PERIOD_MOVED,
    Act.SUCCEED: Template.SUCCEEDED,
}
_BY_STAGE: dict[Stage, Template] = {
    Stage.CLOSED: Template.CLOSED,
    Stage.REDO: Template.REDO_ORDERED,
    Stage.PENDING_VISIT: Template.RATING_REQUESTED,
}
"""Acts not named above (call-back, rating, silence) say what the stage they lead to means for the reporter."""


def reporter_template(act: Act, to_stage: Stage) -> Template:
    """What a reporter is told of an act that may be told. Acts and stages of a newer version have plain words."""
    return _REPORTER_TEMPLATE.get(act) or _BY_STAGE.get(to_stage, Template.PROGRESS)


def notices_for(event: CaseTransitioned) -> tuple[Planned, ...]:
    """All notices that a step owes: one per complaint when the reporter may know, and those of the units."""
    return (*_to_reporters(event), *_to_units(event))


def _to_reporters(event: CaseTransitioned) -> tuple[Planned, ...]:
    if not event.told:
        return ()
    template = reporter_template(event.act, event.to_stage)
    return tuple(
        Planned(template, event.case_id, event.sequence, complaint_id=complaint_id, data=_data(event))
        for complaint_id in dict.fromkeys(event.complaint_ids)
    )


def _to_units(event: CaseTransitioned) -> tuple[Planned, ...]:
    moments = {moment.unit_id: moment.at for moment in event.remind_at}
    return tuple(
        Planned(
            template,
            event.case_id,
            event.sequence,
            unit_id=unit.unit_id,
            data=_data(event),
            hold_until=moments.get(unit.unit_id),
        )
        for template, unit in _unit_notices(event)
    )


def _unit_notices(event: CaseTransitioned) -> tuple[tuple[Template, UnitRef], ...]:
    on_turn = unit_on_turn(event)
    if event.act in LADDER:
        return _each(Template(str(event.act)), *event.concerned)
    match event.act:
        case Act.DUE_SOON | Act.OVERDUE:
            if event.deadline is not None and event.deadline.purpose in REPORTERS_CLOCKS:
                return ()
            return _each(Template(str(event.act)), on_turn or event.desk, event.desk)
        case Act.RECOUNT:
            return _each(Template.RECOUNTED, event.desk, event.holder or event.desk) if _shows(event) else ()
        case Act.URGE:
            return ((Template.URGED, on_turn or event.desk),)
        case Act.REVIEW_FAIL:
            return ((Template.REVIEW_FAILED, event.holder or event.desk),)
    news = _each(Template.CASE_NEWS, *event.concerned)
    if opens_task(event) and on_turn is not None:
        return ((Template.NEW_TASK, on_turn), *(found for found in news if found[1].unit_id != on_turn.unit_id))
    return news


def _each(template: Template, *units: UnitRef) -> tuple[tuple[Template, UnitRef], ...]:
    return tuple((template, unit) for unit in {unit.unit_id: unit for unit in units}.values())


def _shows(event: CaseTransitioned) -> bool:
    """Does a recount change what people read? A warning that moves alone is none of their business."""
    now, before = event.deadline, event.deadline_before
    return now is None or before is None or (now.due_at, now.provisional) != (before.due_at, before.provisional)


def unit_on_turn(event: CaseTransitioned) -> UnitRef | None:
    """The unit that must act in the stage reached, holder or desk; None when it is the reporter's turn, or nobody's."""
    if event.task_unit is not None:
        return event.task_unit
    duty = DUTY.get(event.to_stage)
    if duty is None:
        return None
    if duty.seat is Seat.SENDER:
        return event.holder or event.desk
    return event.desk if duty.seat is Seat.DESK else event.holder


def opens_task(event: CaseTransitioned) -> bool:
    """Did the step give a unit something new to do? Signing does not: whoever signs knows what comes next."""
    duty = DUTY.get(event.to_stage)
    if duty is None or event.act is Act.SIGN:
        return False
    return event.act in (Act.HAND_TO_DESK, Act.BYPASS) or duty != DUTY.get(event.from_stage)


def _data(event: CaseTransitioned) -> dict[str, str]:
    data: dict[str, str] = {
        "at": event.at.isoformat(),
        "act": str(event.act),
        "stage": str(event.to_stage),
        "case_number": event.case_number,
        "desk": event.desk.name,
    }
    if event.holder is not None:
        data["holder"] = event.holder.name
    if event.task is not None:
        data["task"] = str(event.task)
    if event.reason_code is not None:
        data["reason_code"] = event.reason_code
    if event.outcome is not None:
        data["outcome"] = str(event.outcome)
    if event.deadline is not None:
        data["purpose"] = str(event.deadline.purpose)
        data["due_at"] = event.deadline.due_at.isoformat()
        if event.deadline.provisional:
            data["provisional"] = "yes"
    if event.deadline_before is not None:
        data["due_before"] = event.deadline_before.due_at.isoformat()
        if event.deadline_before.provisional:
            data["provisional_before"] = "yes"
    return data


@dataclass(frozen=True)
class Decision:
    """What becomes of a notice, and why when nothing is sent; ``way`` is how it goes or would have gone."""

    state: State
    way: Way
    reason: Reason | None = None


def decide(template: Template, recipient: Recipient) -> Decision:
    """How a reporter's notice goes. Nothing goes by a way that is not set up; the tracking page shows it anyway."""
    if template is Template.REGISTERED:
        # The receipt went out seconds ago and said the same; the step still gets its row in the ledger.
        return Decision(State.SKIPPED, Way.TRACKING, Reason.SAID_IN_RECEIPT)
    if recipient.contact_token is None or not recipient.ways:
        return Decision(State.SKIPPED, Way.TRACKING, Reason.NO_CONTACT)
    if ContactWay.EMAIL in recipient.ways:
        return Decision(State.PENDING, Way.EMAIL)
    return Decision(State.SKIPPED, Way(recipient.ways[0]), Reason.WAY_NOT_SET_UP)
