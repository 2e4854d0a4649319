"""What changed just now, for officers' open pages: that something did, never what. They read it for themselves."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from uuid import UUID

from services.chassis import listen
from services.chassis.db import asyncpg_dsn
from services.referrals.repository.history import STEPS
from services.referrals.service.identity import Identity


class Subscription:
    """One open page. However much happens while it is busy, it learns of one change: it reads everything anew."""

    def __init__(self, who: Identity) -> None:
        self.who = who
        self.stopping = False
        """True when the process stops: no more will come."""
        self._woken = asyncio.Event()

    async def changed(self, seconds: float) -> bool:
        """Whether something changed within the time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    def wake(self) -> None:
        """Something changed, if only the session."""
        self._woken.set()

    def stop(self) -> None:
        """No more will come."""
        self.stopping = True
        self._woken.set()

    def concerned(self, guarded: bool, units: frozenset[str]) -> bool:
        """Whether the officer's lists may have changed; row-level security has the last word when they are read."""
        who = self.who
        if guarded and not who.restricted:
            return who.unit_id in units
        return not units.isdisjoint(who.unit_ids)


class News:
    """One LISTEN of this process, and every page that waits for it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = asyncpg_dsn(dsn)
        self._open: set[Subscription] = set()

    async def run(self) -> None:
        """Listen for ever. For the background."""
        await listen.follow(self._dsn, STEPS, self._heard)

    @contextlib.contextmanager
    def subscribed(self, who: Identity) -> Iterator[Subscription]:
        """A page of an officer, as long as it is open."""
        subscription = Subscription(who)
        self._open.add(subscription)
        try:
            yield subscription
        finally:
            self._open.discard(subscription)

    def stop(self) -> None:
        """The process stops: every stream ends, and its page connects again elsewhere or later."""
        for subscription in self._open:
            subscription.stop()

    def end_session(self, jti: UUID) -> None:
        """The session is over: its streams find out now."""
        for subscription in self._open:
            if subscription.who.jti == jti:
                subscription.wake()

    def _heard(self, payload: str | None) -> None:
        if payload is None:  # deaf for a while: everybody looks
            for subscription in self._open:
                subscription.wake()
            return
        _, guarded, *units = json.loads(payload)
        concerned = frozenset(unit for unit in units if unit)
        for subscription in self._open:
            if subscription.concerned(guarded, concerned):
                subscription.wake()
