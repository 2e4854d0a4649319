"""What follows from an attempt to send: when it goes on, when it ends, and what is said of repetition."""

from datetime import timedelta

import pytest

from services.notifications.attempts import KEEP_TRYING, REFUSALS_BEFORE_FAILED, Next, Outcome, Result, after
from services.notifications.domain import Reason, State

NOT_LONG = timedelta(minutes=5)
AWAY = Outcome(Result.TRY_AGAIN, Reason.SERVER_AWAY)


def test_a_yes_is_delivered() -> None:
    assert after(Outcome(Result.SENT, code=250), 1, NOT_LONG) == Next(State.DELIVERED)


def test_without_an_address_it_is_skipped_and_says_why() -> None:
    assert after(Outcome(Result.NOT_OWED, Reason.NO_ADDRESS), 1, NOT_LONG) == Next(State.SKIPPED, Reason.NO_ADDRESS)


def test_waits_double_up_to_a_minute() -> None:
    waits = [after(AWAY, attempt, NOT_LONG).delay.total_seconds() for attempt in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert after(AWAY, 10_000, NOT_LONG).delay.total_seconds() == 60


@pytest.mark.parametrize(
    "reason", [Reason.SERVER_AWAY, Reason.SERVER_BUSY, Reason.SERVER_SETUP, Reason.VAULT_AWAY, Reason.INTERNAL]
)
def test_what_heals_by_itself_is_tried_for_three_days_however_often(reason: Reason) -> None:
    outcome = Outcome(Result.TRY_AGAIN, reason)
    just_before = after(outcome, 4000, KEEP_TRYING - timedelta(seconds=1))
    assert (just_before.state, just_before.reason) == (State.PENDING, reason)
    assert after(outcome, 4001, KEEP_TRYING) == Next(State.FAILED, reason)


@pytest.mark.parametrize(("reason", "limit"), REFUSALS_BEFORE_FAILED.items())
def test_a_lasting_no_is_believed_after_one_to_three_tries(reason: Reason, limit: int) -> None:
    assert 1 <= limit <= 3
    outcome = Outcome(Result.REFUSED, reason, 550)
    for refusals in range(1, limit):
        assert after(outcome, refusals, NOT_LONG, refusals).state is State.PENDING
    assert after(outcome, limit, NOT_LONG, limit) == Next(State.FAILED, reason)


def test_tries_lost_to_a_dead_server_do_not_count_as_refusals() -> None:
    refused = Outcome(Result.REFUSED, Reason.RECIPIENT_REFUSED, 550)
    assert after(refused, 40, NOT_LONG, 1).state is State.PENDING


def test_a_talk_that_broke_off_after_the_mail_was_out_may_be_a_repetition_next_time() -> None:
    following = after(Outcome(Result.UNCERTAIN, Reason.BROKEN_OFF), 1, NOT_LONG)
    assert (following.state, following.possibly_repeated) == (State.PENDING, True)
    assert not after(AWAY, 1, NOT_LONG).possibly_repeated
