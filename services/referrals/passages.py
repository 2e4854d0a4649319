"""The passages of a case from unit to unit, read from its history: from whom, to whom, and what came of each. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from contracts.cases import UnitRef
from contracts.lifecycle import Act
from contracts.messages import Transition

PASSES = frozenset({Act.REFER, Act.DISPATCH, Act.TRANSFER})
"""Acts by which one unit gives the case to another."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that is taken for something else


@dataclass
class Passage:
    """One hand-over and what was recorded of it until the next: ``approved`` by a leader before it; the receiver
    ``received`` it, said what it did (``disposed``), answered, or gave it back (``returned``)."""

    given: Transition
    receiver: UnitRef
    approved: Transition | None = None
    received: Transition | None = None
    disposed: Transition | None = None
    answered: Transition | None = None
    returned: Transition | None = None

    @property
    def sender_id(self) -> str:
        """The unit that gave it away: who hands over acts for the unit that has the case."""
        return self.given.actor.unit_id or self.given.desk.unit_id

    @property
    def number(self) -> str:
        """移送编号: the case's number and the step; never changes and is used once."""
        return f"{self.given.facts.case_number}-Y{self.given.sequence}"

    @property
    def check(self) -> str:
        """核对码 of a passage, to see that a slip was keyed in at the right case. No secret."""
        return check_value(self.given.facts.case_id, self.given.sequence)


def check_value(case_id: UUID, sequence: int) -> str:
    """Six characters in two groups: two passages taken at random share theirs once in a thousand million times."""
    rest = int.from_bytes(hashlib.sha256(f"{case_id}/{sequence}".encode()).digest()[:8])
    letters = []
    for _ in range(6):
        rest, letter = divmod(rest, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return f"{''.join(letters[:3])}-{''.join(letters[3:])}"


def passages(steps: Iterable[Transition]) -> list[Passage]:
    """The passages of a history, the first one first."""
    found: list[Passage] = []
    approved: Transition | None = None
    for step in steps:
        if step.act is Act.APPROVE_REFERRAL:
            approved = step
        receiver = step.course.receiver if step.act is Act.REFER else step.holder
        if step.act in PASSES and receiver is not None:
            found.append(Passage(step, receiver, approved if step.act is Act.REFER else None))
            approved = None
        elif found:
            _note(found[-1], step)
    return found


def _note(passage: Passage, step: Transition) -> None:
    match step.act:
        case Act.RECORD_RECEIPT | Act.SIGN | Act.SIGN_LAPSED:
            passage.received = passage.received or step
        case Act.RECORD_DISPOSAL:
            passage.received = passage.received or step
            passage.disposed = step
        case Act.REPLY:
            passage.answered = step
        case Act.REFERRAL_RETURNED | Act.APPROVE_RETURN | Act.RECALL:
            passage.returned = step
