"""How we connect to Kafka: one place for addresses, TLS and SASL, for the producer and the consumers alike."""

import asyncio
import contextlib
import ssl
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from services.chassis.settings import Settings


def connection_options(settings: Settings) -> dict[str, Any]:
    """aiokafka's arguments."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security,
        "ssl_context": _ssl_context(settings),
    }
    if settings.kafka_security.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = settings.kafka_password
    return options


def security(settings: Settings) -> BaseSecurity | None:
    """The same for FastStream."""
    context = _ssl_context(settings)
    if settings.kafka_security.startswith("SASL"):
        kind = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
        return kind[settings.kafka_sasl_mechanism](
            settings.kafka_username, settings.kafka_password, ssl_context=context, use_ssl=context is not None
        )
    return BaseSecurity(ssl_context=context, use_ssl=True) if context is not None else None


def _ssl_context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.kafka_security.endswith("SSL"):
        return None
    return ssl.create_default_context(cafile=settings.kafka_ca_file or None)


def make_producer(settings: Settings) -> AIOKafkaProducer:
    """An idempotent producer: it retries for ever, in order, and adds no duplicates. The defaults are unsafe.

    aiokafka never asks the brokers to create a topic; ours come from `huiyin topics`.
    """
    return AIOKafkaProducer(
        **connection_options(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        max_batch_size=65_536,
        max_request_size=settings.kafka_max_message_bytes,
        request_timeout_ms=int(settings.kafka_request_timeout_seconds * 1000),
    )


async def close_producer(producer: AIOKafkaProducer, seconds: float = 3.0) -> None:
    """Stop it, and leave nothing running. A plain `stop()` waits for ever for a Kafka that is away."""
    try:
        await asyncio.wait_for(producer.stop(), seconds)
    except TimeoutError:
        # What is not acknowledged is still in the outbox.
        with contextlib.suppress(asyncio.CancelledError):
            await producer._sender.close()
        await producer.client.close()


async def ping(settings: Settings) -> None:
    """Raises when no broker answers. For `/ready`."""
    admin = AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=2_000)
    try:
        await admin.start()
        await admin.describe_cluster()
    finally:
        await admin.close()
