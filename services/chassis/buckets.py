"""Token buckets in memory, one for each client, whose name is kept as a keyed hash only and for a day at most."""

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_SALT_SECONDS = 24 * 3600.0
MOST = 50_000
"""Clients remembered at a time; whom nothing was heard of for longest is forgotten first."""


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many more each second."""

    burst: float
    per_second: float


class Buckets:
    """The buckets of one kind. For one process and one event loop: nothing is written anywhere."""

    def __init__(self, rate: Rate, *, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = most
        self._clock = clock
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._renew()

    def take(self, client: str) -> float:
        """Take a token of a client; 0.0, or the seconds until there is one, and then nothing was taken."""
        wait = self.wait(client)
        if wait == 0.0:
            self._take(client)
        return wait

    def reserve(self, client: str) -> float:
        """Take a token that is there, or the next that comes and is nobody's yet: the seconds until it does."""
        return max(0.0, -self._take(client) / self._rate.per_second)

    def wait(self, client: str) -> float:
        """The seconds until a client has a token."""
        now = self._clock()
        left = self._now_left(self._name(client), now)
        return 0.0 if left >= 1.0 else (1.0 - left) / self._rate.per_second

    def _take(self, client: str) -> float:
        name, now = self._name(client), self._clock()
        left = self._now_left(name, now) - 1.0
        self._left[name] = (left, now)
        self._left.move_to_end(name)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return left

    def _now_left(self, name: bytes, now: float) -> float:
        left, at = self._left.get(name, (self._rate.burst, now))
        return min(self._rate.burst, left + (now - at) * self._rate.per_second)

    def _name(self, client: str) -> bytes:
        if self._clock() >= self._salt_ends:
            self._renew()
        return hashlib.blake2b(client.encode(), digest_size=16, key=self._salt).digest()

    def _renew(self) -> None:
        self._salt = os.urandom(32)
        self._salt_ends = self._clock() + _SALT_SECONDS
        self._left.clear()
