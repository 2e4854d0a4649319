"""Kafka topics, created from contracts/topics.py; more partitions or another retention are brought up to date."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contracts.topics import TOPICS

if TYPE_CHECKING:
    from services.chassis.settings import Settings


def connection_options(settings: Settings) -> dict[str, Any]:
    """aiokafka's connection arguments from the settings (PLAINTEXT, TLS and SASL)."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security,
    }
    if settings.kafka_security.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
    if settings.kafka_security.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = settings.kafka_password
    return options


async def ensure_topics(options: dict[str, Any], replication: int = 1) -> list[str]:
    """Create what is missing, add partitions and set retention; return the names that were created."""
    admin = AIOKafkaAdminClient(**options, client_id="huiyin-setup")
    await admin.start()
    try:
        known = set(await admin.list_topics())
        new = [topic for topic in TOPICS if topic.name not in known]
        if new:
            answer = await admin.create_topics(
                [
                    NewTopic(
                        topic.name, topic.partitions, replication, topic_configs=topic_settings(topic.retention_ms)
                    )
                    for topic in new
                ]
            )
            for name, code, *detail in answer.topic_errors:
                if code not in (0, 36):  # 36: another set-up was quicker
                    raise RuntimeError(f"Kafka did not create topic {name}: error {code} {detail}")
        for topic in (topic for topic in TOPICS if topic.name in known):
            await follow(admin, topic.name, topic.partitions, topic.retention_ms)
        return [topic.name for topic in new]
    finally:
        await admin.close()


def topic_settings(retention_ms: int) -> dict[str, str]:
    return {"retention.ms": str(retention_ms), "cleanup.policy": "delete"}


async def follow(admin: AIOKafkaAdminClient, name: str, partitions: int, retention_ms: int) -> None:
    """Bring an existing topic up to date. Partitions are never taken away (Kafka cannot)."""
    described = await admin.describe_topics([name])
    if len(described[0]["partitions"]) < partitions:
        await admin.create_partitions({name: NewPartitions(partitions)})
    resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=topic_settings(retention_ms))
    await admin.alter_configs([resource])
