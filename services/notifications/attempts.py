"""One attempt to send a notice: how it ended, and what follows from it. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.notifications.domain import Reason, State


class Result(StrEnum):
    """How one attempt ended."""

    SENT = "SENT"
    TRY_AGAIN = "TRY_AGAIN"
    UNCERTAIN = "UNCERTAIN"
    """The server may have taken it: the next attempt may be a repetition."""
    REFUSED = "REFUSED"
    """A lasting no about this recipient or message."""
    NOT_OWED = "NOT_OWED"
    """There is no address to send to: skipped, not failed."""


@dataclass(frozen=True)
class Outcome:
    """One attempt's end. ``code`` is the SMTP reply code; its text is never kept, it may name the address."""

    result: Result
    reason: Reason | None = None
    code: int | None = None


@dataclass(frozen=True)
class Next:
    """What follows from an attempt: a terminal state, or PENDING again after ``delay``."""

    state: State
    reason: Reason | None = None
    delay: timedelta = timedelta()
    possibly_repeated: bool = False


MAX_DELAY = timedelta(seconds=60)
KEEP_TRYING = timedelta(days=3)
REFUSALS_BEFORE_FAILED: dict[Reason, int] = {
    Reason.ADDRESS_MALFORMED: 1,
    Reason.RECIPIENT_REFUSED: 2,
    Reason.MESSAGE_REFUSED: 3,
    Reason.ADDRESS_GONE: 3,
}
"""Servers say 5xx in passing too (a full disk, a wrong rule): a lasting no is asked again before it is believed."""


def after(outcome: Outcome, attempts: int, trying_for: timedelta, refusals: int = 0) -> Next:
    """What follows from an attempt.

    ``attempts`` and ``refusals`` count with this one; ``trying_for`` is the time since the first attempt. A server that
    is away or busy is tried for KEEP_TRYING, with waits of 1, 2, 4 … 60 s; a lasting refusal ends sooner.
    """
    delay = min(timedelta(seconds=2 ** min(attempts - 1, 10)), MAX_DELAY)
    match outcome.result:
        case Result.SENT:
            return Next(State.DELIVERED)
        case Result.NOT_OWED:
            return Next(State.SKIPPED, outcome.reason)
        case Result.REFUSED:
            assert outcome.reason is not None
            if refusals >= REFUSALS_BEFORE_FAILED[outcome.reason]:
                return Next(State.FAILED, outcome.reason)
    repeated = outcome.result is Result.UNCERTAIN
    if trying_for >= KEEP_TRYING:
        return Next(State.FAILED, outcome.reason, possibly_repeated=repeated)
    return Next(State.PENDING, outcome.reason, delay, repeated)
