"""Outbox and relay on the real engines: nothing lost, order per key, one leader, healing by itself."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer
from prometheus_client import REGISTRY

from contracts.topics import Topic
from deploy.stack import Stack
from services.chassis import deadletters
from services.chassis.db import Database
from services.chassis.kafka import connection_options
from services.chassis.outbox import emit
from services.chassis.relay import Relay
from services.chassis.settings import Settings
from services.chassis.tracing import continued
from tests.integration.chassis.conftest import Noted, eventually, running


async def _emit(db: Database, *numbers: int, key: str = "case-1", filling: str = "") -> None:
    async with db.session() as session:
        for number in numbers:
            event = Noted(case_id=key, number=number, filling=filling)
            await emit(session, Noted.TOPIC, key, event, subject=key)


async def _emit_and_fail(db: Database) -> None:
    async with db.session() as session:
        await emit(session, Noted.TOPIC, "case-1", Noted(case_id="case-1", number=0), subject="case-1")
        raise ZeroDivisionError


async def _rows(db: Database) -> int:
    async with db.read() as session:
        return int((await (await session.connection()).exec_driver_sql("SELECT count(*) FROM outbox")).scalar_one())


class Reader:
    """Everything that arrived in the topic, by key in order."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        self.consumer = AIOKafkaConsumer(
            topic.name, **connection_options(settings), group_id=None, auto_offset_reset="earliest"
        )
        self.by_key: dict[str, list[int]] = {}
        self.headers: list[dict[str, str]] = []

    async def __aenter__(self) -> Reader:
        await self.consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.consumer.stop()

    async def until(self, count: int, seconds: float = 40.0) -> Reader:
        end = asyncio.get_running_loop().time() + seconds
        while sum(map(len, self.by_key.values())) < count:
            assert asyncio.get_running_loop().time() < end, f"only {self.by_key}"
            await self.poll()
        return self

    async def poll(self) -> None:
        for records in (await self.consumer.getmany(timeout_ms=200)).values():
            for record in records:
                number = Noted.model_validate_json(record.value).number
                self.by_key.setdefault(record.key.decode(), []).append(number)
                self.headers.append({name: value.decode() for name, value in record.headers})


def once(numbers: list[int]) -> list[int]:
    """Without repetitions (a killed relay may send an event twice)."""
    return list(dict.fromkeys(numbers))


def metric(name: str, service: str) -> float:
    return REGISTRY.get_sample_value(name, {"service": service}) or 0.0


async def test_nothing_is_sent_of_a_rolled_back_transaction(db: Database, topic: Topic, settings: Settings) -> None:
    async with running(Relay(db, db.dsn, settings, "rollback").run()), Reader(settings, topic) as reader:
        with pytest.raises(ZeroDivisionError):
            await _emit_and_fail(db)
        await _emit(db, 1)
        await reader.until(1)
    assert reader.by_key == {"case-1": [1]}


async def test_an_event_travels_as_a_cloud_event(db: Database, topic: Topic, settings: Settings) -> None:
    with continued("a request", f"00-{'c' * 32}-{'d' * 16}-01"):
        await _emit(db, 7)
    async with running(Relay(db, db.dsn, settings, "envelope").run()), Reader(settings, topic) as reader:
        await reader.until(1)
        await eventually(lambda: _is_empty(db))
    headers = reader.headers[0]
    assert headers["ce_type"] == Noted.TYPE
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_subject"] == "case-1"
    assert headers["ce_traceparent"].split("-")[1] == "c" * 32  # the request's trace goes on in the consumer
    assert uuid.UUID(headers["ce_id"])


async def _is_empty(db: Database) -> bool:
    return await _rows(db) == 0


async def test_emit_takes_the_event_s_own_topic_and_key_only(db: Database, topic: Topic) -> None:
    async with db.session() as session:
        with pytest.raises(ValueError, match="goes to"):
            await emit(session, topic, "other", Noted(case_id="case-1", number=1), subject="x")
        other = Topic("other", key="case_id", partitions=1)
        with pytest.raises(ValueError, match="goes to"):
            await emit(session, other, "case-1", Noted(case_id="case-1", number=1), subject="x")


async def test_notify_wakes_the_relay_before_the_poll(db: Database, topic: Topic, settings: Settings) -> None:
    slow = settings.model_copy(update={"relay_poll_seconds": 30.0})
    async with running(Relay(db, db.dsn, slow, "notify").run()), Reader(settings, topic) as reader:
        await eventually(lambda: _leads("notify"))
        await asyncio.sleep(0.3)
        await _emit(db, 1)
        await reader.until(1, seconds=3)


async def _leads(service: str) -> bool:
    return metric("huiyin_relay_leader", service) == 1


async def test_of_two_relays_one_sends_and_the_other_takes_over(
    db: Database, topic: Topic, settings: Settings, owner: asyncpg.Connection
) -> None:
    first, second = (Relay(db, db.dsn, settings, name) for name in ("pair-a", "pair-b"))
    async with Reader(settings, topic) as reader, running(first.run(), second.run()) as (task_a, task_b):
        for number in range(20):
            await _emit(db, number)
        await reader.until(20)
        await asyncio.sleep(0.5)
        await reader.poll()
        assert reader.by_key == {"case-1": list(range(20))}
        sent = {name: metric("huiyin_relay_sent_total", name) for name in ("pair-a", "pair-b")}
        assert sorted(sent.values()) == [0, 20]
        leader, heir = (task_a, "pair-b") if sent["pair-a"] else (task_b, "pair-a")
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        await _emit(db, 20)
        await reader.until(21)
        await eventually(lambda: _has_sent(heir, 1))


async def _has_sent(service: str, count: int) -> bool:
    return metric("huiyin_relay_sent_total", service) == count


async def test_order_is_kept_per_key(db: Database, topic: Topic, settings: Settings) -> None:
    keys = [f"case-{index}" for index in range(10)]
    for number in range(30):
        for key in keys:
            await _emit(db, number, key=key)
    small = settings.model_copy(update={"relay_batch": 37})
    async with running(Relay(db, db.dsn, small, "order").run()), Reader(settings, topic) as reader:
        await reader.until(300)
    assert reader.by_key == {key: list(range(30)) for key in keys}


async def test_an_oversize_event_holds_up_its_key_alone_and_is_on_record(
    db: Database, topic: Topic, settings: Settings
) -> None:
    narrow = settings.model_copy(update={"kafka_max_message_bytes": 2_000})
    await _emit(db, 1)
    await _emit(db, 2, filling="x" * 5_000)
    await _emit(db, 3)
    await _emit(db, 1, key="case-2")
    async with running(Relay(db, db.dsn, narrow, "oversize").run()), Reader(settings, topic) as reader:
        await reader.until(2)
        await asyncio.sleep(1)
        await reader.poll()
    assert reader.by_key == {"case-1": [1], "case-2": [1]}
    assert metric("huiyin_relay_unsendable_total", "oversize") == 1
    async with db.session() as session:
        (parked,) = await deadletters.listed(session, consumer=deadletters.RELAY)
        assert (parked.state, parked.letter.key) == ("DEAD", "case-1")
        assert "MessageSizeTooLarge" in parked.reason
        await deadletters.requeue(session, letter_id=parked.id)
    # The limit was raised: the event and what waited behind it arrive, in order.
    async with running(Relay(db, db.dsn, settings, "oversize").run()), Reader(settings, topic) as reader:
        await reader.until(4)
    assert reader.by_key == {"case-1": [1, 2, 3], "case-2": [1]}


async def test_a_missing_topic_holds_up_its_own_events_only(db: Database, topic: Topic, settings: Settings) -> None:
    impatient = settings.model_copy(update={"kafka_request_timeout_seconds": 1.0})
    async with db.session() as session:
        await (await session.connection()).exec_driver_sql(
            "INSERT INTO outbox (topic, key, event_id, type, headers, payload) "
            "VALUES ('not.there.yet', 'k', gen_random_uuid(), 't', '{}', 'x')"
        )
    await _emit(db, 1)
    async with running(Relay(db, db.dsn, impatient, "missing").run()), Reader(settings, topic) as reader:
        await reader.until(1)
        await eventually(lambda: _is_left(db, 1))


async def _is_left(db: Database, count: int) -> bool:
    return await _rows(db) == count


async def test_kafka_killed_while_sending(db: Database, topic: Topic, settings: Settings, stack_engines: Stack) -> None:
    """Rows stay until Kafka has them; after the restart all arrive in order, without anybody's help."""
    async with running(Relay(db, db.dsn, settings, "kafka-killed").run()):
        for number in range(50):
            await _emit(db, number, key=f"case-{number % 3}")
        await asyncio.to_thread(stack_engines.hold, "kafka")
        try:
            for number in range(50, 100):
                await _emit(db, number, key=f"case-{number % 3}")
            await asyncio.sleep(1)
            assert await _rows(db) >= 50
        finally:
            await asyncio.to_thread(stack_engines.release, "kafka")
        await eventually(lambda: _is_empty(db), 60)
    async with Reader(settings, topic) as reader:
        await reader.until(100)
    for index in range(3):
        assert once(reader.by_key[f"case-{index}"]) == [n for n in range(100) if n % 3 == index]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("got no more"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_connection_that_breaks_is_made_anew(
    db: Database, topic: Topic, settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The driver has many words for it, some for the middle of an answer only: the relay outlives all of them."""
    errors = [error]
    pump = Relay._pump

    async def breaking(relay: Relay, *arguments: Any) -> bool:
        if errors:
            raise errors.pop()
        return await pump(relay, *arguments)

    monkeypatch.setattr(Relay, "_pump", breaking)
    async with running(Relay(db, db.dsn, settings, "broken").run()), Reader(settings, topic) as reader:
        await _emit(db, 1)
        await reader.until(1)


async def test_postgres_killed_while_sending(
    db: Database, topic: Topic, settings: Settings, stack_engines: Stack
) -> None:
    async with running(Relay(db, db.dsn, settings, "postgres-killed").run()):
        for number in range(30):
            await _emit(db, number)
        await asyncio.to_thread(stack_engines.kill_and_wait, "postgres")
        for number in range(30, 60):
            await _emit(db, number)
        await eventually(lambda: _is_empty(db), 60)
    async with Reader(settings, topic) as reader:
        await reader.until(60)
        await asyncio.sleep(0.3)
        await reader.poll()
    assert once(reader.by_key["case-1"]) == list(range(60))
