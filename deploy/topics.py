"""Kafka topics, created from contracts/topics.py; more partitions or another retention are brought up to date."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contracts.topics import TOPICS
from services.chassis.kafka import administration
from services.chassis.settings import Settings


async def ensure_topics(settings: Settings, replication: int = 1) -> list[str]:
    """Create what is missing, add partitions and set retention; return the names that were created.

    Raises EngineAway, and EngineSetup when the brokers won't have our settings.
    """
    async with administration(settings, client_id="huiyin-setup") as admin:
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


def topic_settings(retention_ms: int) -> dict[str, str]:
    return {"retention.ms": str(retention_ms), "cleanup.policy": "delete"}


async def follow(admin: AIOKafkaAdminClient, name: str, partitions: int, retention_ms: int) -> None:
    """Bring an existing topic up to date. Partitions are never taken away (Kafka cannot)."""
    described = await admin.describe_topics([name])
    if len(described[0]["partitions"]) < partitions:
        await admin.create_partitions({name: NewPartitions(partitions)})
    resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=topic_settings(retention_ms))
    await admin.alter_configs([resource])
