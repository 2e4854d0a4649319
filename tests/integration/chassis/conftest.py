"""A database with the chassis's tables alone, a topic and an event type of the test's own, on the real engines."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from contracts.envelope import Event
from contracts.registry import EVENTS
from contracts.topics import Topic
from deploy.stack import Stack
from services.chassis import telemetry
from services.chassis.audit import audit_ddl
from services.chassis.db import Database
from services.chassis.kafka import administration, connection_options
from services.chassis.schema import CHASSIS_DDL, chassis_grants
from services.chassis.settings import Settings

PASSWORD = "chassis-test"

EFFECTS_DDL = """
CREATE TABLE effects (id bigserial PRIMARY KEY, key text NOT NULL, number integer NOT NULL);
CREATE TABLE papers (id bigserial PRIMARY KEY, unit_id text NOT NULL, body text NOT NULL);
ALTER TABLE papers ENABLE ROW LEVEL SECURITY;
ALTER TABLE papers FORCE ROW LEVEL SECURITY;
CREATE POLICY all_for_system ON papers USING (huiyin_role() = 'system');
CREATE POLICY own_units ON papers USING (huiyin_role() = 'officer' AND unit_id = ANY (huiyin_units()));
GRANT SELECT, INSERT ON effects, papers TO chassis;
GRANT USAGE ON SEQUENCE effects_id_seq, papers_id_seq TO chassis;
"""


class Noted(Event):
    """An event that only these tests know."""

    TYPE: ClassVar[str] = "cn.huiyin.test.noted.v1"
    TOPIC: ClassVar[Topic] = Topic("test.events", key="case_id", partitions=3)

    case_id: str
    number: int
    filling: str = ""


@pytest.fixture(scope="session")
def settings(stack_engines: Stack) -> Settings:
    quick = {"relay_poll_seconds": 0.3, "consumer_poll_seconds": 0.3, "consumer_max_backoff_seconds": 1.0}
    chosen = stack_engines.settings.model_copy(update=quick)
    telemetry.setup("chassis-test", chosen)
    return chosen


@pytest.fixture(scope="session")
def dsns(stack_engines: Stack) -> tuple[str, str]:
    """(the app role's, the administrator's) address of a database made for this session."""
    return asyncio.run(_make_database(stack_engines))


async def _make_database(stack: Stack) -> tuple[str, str]:
    name = f"chassis_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(stack.config.admin_dsn())
    try:
        if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'chassis'"):
            await admin.execute("CREATE ROLE chassis LOGIN")
        await admin.execute(f"ALTER ROLE chassis PASSWORD '{PASSWORD}'")
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    owner = await asyncpg.connect(stack.config.admin_dsn(name))
    try:
        await owner.execute(CHASSIS_DDL + chassis_grants("chassis") + audit_ddl("chassis") + EFFECTS_DDL)
    finally:
        await owner.close()
    return stack.config.dsn("chassis", name, PASSWORD), stack.config.admin_dsn(name)


@pytest.fixture
async def db(dsns: tuple[str, str]) -> AsyncIterator[Database]:
    """The app role's database, emptied."""
    owner = await asyncpg.connect(dsns[1])
    await owner.execute(
        "TRUNCATE outbox, inbox, dead_letters, effects, papers, audit_log, audit_pending, audit_seals RESTART IDENTITY"
    )
    await owner.close()
    database = Database(dsns[0])
    yield database
    await database.close()


@pytest.fixture
async def owner(dsns: tuple[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection, to look past row-level security."""
    connection = await asyncpg.connect(dsns[1])
    yield connection
    await connection.close()


@pytest.fixture
def topic(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Topic:
    """A fresh topic; `Noted` goes there for this test."""
    fresh = fresh_topic(monkeypatch)
    asyncio.run(create_topic(settings, fresh))
    return fresh


def fresh_topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    """A name that no broker knows yet; `Noted` goes there for this test."""
    fresh = Topic(f"test.{uuid.uuid4().hex[:10]}.events", key="case_id", partitions=3)
    monkeypatch.setattr(Noted, "TOPIC", fresh)
    monkeypatch.setitem(EVENTS._by_type, Noted.TYPE, Noted)
    return fresh


async def create_topic(settings: Settings, topic: Topic) -> None:
    """Make it on the broker of these settings."""
    async with administration(settings) as admin:
        await admin.create_topics([NewTopic(topic.name, topic.partitions, 1)])


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """Sends whatever a test likes, past the outbox."""
    sender = AIOKafkaProducer(**connection_options(settings))
    await sender.start()
    yield sender
    await sender.stop()


@asynccontextmanager
async def running(*tasks: Awaitable[None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run them beside the test; an error in one of them fails the test."""
    started = [asyncio.ensure_future(task) for task in tasks]
    try:
        yield started  # type: ignore[misc]
        for task in started:
            if task.done() and not task.cancelled():
                task.result()
    except BaseException as failed:
        for task in started:
            if task.done() and not task.cancelled() and (death := task.exception()) is not None:
                failed.add_note(f"a task had ended before: {death!r} {getattr(death, 'exceptions', '')}")
        raise
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait until it holds; fails the test when it does not."""
    end = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < end, "it did not come about"
        await asyncio.sleep(0.05)
