"""Rubbish to every endpoint and topic: no 5xx, clear errors, nothing lost, and the good ones flow on."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
import schemathesis
from aiokafka import AIOKafkaProducer
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from contracts.lifecycle import Role
from contracts.topics import TOPICS, Topic
from deploy.demo.client import Officers, Reporters
from deploy.demo.prepare import credentials
from deploy.stack import Stack
from services.chassis.db import Database
from services.referrals.service.registry import NewAccount, Registry
from tests.load.lifecycle import SAMPLE

EXAMPLES = int(os.environ.get("HUIYIN_RUBBISH_EXAMPLES", "15"))
OPENAPI = Path(__file__).parents[2] / "contracts" / "openapi"
SERVICES = ("complaints", "vault", "referrals", "notifications")
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")  # tus


def rubbish(service: str) -> Callable[..., None]:
    """A test of each operation of a service, by its committed OpenAPI document."""
    schema = schemathesis.openapi.from_path(str(OPENAPI / f"{service}.json"))

    @schema.parametrize()
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    def test(case: schemathesis.Case, officer_token: str, stack: Stack) -> None:
        headers = {"Idempotency-Key": uuid4().hex}
        if service in ("referrals", "notifications"):
            headers["Authorization"] = f"Bearer {officer_token}"
        response = case.call(base_url=stack.url(service), headers=headers)
        case.validate_response(
            response, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
        )

    return test


test_complaints, test_vault, test_referrals, test_notifications = (rubbish(name) for name in SERVICES)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def officer_token(stack: Stack, people: tuple[Reporters, Officers], http: httpx.AsyncClient) -> str:
    """Of an officer of the tests' own: rubbish in place of a second factor's code makes the log-in pause."""
    name, password = f"rubbish-{uuid4().hex[:8]}", credentials(stack.state_dir)["password"]
    database = Database(stack.settings.dsn("referrals"))
    try:
        await Registry(database).load(
            (), (NewAccount(name, name, "desk-990100", (Role.CLERK,), password),), invented_people=True
        )
    finally:
        await database.close()
    answer = await http.post(stack.url("referrals") + "/v1/sessions", json={"username": name, "password": password})
    return str(answer.json()["access_token"])


RUBBISH: dict[str, tuple[bytes | None, bytes, list[tuple[str, bytes]]]] = {
    "random bytes": (b"k1", os.urandom(200), []),
    "no key, no value": (None, b"", []),
    "headers of another type": (b"k2", b"[1,2,3]", [("ce_id", b"\xff\xfe"), ("ce_type", b"42")]),
    "our type, wrong fields": (
        b"k3",
        b'{"complaint_id": 7, "case_ids": "none"}',
        [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(uuid4()).encode()),
            ("ce_source", b"test"),
            ("ce_type", b"cn.huiyin.complaints.submitted.v1"),
            ("ce_subject", b"x"),
            ("ce_time", b"2026-01-01T00:00:00+08:00"),
        ],
    ),
}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
async def test_rubbish_on_a_topic_is_parked_and_the_rest_flows_on(
    topic: Topic, stack: Stack, people: tuple[Reporters, Officers]
) -> None:
    before = await parked(stack, topic)
    producer = AIOKafkaProducer(bootstrap_servers=stack.settings.kafka_bootstrap)
    await producer.start()
    try:
        for key, value, headers in RUBBISH.values():
            await producer.send_and_wait(topic.name, value=value, key=key, headers=headers)
    finally:
        await producer.stop()
    readers = {"complaints.events": ("referrals", "notifications"), "cases.events": ("complaints", "notifications")}
    for service in readers.get(topic.name, ()):
        async with asyncio.timeout(30):
            while (await parked(stack, topic))[service] < before[service] + len(RUBBISH):
                await asyncio.sleep(0.2)
    reporters, officers = people
    receipt = await reporters.file(SAMPLE)
    async with asyncio.timeout(30):
        while not await officers.find("clerk.desk-990100", receipt.case_number):
            await asyncio.sleep(0.1)


async def parked(stack: Stack, topic: Topic) -> dict[str, int]:
    """Parked messages of a topic by service."""
    counts: dict[str, int] = {}
    for service in ("complaints", "referrals", "notifications"):
        connection = await asyncpg.connect(stack.config.admin_dsn(f"huiyin_{service}"))
        try:
            counts[service] = await connection.fetchval(
                "SELECT count(*) FROM dead_letters WHERE topic = $1", topic.name
            )
        finally:
            await connection.close()
    return counts
