"""The doctor's questions to engines, services and queues."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import asyncpg

from contracts.topics import TOPICS
from deploy import status
from deploy.config import StackConfig
from deploy.doctor import Finding
from deploy.engines import temporal
from deploy.processes import SERVICES, Service

if TYPE_CHECKING:
    from services.chassis.settings import Settings

OLD_OUTBOX_SECONDS = 60
MUCH_LAG = 1000
RETENTION_AT_LEAST = 30
OLDEST_POSTGRES = 150000
DATABASE_OWNERS = ("complaints", "referrals", "notifications")


async def postgres(settings: Settings) -> list[Finding]:
    """Version, migrations, outbox, dead letters and clock of every service's database."""
    from services.chassis.db import connect

    found: list[Finding] = []
    for service in DATABASE_OWNERS:
        connection = await connect(settings.dsn(service))
        try:
            if not found:
                found.append(await version(connection))
            found += await tables(connection, service)
        finally:
            await connection.close()
    return found


async def version(connection: asyncpg.Connection) -> Finding:
    number = int(await connection.fetchval("SHOW server_version_num"))
    shown = str(await connection.fetchval("SHOW server_version"))
    if number < OLDEST_POSTGRES:
        return Finding("fail", "PostgreSQL", shown, "use PostgreSQL 15 or later")
    return Finding("ok", "PostgreSQL", shown)


async def tables(connection: asyncpg.Connection, service: str) -> list[Finding]:
    """What waits in this database."""
    if await connection.fetchval("SELECT to_regclass('outbox')") is None:
        return [Finding("fail", f"{service}: tables", "missing", "huiyin down; huiyin up (it migrates)")]
    rows = await connection.fetchval("SELECT count(*) FROM outbox")
    age = await connection.fetchval(
        "SELECT COALESCE(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::int FROM outbox"
    )
    late = age > OLD_OUTBOX_SECONDS
    advice = f"events wait to be sent: is Kafka up? huiyin logs {service}" if late else ""
    found = [Finding("warn" if late else "ok", f"{service}: outbox", f"{rows} rows, oldest {age} s", advice)]
    counting = "SELECT count(*) FROM dead_letters WHERE state = $1"
    dead, waiting = [await connection.fetchval(counting, state) for state in ("DEAD", "WAITING")]
    shown = f"{dead} dead, {waiting} waiting behind them"
    advice = "huiyin dlq list; then huiyin dlq requeue" if dead else ""
    found.append(Finding("warn" if dead else "ok", f"{service}: dead letters", shown, advice))
    rate = float(await connection.fetchval("SELECT rate FROM business_clock"))
    advice = "" if rate == 1 else "only a demo may run fast: huiyin clock set --rate 1"
    found.append(Finding("ok" if rate == 1 else "warn", f"{service}: business clock", f"rate {rate:g}", advice))
    return found


async def topics(settings: Settings) -> list[Finding]:
    """Do all contracted topics exist, with enough partitions?"""
    from services.chassis.kafka import administration

    async with administration(settings, request_timeout_ms=8000) as admin:
        known = set(await admin.list_topics())
        described = await admin.describe_topics([topic.name for topic in TOPICS if topic.name in known])
    partitions = {entry["topic"]: len(entry["partitions"]) for entry in described}
    short = [topic.name for topic in TOPICS if partitions.get(topic.name, 0) < topic.partitions]
    if short:
        return [Finding("fail", "Kafka", f"topics missing or too small: {', '.join(short)}", "huiyin down; huiyin up")]
    return [Finding("ok", "Kafka", f"{len(TOPICS)} topics")]


async def consumer_lag(settings: Settings) -> list[Finding]:
    """Messages that no consumer group of ours has taken yet, by group."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    from services.chassis.kafka import administration, connection_options

    consumer = AIOKafkaConsumer(**connection_options(settings), enable_auto_commit=False)
    async with administration(settings, request_timeout_ms=8000) as admin:
        try:
            await consumer.start()
            ours = {topic.name for topic in TOPICS}
            found: list[Finding] = []
            for group in sorted(str(entry[0]) for entry in await admin.list_consumer_groups()):
                committed = await admin.list_consumer_group_offsets(group)
                places: dict[TopicPartition, Any] = {
                    place: at for place, at in committed.items() if place.topic in ours
                }
                ends = await consumer.end_offsets(list(places)) if places else {}
                lag = sum(max(0, ends[place] - at.offset) for place, at in places.items())
                advice = "" if lag < MUCH_LAG else "it does not keep up, or stands still: huiyin dlq list, huiyin logs"
                found.append(Finding("ok" if lag < MUCH_LAG else "warn", f"consumer {group}", f"lag {lag}", advice))
            return found
        finally:
            await consumer.stop()


async def workflows(settings: Settings) -> list[Finding]:
    """Does Temporal serve the namespace, and how long does it keep closed cases?"""
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetSystemInfoRequest

    from services.chassis.temporal import connect

    client = await connect(settings)
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=settings.temporal_namespace)
    )
    days = described.config.workflow_execution_retention_ttl.seconds / 86400
    good = days >= RETENTION_AT_LEAST
    advice = (
        "" if good else f"keep closed workflows for {temporal.RETENTION_DAYS} days: temporal operator namespace update"
    )
    shown = f"server {info.server_version}, keeps closed cases {days:g} days"
    return [Finding("ok" if good else "fail", "Temporal", shown, advice)]


async def mail(settings: Settings) -> list[Finding]:
    """Does the mail server greet? Nothing is sent."""
    import aiosmtplib

    client = aiosmtplib.SMTP(hostname=settings.smtp_host, port=settings.smtp_port, timeout=5, start_tls=False)
    await client.connect()
    await client.quit()
    return [Finding("ok", "mail server", f"{settings.smtp_host}:{settings.smtp_port}")]


async def services(config: StackConfig) -> list[Finding]:
    """What each service that is to run says on /ready; it names the engine it misses."""
    known = status.read(config.state_dir)
    names = [service.name for service in SERVICES] if known is None else list(known.processes)
    return [
        await asyncio.to_thread(ask_service, service, f"http://{config.probe_host}:{config.ports[service.port]}")
        for service in SERVICES
        if service.name in names
    ]


def ask_service(service: Service, base: str) -> Finding:
    """One GET of the readiness address."""
    what, advice = f"{service.name} answers", f"huiyin logs {service.name}"
    try:
        address = base + service.ready_path  # always http
        with urllib.request.urlopen(address, timeout=5) as reply:  # noqa: S310  # nosec B310
            return Finding("ok", what, f"{reply.status} on {service.ready_path}")
    except urllib.error.HTTPError as error:
        return Finding("fail", what, f"{error.code}: {reason(error.read())}", advice)
    except OSError as error:
        return Finding("fail", what, str(error), advice)


def reason(body: bytes) -> str:
    """The words of a problem+json or readiness answer."""
    try:
        answer = json.loads(body)
    except ValueError:
        return body[:160].decode(errors="replace")
    return json.dumps(answer, ensure_ascii=False)[:300]
