"""Consumers: an event and its effect in one transaction, in order per key, and nothing lost.

Permanent errors park the message (deadletters.py); transient ones are retried with back-off, in order, and then given
back to Kafka. The offset is committed when the whole batch is settled in our database, never before.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic, perf_counter
from typing import Any, TypeAlias

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaConnectionError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.topics import Topic
from services.chassis import deadletters, metrics
from services.chassis.backoff import Backoff
from services.chassis.db import Database
from services.chassis.drain import Drain
from services.chassis.inbox import first_time
from services.chassis.kafka import security, why_away
from services.chassis.outages import engine_away
from services.chassis.records import Poison, Received, Unknown, letter, parse, read
from services.chassis.redaction import where
from services.chassis.settings import Settings, get_settings
from services.chassis.tracing import continued

__all__ = ["Consumer", "PermanentError", "Received", "make_broker", "parse", "run"]

Handler = Callable[[AsyncSession, Received], Awaitable[None]]
Record: TypeAlias = "ConsumerRecord[Any, Any]"

# In all, a batch is retried here for so long before Kafka gets it back: well below max_poll_interval (300 s).
_PATIENCE_SECONDS = 90.0

FETCH_WAIT_MS = 300
_GATHERED_BYTES = 32_768

_log = structlog.get_logger("huiyin.bus")


class PermanentError(Exception):
    """Raised by a handler for an event that it can never handle. `reason` is a class of error, without content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def make_broker(settings: Settings) -> KafkaBroker:
    """The broker that consumers subscribe to. It only consumes: events are sent by the relay."""
    return KafkaBroker(
        settings.kafka_bootstrap,
        consumer_only=True,
        allow_auto_create_topics=False,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        apply_types=False,
        security=security(settings),
        logger=logging.getLogger("faststream"),  # what it says passes telemetry's filter: errors without texts
        graceful_timeout=10.0,
    )


class Consumer:
    """One named consumer of one topic. `name` is the Kafka group and the inbox's consumer.

    `handler(session, received)` runs in the transaction that marks the event as received; it must not commit.
    `max_workers` > 1 handles that many keys at a time (each key stays in order): for handlers that wait for others.
    `gathers`: wait up to FETCH_WAIT_MS for more events to come in one batch; else the first one is handled at once.
    `together`: for handlers that write to the database alone, the events of a batch share a transaction. One that
    fails ends it, and each is settled by itself.
    """

    def __init__(
        self,
        db: Database,
        broker: KafkaBroker,
        name: str,
        topic: Topic,
        handler: Handler,
        *,
        max_workers: int = 1,
        gathers: bool = False,
        together: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self.db = db
        self.name = name
        self.topic = topic
        self.handler = handler
        self.settings = settings or get_settings()
        self.drain = Drain(db, name, self._effect, self.settings)
        self._workers = asyncio.Semaphore(max_workers)
        self._share = together
        self._backoff = Backoff(0.2, self.settings.consumer_max_backoff_seconds)
        self._failures: dict[tuple[int, int], int] = {}
        self._stopping = asyncio.Event()
        self.subscriber = broker.subscriber(
            topic.name,
            group_id=name,
            batch=True,
            max_records=self.settings.consumer_batch * max_workers,
            batch_timeout_ms=50,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=_GATHERED_BYTES if gathers else 1,
            auto_offset_reset="earliest",
            session_timeout_ms=6_000,  # a killed process's partitions move on soon
            heartbeat_interval_ms=2_000,
            parser=_parse,
            decoder=_decode,
        )
        self.subscriber(self._batch)

    async def _batch(self, records: Sequence[Record]) -> None:
        """Settle every record, or raise: then Kafka delivers the batch again."""
        began = monotonic()
        pending = list(records)
        while True:
            pending, error = await self._settle(pending)
            if error is None:
                self._backoff.reset()
                self._failures.clear()
                return
            wait = self._backoff.next()
            engine = engine_away(error)
            metrics.consumer_events_total.labels(self.name, "failed").inc(len(pending))
            _log.warning(
                "batch_failed", consumer=self.name, engine=engine, count=len(pending), wait_seconds=wait, exc_info=error
            )
            if await self._told_to_stop(wait) or monotonic() - began > _PATIENCE_SECONDS:
                raise error

    async def _settle(self, records: list[Record]) -> tuple[list[Record], Exception | None]:
        """Go through the records. Returns what is left, in order, and what stopped it."""
        keys = {key for record in records if (key := letter(self.name, record).key) is not None}
        try:
            async with self.db.read() as session:
                parked = await deadletters.blocked(session, self.name, self.topic.name, keys)
        except Exception as error:  # noqa: BLE001 retried by the caller
            return records, error
        if self._share and len(records) > 1 and not parked and await self._together(records):
            return [], None
        return await self._side_by_side(records, parked)

    async def _together(self, records: list[Record]) -> bool:
        """The effects of all in one transaction, in order; False when there are none: something in it failed."""
        contents = [
            read(record.topic, record.key, letter(self.name, record).headers, record.value) for record in records
        ]
        began = perf_counter()
        try:
            async with self.db.session() as session:
                outcomes = [await self._effect(session, content) for content in contents]
        except Exception as error:  # noqa: BLE001 whose it is will be found by settling each by itself
            _log.info("batch_taken_apart", consumer=self.name, count=len(records), exc_info=error)
            return False
        each = (perf_counter() - began) / len(records)
        for outcome in outcomes:
            metrics.consumer_events_total.labels(self.name, outcome).inc()
            metrics.consumer_seconds.labels(self.name).observe(each)
        return True

    async def _side_by_side(self, records: list[Record], parked: set[str]) -> tuple[list[Record], Exception | None]:
        """Each in a transaction of its own, keys side by side. Returns as `_settle`."""
        groups: dict[object, list[Record]] = {}
        for record in records:
            groups.setdefault(record.key if record.key is not None else object(), []).append(record)
        results = await asyncio.gather(*(self._group(group, parked) for group in groups.values()))
        left = {id(record) for rest, _ in results for record in rest}
        errors = [error for _, error in results if error is not None]
        return [record for record in records if id(record) in left], errors[0] if errors else None

    async def _group(self, records: list[Record], parked: set[str]) -> tuple[list[Record], Exception | None]:
        async with self._workers:
            for index, record in enumerate(records):
                try:
                    await self._one(record, parked)
                except Exception as error:  # noqa: BLE001 retried by the caller
                    return records[index:], error
        return [], None

    async def _one(self, record: Record, parked: set[str]) -> None:
        """Settle one record: its effect, or a row in dead_letters. Raises only what a retry can help."""
        parcel = letter(self.name, record)
        content = read(record.topic, record.key, parcel.headers, record.value)
        began = perf_counter()
        try:
            if parcel.key in parked:
                outcome = await self._behind(parcel, content)
            else:
                async with self.db.session() as session:
                    outcome = await self._effect(session, content)
        except PermanentError as error:
            outcome = await self._park(parcel, error.reason, parked)
        except Exception as error:
            reason = self._gives_up(record, error)
            if reason is None:
                raise
            outcome = await self._park(parcel, reason, parked)
        metrics.consumer_events_total.labels(self.name, outcome).inc()
        metrics.consumer_seconds.labels(self.name).observe(perf_counter() - began)

    async def _effect(self, session: AsyncSession, content: Received | Poison | Unknown) -> str:
        """The handler's effect and the receipt in the session's transaction. Raises PermanentError for poison."""
        if isinstance(content, Poison):
            raise PermanentError(content.reason)
        if isinstance(content, Unknown):
            _log.info("unknown_type_ignored", consumer=self.name, type=content.type)
            return "ignored"
        ids = {"consumer": self.name, "event_id": str(content.id), "key": content.key}
        with continued(f"consume {content.type}", content.traceparent, **ids):
            if not await first_time(session, self.name, content.id):
                return "duplicate"
            await self.handler(session, content)
        return "done"

    async def _behind(self, parcel: deadletters.Letter, content: Received | Poison | Unknown) -> str:
        """The key has parked messages: wait behind them, unless they have just been settled."""
        assert parcel.key is not None
        async with self.db.session() as session:
            await deadletters.lock_key(session, self.name, parcel.topic, parcel.key)
            if await deadletters.blocked(session, self.name, parcel.topic, [parcel.key]):
                await deadletters.park(session, parcel, "waits behind an earlier message of its key", state="WAITING")
                return "waiting"
            return await self._effect(session, content)

    async def _park(self, parcel: deadletters.Letter, reason: str, parked: set[str]) -> str:
        """When the row can't be written this raises: the offset is not committed."""
        async with self.db.session() as session:
            if parcel.key is not None:
                await deadletters.lock_key(session, self.name, parcel.topic, parcel.key)
            await deadletters.park(session, parcel, reason)
        if parcel.key is not None:
            parked.add(parcel.key)
        _log.error(
            "message_parked",
            consumer=self.name,
            topic=parcel.topic,
            partition=parcel.partition,
            offset=parcel.place,
            reason=reason,
        )
        return "parked"

    def _gives_up(self, record: Record, error: Exception) -> str | None:
        """The reason to park when the error came so often that waiting won't help; an engine's absence never is one."""
        if engine_away(error) is not None:
            return None
        place = (record.partition, record.offset)
        self._failures[place] = self._failures.get(place, 0) + 1
        if self._failures[place] < self.settings.consumer_max_attempts:
            return None
        return f"failed {self._failures.pop(place)} times: {where(error)}"

    async def _told_to_stop(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    def stop_retrying(self) -> None:
        """The process ends: give back what waits for an engine, instead of waiting on."""
        self._stopping.set()

    async def watch(self) -> None:
        """Keep the lag metric up to date, for ever."""
        while True:
            await asyncio.sleep(5)
            consumer = self.subscriber.consumer
            if consumer is None:
                continue
            for partition in consumer.assignment():
                end = consumer.highwater(partition)
                with contextlib.suppress(KafkaError):
                    position = await consumer.position(partition)
                    metrics.consumer_lag.labels(self.name, self.topic.name, str(partition.partition)).set(
                        max(0, (end or position) - position)
                    )


async def run(broker: KafkaBroker, *consumers: Consumer) -> None:
    """Consume until cancelled. Waits for Kafka and PostgreSQL as long as they are away."""
    await _start(broker, consumers[0].settings)
    try:
        async with asyncio.TaskGroup() as tasks:
            for consumer in consumers:
                tasks.create_task(consumer.drain.run())
                tasks.create_task(consumer.watch())
    finally:
        for consumer in consumers:
            consumer.stop_retrying()
        await broker.stop()


async def _start(broker: KafkaBroker, settings: Settings) -> None:
    backoff = Backoff(0.5, 10.0)
    while True:
        try:
            await broker.start()
            return
        except (KafkaError, OSError, TimeoutError) as error:
            wait = backoff.next()
            cause = await why_away(settings) if isinstance(error, KafkaConnectionError) else error
            _log.warning("kafka_away", engine="kafka", wait_seconds=wait, exc_info=cause)
            await broker.stop()
            await asyncio.sleep(wait)


async def _parse(records: tuple[Record, ...], original: Callable[..., Awaitable[Any]]) -> Any:
    # FastStream decodes headers as UTF-8 and raises: it must not see them, for poison has to reach us.
    bare = tuple(_without_headers(record) for record in records)
    message = await original(bare)
    message.raw_message = records
    return message


def _without_headers(record: Record) -> Record:
    return dataclasses.replace(record, headers=())


async def _decode(message: Any) -> Any:
    return message.raw_message
