"""Token buckets: so many at once, then at a pace, each client by itself; and whose they are can't be read anywhere."""

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.buckets import Buckets, Rate

ADDRESS = "203.0.113.77"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def buckets(clock: Clock, most: int = 100) -> Buckets:
    return Buckets(Rate(burst=3, per_second=0.5), most=most, clock=clock)


def test_a_client_has_its_burst_then_its_pace_and_nobody_elses() -> None:
    clock = Clock()
    made = buckets(clock)
    assert [made.take(ADDRESS) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert made.take(ADDRESS) == 2.0
    assert made.take("another") == 0.0
    clock.now += 2.0
    assert made.take(ADDRESS) == 0.0
    assert made.take(ADDRESS) == 2.0


def test_to_ask_takes_nothing_and_a_refusal_takes_nothing() -> None:
    clock = Clock()
    made = buckets(clock)
    assert [made.wait(ADDRESS) for _ in range(9)] == [0.0] * 9
    for _ in range(3):
        made.take(ADDRESS)
    for _ in range(9):
        assert made.take(ADDRESS) == 2.0


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=60))
def test_over_any_time_a_client_gets_its_burst_and_its_pace_and_no_more(pauses: list[float]) -> None:
    clock = Clock()
    made, taken = buckets(clock), 0
    for pause in pauses:
        clock.now += pause
        taken += made.take(ADDRESS) == 0.0
    assert taken <= 3 + 0.5 * sum(pauses) + 1e-6


def test_who_waits_as_long_as_told_is_let_in() -> None:
    clock = Clock()
    made = buckets(clock)
    for _ in range(20):
        clock.now += made.wait(ADDRESS)
        assert made.take(ADDRESS) < 1e-6


def test_who_reserves_is_told_when_it_is_his_turn_and_nobody_has_the_same() -> None:
    clock = Clock()
    made = buckets(clock)
    assert [made.reserve(ADDRESS) for _ in range(6)] == [0.0, 0.0, 0.0, 2.0, 4.0, 6.0]
    clock.now += 6.0
    assert made.reserve(ADDRESS) == 2.0
    clock.now += 60.0
    assert made.reserve(ADDRESS) == 0.0


def test_many_clients_fill_no_memory_and_no_name_is_kept() -> None:
    clock = Clock()
    made = buckets(clock, most=5)
    for number in range(50):
        made.take(f"{ADDRESS}.{number}")
    assert len(made._left) == 5
    assert ADDRESS not in repr(vars(made))


def test_after_a_day_nobody_is_known_any_more() -> None:
    clock = Clock()
    made = buckets(clock)
    made.take(ADDRESS)
    (before,) = made._left
    clock.now += 24 * 3600
    made.take(ADDRESS)
    (after,) = made._left
    assert before != after
