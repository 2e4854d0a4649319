"""The relay: sends the outbox to Kafka. One leader; order kept per key; a row goes only when Kafka has it.

A key's next event is sent only after the one before it was acknowledged, so that no failure between two of them can
turn them round. An event may be sent twice (killed between acknowledgement and delete): consumers have an inbox.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)

from services.chassis import metrics
from services.chassis.backoff import Backoff
from services.chassis.db import Database, asyncpg_dsn, connect
from services.chassis.deadletters import RELAY, Letter, encode_headers
from services.chassis.kafka import close_producer, explained, make_producer
from services.chassis.listen import close_quietly
from services.chassis.outages import EngineAway, engine_away
from services.chassis.outbox import CHANNEL
from services.chassis.settings import Settings

_LOCK = 4_846_121_702
_UNSENDABLE = (MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError, InvalidTopicError)
_TOPIC_RETRY_SECONDS = 15.0
_GATHER_SECONDS = 0.05
"""After a look at the outbox: what is written meanwhile goes together. What comes after a silence goes at once."""

# A key with a dead letter of the relay waits for it; see deadletters.py.
_FETCH = """
SELECT id, topic, key, event_id, type, headers::text AS headers, payload FROM outbox o
WHERE NOT EXISTS (
    SELECT 1 FROM dead_letters d
    WHERE d.consumer = 'relay' AND d.topic = o.topic AND d.key = o.key AND d.state <> 'DISCARDED'
) AND topic <> ALL($2::text[])
ORDER BY id LIMIT $1
"""
_RESTORE = """
WITH back AS (DELETE FROM dead_letters WHERE consumer = 'relay' AND state = 'REQUEUED' RETURNING *)
INSERT INTO outbox (id, topic, key, event_id, type, headers, payload)
SELECT place, topic, key, event_id::uuid, type,
       (SELECT jsonb_object_agg(h->>0, convert_from(decode(h->>1, 'base64'), 'UTF8'))
        FROM json_array_elements(headers) h),
       payload
FROM back
"""
_BURY = """
WITH gone AS (DELETE FROM outbox WHERE id = $3 RETURNING id)
INSERT INTO dead_letters
    (consumer, topic, partition, place, key, event_id, type, headers, payload, digest, state, reason)
SELECT $1, $2, -1, $3, $4, $5, $6, $7::json, $8, $9, 'DEAD', $10 FROM gone
"""
_LAG = "SELECT count(*) AS rows, COALESCE(EXTRACT(EPOCH FROM now() - min(created_at)), 0)::float8 AS lag FROM outbox"

_log = structlog.get_logger("huiyin.relay")


class Relay:
    """One per service. Run as many as you like: one sends, the others wait to take over."""

    def __init__(self, db: Database, dsn: str, settings: Settings, name: str) -> None:
        self._db = db
        self._dsn = asyncpg_dsn(dsn)
        self._settings = settings
        self._name = name
        self._missing_topics: dict[str, float] = {}

    async def run(self) -> None:
        """For ever; reconnects with back-off when PostgreSQL or Kafka is away."""
        backoff = Backoff(0.2, 10.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            while True:
                try:
                    await self._session(backoff)
                except (
                    EngineAway,
                    KafkaError,
                    asyncpg.PostgresError,
                    asyncpg.InterfaceError,
                    asyncpg.InternalClientError,  # the connection broke in the middle of an answer
                    OSError,
                    TimeoutError,
                ) as error:
                    wait = backoff.next()
                    _log.warning("relay_interrupted", engine=engine_away(error), wait_seconds=wait, exc_info=error)
                    await asyncio.sleep(wait)

    async def _session(self, backoff: Backoff) -> None:
        """One connection's life: wait to become the leader, then send."""
        application = {"application_name": f"{self._name}-relay"}
        connection = await connect(self._dsn, command_timeout=30, server_settings=application)
        producer: AIOKafkaProducer | None = None
        try:
            # The lock lives as long as this connection: who loses it can't delete a row any more either.
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
                await asyncio.sleep(self._settings.relay_poll_seconds)
            producer = make_producer(self._settings)
            async with explained(self._settings):
                await producer.start()
            metrics.relay_leader.labels(self._name).set(1)
            _log.info("relay_leads")
            await self._lead(connection, producer, backoff)
        finally:
            metrics.relay_leader.labels(self._name).set(0)
            if producer is not None:
                await close_producer(producer)
            await close_quietly(connection)

    async def _lead(self, connection: "asyncpg.Connection[Any]", producer: AIOKafkaProducer, backoff: Backoff) -> None:
        woken = asyncio.Event()

        def wake(*_: object) -> None:
            woken.set()

        await connection.add_listener(CHANNEL, wake)
        connection.add_termination_listener(wake)
        clock = asyncio.get_running_loop().time
        restore_at = clock()
        while True:
            woken.clear()
            if clock() >= restore_at:
                await connection.execute(_RESTORE)
                restore_at = clock() + self._settings.relay_poll_seconds
            more = await self._pump(connection, producer)
            backoff.reset()
            if not more:
                await asyncio.sleep(_GATHER_SECONDS)
                try:
                    await asyncio.wait_for(woken.wait(), self._settings.relay_poll_seconds)
                except TimeoutError:
                    continue

    async def _pump(self, connection: "asyncpg.Connection[Any]", producer: AIOKafkaProducer) -> bool:
        """Send one batch; returns whether more may be waiting. Raises when Kafka can't take them now."""
        found = await connection.fetch(_FETCH, self._settings.relay_batch, self._skipped_topics())
        rows = [row for row in found if await self._exists(producer, row["topic"])]
        for wave in waves(rows):
            results = await asyncio.gather(*(self._send(producer, row) for row in wave), return_exceptions=True)
            acknowledged = [row["id"] for row, result in zip(wave, results, strict=True) if result is None]
            if acknowledged:
                await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", acknowledged)
                metrics.relay_sent_total.labels(self._name).inc(len(acknowledged))
            failures = [(row, result) for row, result in zip(wave, results, strict=True) if result is not None]
            for row, error in failures:
                if isinstance(error, _UNSENDABLE):
                    await self._bury(connection, row, type(error).__name__)
            if failures:
                for _, error in failures:
                    if not isinstance(error, _UNSENDABLE):
                        raise error
                return True  # keys that are blocked now must not be sent: look again
        # What is committed after the look wakes us. Of a topic that has just been found missing the rest is behind it.
        return len(found) == self._settings.relay_batch or len(rows) < len(found)

    async def _send(self, producer: AIOKafkaProducer, row: asyncpg.Record) -> None:
        headers = [(name, value.encode()) for name, value in json.loads(row["headers"]).items()]
        acknowledged = await producer.send(row["topic"], row["payload"], key=row["key"].encode(), headers=headers)
        await acknowledged

    async def _exists(self, producer: AIOKafkaProducer, topic: str) -> bool:
        """A topic that is not there (yet) holds up its own events only."""
        if topic in self._missing_topics:
            return False
        try:
            await producer.partitions_for(topic)
        except UnknownTopicOrPartitionError:
            self._missing_topics[topic] = asyncio.get_running_loop().time() + _TOPIC_RETRY_SECONDS
            _log.error("topic_missing", topic=topic)
            return False
        return True

    def _skipped_topics(self) -> list[str]:
        now = asyncio.get_running_loop().time()
        self._missing_topics = {topic: until for topic, until in self._missing_topics.items() if until > now}
        return list(self._missing_topics)

    async def _bury(self, connection: "asyncpg.Connection[Any]", row: asyncpg.Record, reason: str) -> None:
        """Move a row that Kafka will never take to the dead letters; the later ones of its key wait behind it."""
        headers = tuple((name, value.encode()) for name, value in json.loads(row["headers"]).items())
        letter = Letter(RELAY, row["topic"], -1, row["id"], row["key"], headers, row["payload"])
        await connection.execute(
            _BURY,
            RELAY,
            letter.topic,
            letter.place,
            letter.key,
            str(row["event_id"]),
            row["type"],
            encode_headers(headers),
            letter.payload,
            letter.digest,
            f"can't be sent: {reason}, {len(row['payload'])} bytes",
        )
        metrics.relay_unsendable_total.labels(self._name).inc()
        _log.error("event_unsendable", event_id=row["event_id"], topic=letter.topic, reason=reason)

    async def _watch(self) -> None:
        """Keep the lag metrics up to date, also while Kafka is away."""
        while True:
            try:
                async with self._db.read() as session:
                    result = await (await session.connection()).exec_driver_sql(_LAG)
                    row = result.mappings().one()
                metrics.outbox_rows.labels(self._name).set(row["rows"])
                metrics.outbox_lag_seconds.labels(self._name).set(row["lag"])
            except Exception as error:  # noqa: BLE001 a metric is not worth a process
                _log.debug("lag_unknown", exc_info=error)
            await asyncio.sleep(5)


def waves(rows: Iterable[asyncpg.Record]) -> list[list[asyncpg.Record]]:
    """The rows in as few lists as possible, each with at most one row of a key, in order."""
    result: list[list[asyncpg.Record]] = []
    depth: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["topic"], row["key"])
        level = depth.get(key, 0)
        depth[key] = level + 1
        if level == len(result):
            result.append([])
        result[level].append(row)
    return result
