"""The relay's waves and the waiting times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.backoff import Backoff
from services.chassis.relay import waves


@given(st.lists(st.sampled_from("abcdef"), max_size=60))
def test_a_wave_has_a_key_once_and_keys_stay_in_order(keys: list[str]) -> None:
    rows = [{"id": index, "topic": "t", "key": key} for index, key in enumerate(keys)]
    result = waves(rows)  # type: ignore[arg-type]
    assert sum(map(len, result)) == len(rows)
    assert all(len({row["key"] for row in wave}) == len(wave) for wave in result)
    for key in set(keys):
        in_order = [row["id"] for wave in result for row in wave if row["key"] == key]
        assert in_order == sorted(in_order)
    assert len(result) == max((keys.count(key) for key in keys), default=0)


def test_waiting_times_grow_to_a_limit_and_start_over() -> None:
    backoff = Backoff(0.2, 5.0)
    times = [backoff.next() for _ in range(100)]
    assert times[0] <= 0.2
    assert times[2] > times[0]
    assert all(0.1 < time <= 5.0 for time in times)
    assert min(times[10:]) >= 3.75
    backoff.reset()
    assert backoff.next() <= 0.2
