"""A consumer for tests: its effects are rows that can be looked at."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.topics import Topic
from services.chassis import bus, deadletters
from services.chassis.bus import Consumer, Received, make_broker
from services.chassis.db import Database
from services.chassis.deadletters import Parked
from services.chassis.settings import Settings
from tests.integration.chassis.conftest import Noted, eventually, running

Step = Callable[[Received], None]


class Desk:
    """A consumer whose effect is a row (key, number), and whose behaviour a test can change."""

    def __init__(
        self, db: Database, settings: Settings, topic: Topic, *, max_workers: int = 1, together: bool = False
    ) -> None:
        self.db = db
        self.settings = settings
        self.topic = topic
        self.name = f"test-{uuid.uuid4().hex[:8]}"
        self.max_workers = max_workers
        self.together = together
        self.before: Step = lambda received: None
        self.seen: list[tuple[str, int]] = []

    async def handle(self, session: AsyncSession, received: Received) -> None:
        event = bus.parse(received)
        assert isinstance(event, Noted)
        self.seen.append((event.case_id, event.number))
        await session.execute(
            text("INSERT INTO effects (key, number) VALUES (:key, :number)"),
            {"key": event.case_id, "number": event.number},
        )
        self.before(received)  # after the insert: an error must take it back

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Consumer]:
        broker = make_broker(self.settings)
        consumer = Consumer(
            self.db,
            broker,
            self.name,
            self.topic,
            self.handle,
            max_workers=self.max_workers,
            together=self.together,
            settings=self.settings,
        )
        async with running(bus.run(broker, consumer)):
            yield consumer

    async def effects(self, key: str = "case-1") -> list[int]:
        async with self.db.read() as session:
            rows = await session.execute(text("SELECT number FROM effects WHERE key = :key ORDER BY id"), {"key": key})
            return list(rows.scalars())

    async def until(self, numbers: list[int], key: str = "case-1", seconds: float = 30.0) -> None:
        async def there() -> bool:
            return await self.effects(key) == numbers

        await eventually(there, seconds)

    async def parked(self) -> list[Parked]:
        async with self.db.read() as session:
            return await deadletters.listed(session, consumer=self.name)

    async def until_parked(self, states: list[str], seconds: float = 30.0) -> list[Parked]:
        async def there() -> bool:
            return [row.state for row in await self.parked()] == states

        await eventually(there, seconds)
        return await self.parked()
