"""Consumers on the real engines: one effect per event, order per key, poison parked and never lost."""

from __future__ import annotations

import asyncio
import os
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.envelope import Envelope
from contracts.topics import Topic
from deploy.stack import Stack
from services.chassis import bus, deadletters
from services.chassis.bus import PermanentError, Received
from services.chassis.db import Database
from services.chassis.kafka import connection_options
from services.chassis.settings import Settings
from tests.integration.chassis.conftest import Noted, eventually
from tests.integration.chassis.desk import Desk


@pytest.fixture(params=[False, True], ids=["apart", "together"])
def desk(db: Database, settings: Settings, topic: Topic, request: pytest.FixtureRequest) -> Desk:
    """Whether the events of a batch share a transaction makes no difference to what comes of them."""
    return Desk(db, settings, topic, together=request.param)


def headers(event_id: uuid.UUID | None = None, **changed: str | None) -> list[tuple[str, bytes]]:
    envelope = Envelope(event_id or uuid.uuid4(), "/test", Noted.TYPE, "case-1", datetime.now(UTC))
    named: dict[str, str | None] = {**envelope.headers(), **changed}
    return [(name, value.encode()) for name, value in named.items() if value is not None]


async def send(
    producer: AIOKafkaProducer, topic: Topic, number: int, key: str = "case-1", **changed: str | None
) -> None:
    body = Noted(case_id=key, number=number).model_dump_json().encode()
    await producer.send_and_wait(topic.name, body, key=key.encode(), headers=headers(**changed))


async def test_events_have_their_effect_in_order(desk: Desk, producer: AIOKafkaProducer, topic: Topic) -> None:
    async with desk.open():
        for number in range(20):
            await send(producer, topic, number)
        await desk.until(list(range(20)))


async def test_what_was_sent_before_the_first_start_is_not_missed(
    desk: Desk, producer: AIOKafkaProducer, topic: Topic
) -> None:
    await send(producer, topic, 1)
    async with desk.open():
        await desk.until([1])


async def test_a_redelivered_event_has_no_second_effect(desk: Desk, producer: AIOKafkaProducer, topic: Topic) -> None:
    event_id = uuid.uuid4()
    body = Noted(case_id="case-1", number=1).model_dump_json().encode()
    async with desk.open():
        for _ in range(3):
            await producer.send_and_wait(topic.name, body, key=b"case-1", headers=headers(event_id))
        await send(producer, topic, 2)
        await desk.until([1, 2])
    assert desk.seen == [("case-1", 1), ("case-1", 2)]


async def test_the_same_offsets_read_again_have_no_second_effect(
    desk: Desk, producer: AIOKafkaProducer, topic: Topic, settings: Settings
) -> None:
    for number in range(5):
        await send(producer, topic, number)
    async with desk.open():
        await desk.until(list(range(5)))
    rewind = AIOKafkaConsumer(**connection_options(settings), group_id=desk.name, enable_auto_commit=False)
    await rewind.start()
    partitions = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
    rewind.assign(partitions)
    await rewind.commit(dict.fromkeys(partitions, 0))
    await rewind.stop()
    async with desk.open():
        await send(producer, topic, 5)
        await desk.until(list(range(6)))
    assert [number for _, number in desk.seen] == list(range(6))


async def test_effect_and_receipt_are_one_transaction(
    desk: Desk, producer: AIOKafkaProducer, topic: Topic, owner: asyncpg.Connection
) -> None:
    failures = iter([ConnectionResetError("as if the engine went away")] * 3)

    def fails_at_first(received: Received) -> None:
        if error := next(failures, None):
            raise error

    desk.before = fails_at_first
    async with desk.open():
        await send(producer, topic, 1)
        await send(producer, topic, 2)
        await desk.until([1, 2])
    assert desk.seen == [("case-1", 1)] * 4 + [("case-1", 2)]  # tried again in order, with one effect
    assert await owner.fetchval("SELECT count(*) FROM inbox WHERE consumer = $1", desk.name) == 2


RUBBISH: dict[str, tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = {
    "random bytes": (os.urandom(16), os.urandom(300), [(os.urandom(4).hex(), os.urandom(20))]),
    "no headers": (b"case-1", b'{"case_id": "case-1", "number": 1}', []),
    "no key": (None, b'{"case_id": "case-1", "number": 1}', [*headers()]),
    "no value": (b"case-1", None, [*headers()]),
    "wrong types": (b"case-1", b'{"case_id": 7, "number": "many"}', [*headers()]),
    "not JSON": (b"case-1", b"\x00\xff{{{", [*headers()]),
    "deeply nested": (b"case-1", b"[" * 100_000, [*headers()]),
    "id is no UUID": (b"case-1", b"{}", headers(ce_id="one")),
    "time without offset": (b"case-1", b"{}", headers(ce_time="2026-01-01T00:00:00")),
    "type is rubbish": (b"case-1", b"{}", headers(ce_type="\x00 张三")),
    "another topic's event": (b"case-1", b"{}", headers(ce_type="cn.huiyin.cases.transitioned.v1")),
    "another key": (b"case-9", b'{"case_id": "case-1", "number": 1}', [*headers()]),
    "null header": (b"case-1", b"{}", [("ce_id", None)]),
    "NUL in everything": (b"\x00", b"\x00", [("\x00", b"\x00"), ("ce_id", b"\x00")]),
}


@pytest.mark.parametrize("kind", RUBBISH)
async def test_rubbish_is_parked_with_a_reason_and_the_rest_flows_on(
    kind: str, desk: Desk, producer: AIOKafkaProducer, topic: Topic
) -> None:
    key, value, extra = RUBBISH[kind]
    async with desk.open():
        await producer.send_and_wait(topic.name, value, key=key, headers=extra, partition=0)
        body = Noted(case_id="case-2", number=1).model_dump_json().encode()
        await producer.send_and_wait(topic.name, body, key=b"case-2", headers=headers(), partition=0)
        await desk.until([1], key="case-2")
        (row,) = await desk.parked()
    assert row.state == "DEAD"
    assert row.reason
    assert (row.letter.payload, row.letter.topic, row.letter.partition) == (value, topic.name, 0)
    assert list(row.letter.headers) == list(extra)
    assert "张三" not in row.reason


async def test_a_newer_writer_s_type_is_skipped(desk: Desk, producer: AIOKafkaProducer, topic: Topic) -> None:
    async with desk.open():
        await send(producer, topic, 1, ce_type="cn.huiyin.test.noted.v2")
        await send(producer, topic, 2)
        await desk.until([2])
        assert await desk.parked() == []


async def test_later_messages_of_a_poisoned_key_wait_in_order_and_others_flow(
    desk: Desk, producer: AIOKafkaProducer, topic: Topic
) -> None:
    def refuses_two(received: Received) -> None:
        if isinstance(received.event, Noted) and (received.event.case_id, received.event.number) == ("case-1", 2):
            raise PermanentError("two is not wanted")

    desk.before = refuses_two
    async with desk.open():
        for number in (1, 2, 3, 4):
            await send(producer, topic, number)
            await send(producer, topic, number, key="case-2")
        await desk.until([1, 2, 3, 4], key="case-2")
        rows = await desk.until_parked(["DEAD", "WAITING", "WAITING"])
        assert await desk.effects() == [1]
        assert rows[0].reason == "two is not wanted"

        async with desk.db.session() as session:
            planned = await deadletters.requeue(session, letter_id=rows[0].id, dry_run=True)
        assert [row.id for row in planned] == [row.id for row in rows]
        await asyncio.sleep(1)
        assert [row.state for row in await desk.parked()] == ["DEAD", "WAITING", "WAITING"]  # a dry run does nothing

        # still refused: it is dead again, with the waiting ones behind it
        async with desk.db.session() as session:
            await deadletters.requeue(session, letter_id=rows[0].id)

        async def tried() -> bool:
            return (await desk.parked())[0].attempts == 1

        await eventually(tried)
        assert [row.state for row in await desk.parked()] == ["DEAD", "WAITING", "WAITING"]

        desk.before = lambda received: None
        async with desk.db.session() as session:
            await deadletters.requeue(session, key="case-1")
        await send(producer, topic, 5)
        await desk.until([1, 2, 3, 4, 5])
        assert await desk.parked() == []


async def test_a_discarded_message_frees_its_key(desk: Desk, producer: AIOKafkaProducer, topic: Topic) -> None:
    async with desk.open():
        await producer.send_and_wait(topic.name, b"rubbish", key=b"case-1")
        await send(producer, topic, 1)
        rows = await desk.until_parked(["DEAD", "WAITING"])
        async with desk.db.session() as session:
            await deadletters.discard(session, rows[0].id, "no event at all")
        await desk.until([1])
        (row,) = await desk.parked()
        assert row.state == "DISCARDED"
        await send(producer, topic, 2)
        await desk.until([1, 2])


async def test_a_bug_in_a_handler_is_parked_after_some_tries(
    db: Database, settings: Settings, topic: Topic, producer: AIOKafkaProducer
) -> None:
    desk = Desk(
        db, settings.model_copy(update={"consumer_max_attempts": 3, "consumer_max_backoff_seconds": 0.2}), topic
    )

    def bug(received: Received) -> None:
        if received.key == "case-1":
            raise KeyError("what somebody wrote")

    desk.before = bug
    async with desk.open():
        await send(producer, topic, 1)
        await send(producer, topic, 1, key="case-2")
        (row,) = await desk.until_parked(["DEAD"])
        await desk.until([1], key="case-2")
    assert row.reason.startswith("failed 3 times: KeyError at tests/integration")
    assert "somebody" not in row.reason


async def test_an_outage_is_waited_out_however_long(
    db: Database, settings: Settings, topic: Topic, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than one delivery's patience: Kafka gets the batch back and delivers it again, in order."""
    monkeypatch.setattr(bus, "_PATIENCE_SECONDS", 0.3)
    desk = Desk(
        db, settings.model_copy(update={"consumer_max_attempts": 2, "consumer_max_backoff_seconds": 0.1}), topic
    )
    away = True

    def engine(received: Received) -> None:
        if away:
            raise ConnectionRefusedError

    desk.before = engine
    async with desk.open():
        for number in range(5):
            await send(producer, topic, number)
        await asyncio.sleep(3)
        assert await desk.effects() == []
        assert len(desk.seen) > 5
        away = False
        await desk.until(list(range(5)))
        assert await desk.parked() == []


async def test_when_a_message_can_not_be_parked_it_is_not_lost(
    desk: Desk, producer: AIOKafkaProducer, topic: Topic, owner: asyncpg.Connection
) -> None:
    await owner.execute("REVOKE INSERT ON dead_letters FROM chassis")
    try:
        async with desk.open():
            await producer.send_and_wait(topic.name, b"rubbish", key=b"case-1", partition=0)
            body = Noted(case_id="case-2", number=1).model_dump_json().encode()
            await asyncio.sleep(2)
            assert await desk.parked() == []
        # Stopped meanwhile: the offset was not committed.
        assert await _committed(desk) is None
    finally:
        await owner.execute("GRANT INSERT ON dead_letters TO chassis")
    async with desk.open():
        await producer.send_and_wait(topic.name, body, key=b"case-2", headers=headers(), partition=0)
        await desk.until_parked(["DEAD"])
        await desk.until([1], key="case-2")


async def _committed(desk: Desk) -> int | None:
    consumer = AIOKafkaConsumer(**connection_options(desk.settings), group_id=desk.name, enable_auto_commit=False)
    await consumer.start()
    try:
        offset = await consumer.committed(TopicPartition(desk.topic.name, 0))
        return None if offset is None else int(offset)
    finally:
        await consumer.stop()


async def test_the_events_of_a_batch_share_a_transaction(
    db: Database, settings: Settings, topic: Topic, producer: AIOKafkaProducer
) -> None:
    for number in range(40):
        await send(producer, topic, number, key=f"case-{number % 5}")
    for together in (False, True):
        desk = Desk(db, settings, topic, together=together)
        async with desk.open():
            for key in range(5):
                await desk.until(list(range(key, 40, 5)) * (1 + together), key=f"case-{key}")
    async with db.read() as session:
        statement = text("SELECT xmin::text::bigint, count(*) FROM effects GROUP BY 1 ORDER BY 1")
        sizes = [count for _, count in await session.execute(statement)]
    assert sizes[:40] == [1] * 40
    assert max(sizes[40:]) > 1


async def test_keys_run_side_by_side_and_each_in_order(
    db: Database, settings: Settings, topic: Topic, producer: AIOKafkaProducer
) -> None:
    desk = Desk(db, settings, topic, max_workers=8)
    in_flight, most = set[str](), 0
    handle = desk.handle

    async def slow(session: AsyncSession, received: Received) -> None:
        nonlocal most
        assert received.key not in in_flight
        in_flight.add(received.key)
        most = max(most, len(in_flight))
        await asyncio.sleep(0.02)
        await handle(session, received)
        in_flight.remove(received.key)

    desk.handle = slow  # type: ignore[method-assign]
    for number in range(5):
        for key in range(16):
            await send(producer, topic, number, key=f"case-{key}")
    async with desk.open():
        for key in range(16):
            await desk.until([0, 1, 2, 3, 4], key=f"case-{key}")
    assert 2 <= most <= 8


async def test_kafka_and_postgres_killed_while_consuming(
    desk: Desk, producer: AIOKafkaProducer, topic: Topic, stack_engines: Stack
) -> None:
    async with desk.open():
        for number in range(20):
            await send(producer, topic, number)
        await asyncio.to_thread(stack_engines.kill_and_wait, "postgres")
        for number in range(20, 40):
            await send(producer, topic, number)
        await desk.until(list(range(40)), seconds=60)
        await asyncio.to_thread(stack_engines.kill_and_wait, "kafka")
        for number in range(40, 60):
            await send(producer, topic, number)
        await desk.until(list(range(60)), seconds=60)
        assert await desk.parked() == []


async def test_a_consumer_starts_before_kafka_does(
    desk: Desk, producer: AIOKafkaProducer, topic: Topic, stack_engines: Stack
) -> None:
    await send(producer, topic, 1)
    await asyncio.to_thread(stack_engines.hold, "kafka")
    try:
        async with desk.open():
            await asyncio.sleep(2)
            await asyncio.to_thread(stack_engines.release, "kafka")
            await desk.until([1], seconds=60)
    finally:
        await asyncio.to_thread(stack_engines.release, "kafka")
