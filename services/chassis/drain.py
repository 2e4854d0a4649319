"""Handles requeued dead letters and what waits behind them, in order, through the consumer's own handler."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import deadletters, metrics
from services.chassis.backoff import Backoff
from services.chassis.db import Database
from services.chassis.deadletters import Parked
from services.chassis.listen import Listener
from services.chassis.outages import engine_away
from services.chassis.records import Poison, Received, Unknown, read
from services.chassis.redaction import where
from services.chassis.settings import Settings

Effect = Callable[[AsyncSession, Received | Poison | Unknown], Awaitable[str]]

_log = structlog.get_logger("huiyin.deadletters")


class Drain:
    """Runs beside the consumer. Woken by NOTIFY, and by the clock behind it."""

    def __init__(self, db: Database, consumer: str, effect: Effect, settings: Settings) -> None:
        self._db = db
        self._consumer = consumer
        self._effect = effect
        self._poll = settings.consumer_poll_seconds
        self._backoff = Backoff(0.5, settings.consumer_max_backoff_seconds)

    async def run(self) -> None:
        """For ever; an engine that is away is waited for."""
        async with Listener(self._db.dsn, deadletters.CHANNEL) as listener:
            while True:
                try:
                    handled = await self.once()
                    await self._measure()
                    self._backoff.reset()
                except Exception as error:  # noqa: BLE001 tried again for ever
                    wait = self._backoff.next()
                    _log.warning(
                        "drain_failed",
                        consumer=self._consumer,
                        engine=engine_away(error),
                        wait_seconds=wait,
                        exc_info=error,
                    )
                    await asyncio.sleep(wait)
                    continue
                if not handled:
                    await listener.wait(self._poll)

    async def once(self) -> int:
        """Handle what is ready: at most one message of each key. Returns how many were settled."""
        async with self._db.read() as session:
            ready = await deadletters.ready(session, self._consumer)
        done = 0
        for parked in ready:
            done += await self._one(parked)
        return done

    async def _one(self, parked: Parked) -> bool:
        try:
            async with self._db.session() as session:
                if not await self._still_first(session, parked):
                    return False
                row = parked.letter
                key = _key_bytes(row.key)
                outcome = await self._effect(session, read(row.topic, key, row.headers, row.payload))
                await deadletters.settled(session, parked.id)
        except Exception as error:
            if engine_away(error) is not None:
                raise
            # A PermanentError carries its reason; of anything else we show the place in the code.
            reason = getattr(error, "reason", None) or where(error)
            async with self._db.session() as session:
                await deadletters.failed_again(session, parked.id, str(reason))
            _log.error("message_parked_again", consumer=self._consumer, dead_letter_id=parked.id, reason=str(reason))
            return False
        metrics.consumer_events_total.labels(self._consumer, outcome).inc()
        _log.info("dead_letter_handled", consumer=self._consumer, dead_letter_id=parked.id, outcome=outcome)
        return True

    async def _still_first(self, session: AsyncSession, parked: Parked) -> bool:
        """Under the key's lock: is this row still the one to handle?"""
        row = parked.letter
        if row.key is None:
            current = await deadletters.get(session, parked.id, lock=True)
            return current is not None and current.state == "REQUEUED"
        await deadletters.lock_key(session, row.consumer, row.topic, row.key)
        first = await deadletters.head(session, row.consumer, row.topic, row.key)
        return first is not None and first.id == parked.id and first.state in ("REQUEUED", "WAITING")

    async def _measure(self) -> None:
        async with self._db.read() as session:
            counted = await deadletters.counts(session)
        for state in ("DEAD", "WAITING", "REQUEUED", "DISCARDED"):
            metrics.dead_letters.labels(self._consumer, state).set(counted.get((self._consumer, state), 0))


def _key_bytes(key: str | None) -> bytes | None:
    return None if key is None else key.encode()
