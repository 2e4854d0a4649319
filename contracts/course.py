"""How a case has been handed on: what the workflow carries beside stage, seats and clocks."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contracts.cases import DocumentRef, UnitRef
from contracts.lifecycle import Act, HandoverKind, Purpose, Supervision
from contracts.model import Code, Contract, Instant

OFFICERS_WHO_VERIFY = 2
"""So many look into a suspected crime before it is referred (国务院令第310号 art. 5)."""


class ClockEventType(StrEnum):
    """What may happen to a running clock."""

    SUSPEND = "suspend"
    RESUME = "resume"
    EXTEND = "extend"


class ClockEvent(Contract):
    """A suspension, resumption or granted extension; ``amount`` in the clock's own unit, of an extension alone.

    ``ground`` of a suspension, or of the one that a ``handover`` to another unit has ended; older writers leave it out.
    """

    type: ClockEventType
    at: Instant
    amount: float = 0
    ground: Code | None = None
    handover: bool = False


class Support(Contract):
    """A unit that helps the holder (协办) and answers to it; ``document`` once it has."""

    unit: UnitRef
    asked_sequence: int
    document: DocumentRef | None = None


class Request(Contract):
    """What waits for the leader's yes: a longer period, or a referral. ``approved`` only of a referral not sent yet.

    ``verify``: a second officer confirms the facts first, who is not ``asked_by`` (国务院令第310号 art. 5). Neither
    decides on it; older writers name ``asked_by`` only of what is verified."""

    act: Act
    purpose: Purpose | None = None
    amount: float | None = None
    unit: UnitRef | None = None
    ground: Code | None = None
    asked_sequence: int
    approved: bool = False
    verify: bool = False
    asked_by: Code | None = None
    verified_by: Code | None = None


class Major(Contract):
    """The mark of a major clue (重大线索) on this ``ground``, and whether, and to whom, it was ``reported`` upward.

    The ``superior`` has a part in the case; it loses it where it turns out to be accused.
    """

    ground: Code
    reported: bool = False
    superior: UnitRef | None = None


class Course(Contract):
    """The hand-overs of a case and what goes with them.

    ``kind``: of the hand-over to the present holder, on this legal ``basis``; ``bounces``: returns approved so far,
    ``bounced`` by these units; ``passed``: units that handed it on since it was dispatched; ``designated``: the holder
    was designated and can't return the case (潍坊12345条例 art. 22); ``receiver``, ``received``, ``papers`` sent along
    and ``disposal``: of a referral; ``restricted``: in no ordinary list; ``excluded``: accounts of accused persons;
    ``recused``: officers who keep away 回避; ``leaderless``: units whose leader does, for whom the desk decides;
    ``main_case`` of a merged case and ``merged_cases`` of the main one; ``split_case`` and ``origin_case`` of a split,
    where an ``extract`` stands for the submission in the part split off; ``linked_cases``: those of the same reporter
    that it is about, e.g. that retaliation follows, for restricted accounts alone to know.
    """

    kind: HandoverKind | None = None
    basis: str | None = Field(default=None, max_length=200)
    ground: Code | None = None
    bounces: int = 0
    bounced: tuple[Code, ...] = ()
    passed: tuple[Code, ...] = ()
    designated: bool = False
    arbiter: UnitRef | None = None
    supports: tuple[Support, ...] = ()
    request: Request | None = None
    receiver: UnitRef | None = None
    received: bool = False
    papers: tuple[Code, ...] = ()
    disposal: Code | None = None
    supervision: Supervision = Field(default=Supervision.NONE)
    urgent: bool = False
    major: Major | None = None
    restricted: bool = False
    excluded: tuple[Code, ...] = ()
    recused: tuple[Code, ...] = ()
    leaderless: tuple[Code, ...] = ()
    main_case: UUID | None = None
    merged_cases: tuple[UUID, ...] = ()
    split_case: UUID | None = None
    origin_case: UUID | None = None
    extract: DocumentRef | None = None
    linked_cases: tuple[UUID, ...] = ()

    @property
    def barred(self) -> tuple[str, ...]:
        """Accounts that have no part in the case and know nothing of it: accused, or recused."""
        return tuple(sorted({*self.excluded, *self.recused}))

    def unverified(self) -> bool:
        """True while the leader's yes waits for a second officer."""
        return self.request is not None and self.request.verify and len(self.vouching()) < OFFICERS_WHO_VERIFY

    def vouching(self) -> tuple[str, ...]:
        """The officers who have asked for a referral or confirmed it; one who must not act has verified nothing."""
        request = self.request
        named = (request.asked_by, request.verified_by) if request is not None else ()
        return tuple(account for account in named if account is not None and account not in self.barred)

    def vouched(self, account: str | None) -> Request | None:
        """The request after this officer has confirmed it: the second one, or the first of two where the others must
        not act any more."""
        if self.request is None:
            return None
        first = next(iter(self.vouching()), None)
        named = {"asked_by": account} if first is None else {"asked_by": first, "verified_by": account}
        return self.request.model_copy(update=named)

    def waiting_supports(self) -> tuple[Support, ...]:
        """Those that have not answered yet."""
        return tuple(support for support in self.supports if support.document is None)

    def related(self) -> tuple[UUID, ...]:
        """The cases that belong to this one."""
        single = (self.main_case, self.split_case, self.origin_case)
        return (*(case_id for case_id in single if case_id is not None), *self.merged_cases)
