"""When the case looks at its clocks again, and what it then says."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.cases import Deadline
from contracts.clock import BusinessClock
from contracts.lifecycle import LAPSE, Act, Purpose
from contracts.messages import RunningClock
from workflows import clocks

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def deadline(purpose: Purpose, days: float = 8) -> Deadline:
    due = START + timedelta(days=days)
    return Deadline(
        purpose=purpose,
        clock_id="T",
        article="test",
        started_at=START,
        due_at=due,
        due_soon_at=due - timedelta(days=days / 4),
        provisional=False,
        calendar_version="t",
    )


def play(running: tuple[RunningClock, ...], until: datetime) -> list[tuple[datetime, Act]]:
    """What is said, when the clocks are served at each wake-up."""
    said, now = [], START
    while True:
        due = clocks.next_due(running, now)
        if due is None or due.at > until:
            return said
        now = max(now, due.at)
        said.append((now, due.act))
        running = (
            clocks.marked(running, due)
            if due.act in (Act.DUE_SOON, Act.OVERDUE)
            else clocks.without(running, [due.purpose])
        )


def test_a_handling_clock_warns_once_and_is_overdue_once() -> None:
    said = play((RunningClock(deadline=deadline(Purpose.HANDLE)),), START + timedelta(days=100))
    assert said == [(START + timedelta(days=6), Act.DUE_SOON), (START + timedelta(days=8), Act.OVERDUE)]


def test_the_reporters_own_clock_warns_no_officer() -> None:
    said = play((RunningClock(deadline=deadline(Purpose.SILENCE)),), START + timedelta(days=100))
    assert [act for _, act in said] == [Act.SILENCE_LAPSED]


def test_late_by_far_says_overdue_without_a_warning_first() -> None:
    due = clocks.next_due((RunningClock(deadline=deadline(Purpose.HANDLE)),), START + timedelta(days=50))
    assert due is not None
    assert due.act is Act.OVERDUE


@given(st.dictionaries(st.sampled_from(Purpose), st.floats(0.5, 90), min_size=1))
def test_every_clock_is_served_in_order_and_no_clock_speaks_twice(periods: dict[Purpose, float]) -> None:
    running = tuple(RunningClock(deadline=deadline(purpose, days)) for purpose, days in periods.items())
    said = play(running, START + timedelta(days=400))
    assert [at for at, _ in said] == sorted(at for at, _ in said)
    ends = [act for _, act in said if act is not Act.DUE_SOON]
    expected = [LAPSE.get(purpose, Act.OVERDUE) for purpose in periods]
    assert sorted(ends) == sorted(expected)


@given(
    st.floats(0.01, 20_000),
    st.datetimes(datetime(2026, 2, 1), datetime(2026, 4, 1)),
)
def test_the_business_clock_goes_there_and_back(rate: float, naive: datetime) -> None:
    clock = BusinessClock(anchor_wall=START, anchor_business=START + timedelta(days=3), rate=rate)
    wall = naive.replace(tzinfo=UTC)
    assert abs(clock.to_wall(clock.to_business(wall)) - wall) < timedelta(milliseconds=5)


def test_restarting_a_clock_replaces_it() -> None:
    first = clocks.started((), [deadline(Purpose.HANDLE)])
    second = clocks.started(first, [deadline(Purpose.HANDLE, 20)])
    assert [clock.deadline.due_at for clock in second] == [START + timedelta(days=20)]
