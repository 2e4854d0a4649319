"""The process with Kafka: a complaint's event leaves, a case's event arrives, in the order they were committed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from contracts.complaints import ComplaintSubmitted, ComplaintSupplemented
from contracts.envelope import Envelope
from contracts.lifecycle import Act
from contracts.registry import EVENTS
from contracts.topics import CASES, COMPLAINTS
from services.chassis.settings import Settings
from services.complaints.main import build
from tests.integration.complaints.people import STARTED, Reporter, step


@pytest.fixture
async def process(settings: Settings) -> AsyncIterator[Reporter]:
    """The whole application with its background tasks."""
    application = build(settings)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://complaints") as client:
            yield Reporter(client)


async def test_events_leave_and_arrive(process: Reporter, settings: Settings, admin: "asyncpg.Connection[Any]") -> None:
    receipt = await process.submitted()
    await process.supplement(receipt, "补充")
    row = await admin.fetchrow(
        "SELECT complaint_id, case_id FROM complaints JOIN complaint_cases USING (complaint_id) WHERE case_number = $1",
        receipt["case_number"],
    )
    events = await from_kafka(settings, row["complaint_id"], 2)
    assert [type(event) for event in events] == [ComplaintSubmitted, ComplaintSupplemented]
    async with asyncio.timeout(10):  # a row goes when the broker has said yes, which a reader may hear before us
        while await admin.fetchval("SELECT count(*) FROM outbox WHERE key = $1", str(row["complaint_id"])):
            await asyncio.sleep(0.05)
    await to_kafka(settings, row["case_id"], row["complaint_id"])
    page: dict[str, Any] = {}
    for _ in range(150):
        page = await process.tracked(receipt)
        if len(page["entries"]) == 2:
            break
        await asyncio.sleep(0.2)
    assert [entry["act"] for entry in page["entries"]] == ["REGISTER", "ACCEPT"]


async def from_kafka(settings: Settings, complaint_id: UUID, count: int) -> list[Any]:
    consumer = AIOKafkaConsumer(
        COMPLAINTS.name, bootstrap_servers=settings.kafka_bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[Any] = []
    try:
        async with asyncio.timeout(30):
            async for record in consumer:
                headers = {name: value.decode() for name, value in record.headers}
                if record.key == str(complaint_id).encode():
                    found.append(EVENTS.parse(headers["ce_type"], record.value))
                if len(found) == count:
                    return found
    finally:
        await consumer.stop()
    return found


async def to_kafka(settings: Settings, case_id: UUID, complaint_id: UUID) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for sequence, act in enumerate((Act.REGISTER, Act.ACCEPT), 1):
            event = step(case_id, complaint_id, sequence, act)
            envelope = Envelope(
                id=uuid4(), source="/referrals", type=event.TYPE, subject=event.case_number, time=STARTED
            )
            headers = [(name, value.encode()) for name, value in envelope.headers().items()]
            await producer.send_and_wait(
                CASES.name, event.model_dump_json().encode(), key=event.key.encode(), headers=headers
            )
    finally:
        await producer.stop()
