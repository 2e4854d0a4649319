"""Waiting times that grow with each failure, with some chance in them, up to a limit."""

import random


class Backoff:
    """Seconds to wait before the next try: first, doubled each time, at most `longest`."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._tries = 0

    def next(self) -> float:
        """The time to wait now."""
        wait = min(self._longest, self._first * 2.0**self._tries)
        self._tries = min(self._tries + 1, 30)
        return round(wait * random.uniform(0.75, 1.0), 3)  # no secret  # noqa: S311  # nosec B311

    def reset(self) -> None:
        """The last try worked."""
        self._tries = 0
