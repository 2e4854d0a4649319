"""Opening a reporter's identity: what referrals asks of the vault in the claims of its token, and the vault's record.

The token alone says who wants what: it has no body beside it that could say otherwise.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from contracts.model import Code, Contract, Instant

ASK, DECIDE, READ, ORIGINAL, RECORD, WAITING = (
    f"identity.{act}" for act in ("ask", "decide", "read", "original", "record", "waiting")
)
"""The purposes of the tokens; `ORIGINAL` also that of the vault's own word to complaints."""
ORIGINALS = "original"
"""Among a purpose's fields: files as they came may be saved, which say who made them."""


class Denial(StrEnum):
    """Why an opening was refused. The first two are the vault's own, the others a person's."""

    NOBODY_TO_ASK = "NOBODY_TO_ASK"
    NO_IDENTITY = "NO_IDENTITY"
    NOT_NEEDED = "NOT_NEEDED"
    OTHER_MEANS = "OTHER_MEANS"
    UNFIT_PURPOSE = "UNFIT_PURPOSE"


OWN_DENIALS = frozenset({Denial.NOBODY_TO_ASK, Denial.NO_IDENTITY})


class OpeningState(StrEnum):
    """Where an opening stands at a moment: a yes ends by itself, and so does a request that nobody answered."""

    WAITING = "WAITING"
    LAPSED = "LAPSED"
    GRANTED = "GRANTED"
    ENDED = "ENDED"
    DENIED = "DENIED"


class Ask(Contract):
    """An officer (the token's subject) asks. ``decides_unit``: whose second person decides; None: there is nobody."""

    opening_id: UUID
    case_id: UUID
    complaint_id: UUID
    unit_id: Code
    aim: Code
    decides_unit: Code | None


class Decide(Contract):
    """A second person (the token's subject) says yes, or no for a reason."""

    opening_id: UUID
    case_id: UUID
    unit_id: Code
    granted: bool
    denial: Denial | None = None


class Read(Contract):
    """The officer who asked (the token's subject) looks."""

    opening_id: UUID
    case_id: UUID


class ReadOriginal(Read):
    """The officer who asked (the token's subject) saves a file as it came."""

    evidence_id: UUID


class OriginalOpen(Contract):
    """The vault's word to complaints: this file of this complaint may go to the officer (the token's subject), once."""

    case_id: UUID
    complaint_id: UUID
    evidence_id: UUID


class Word(Contract):
    """A token that the vault has signed."""

    word: str

    def __repr__(self) -> str:
        return "Word(…)"

    __str__ = __repr__


class OfCase(Contract):
    """The record of a case."""

    case_id: UUID


class OfUnit(Contract):
    """What waits for a unit's second person."""

    unit_id: Code


class Decision(Contract):
    """How it was decided; ``officer`` and ``unit_id`` are None where the vault itself refused."""

    granted: bool
    denial: Denial | None
    officer: Code | None
    unit_id: Code | None
    at: Instant
    open_until: Instant | None


class Reading(Contract):
    """When the officer who asked looked."""

    at: Instant


class Attempt(Contract):
    """What somebody tried with an opening and the vault refused."""

    officer: Code
    act: Code
    refusal: Code
    at: Instant


class Opening(Contract):
    """One identity, one officer, one purpose. Never what it holds."""

    opening_id: UUID
    case_id: UUID
    complaint_id: UUID
    officer: Code
    unit_id: Code
    decides_unit: Code | None
    aim: Code
    asked_at: Instant
    lapses_at: Instant
    decision: Decision | None
    readings: tuple[Reading, ...]
    attempts: tuple[Attempt, ...]

    def state(self, now: datetime) -> OpeningState:
        """Where it stands."""
        decision = self.decision
        if decision is None:
            return OpeningState.WAITING if now < self.lapses_at else OpeningState.LAPSED
        if decision.open_until is None:
            return OpeningState.DENIED
        return OpeningState.GRANTED if now < decision.open_until else OpeningState.ENDED


class Openings(Contract):
    """The record, the latest first; ``now`` is the vault's clock."""

    items: tuple[Opening, ...]
    now: Instant


class Revealed(Contract):
    """What of the identity the purpose shows. Kept nowhere but in the answer that carries it."""

    fields: dict[str, str]
    open_until: Instant

    def __repr__(self) -> str:
        return "Revealed(…)"

    __str__ = __repr__
