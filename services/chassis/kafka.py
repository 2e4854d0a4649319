"""How we connect to Kafka: one place for addresses, TLS and SASL, for the producer and the consumers alike."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from services.chassis.outages import EngineAway, EngineSetup
from services.chassis.settings import Settings
from services.chassis.tls import Trouble, trouble

_LOOK_MS = 3_000


def connection_options(settings: Settings) -> dict[str, Any]:
    """aiokafka's arguments. Raises EngineSetup for certificate files that can't be read."""
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
    """The same for FastStream; raises as `connection_options`."""
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
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        raise EngineSetup("kafka", "can't be checked: no readable certificates", "HUIYIN_KAFKA_CA_FILE") from error
    if settings.kafka_cert_file:
        try:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file or None)
        except OSError as error:
            names = ("HUIYIN_KAFKA_CERT_FILE", "HUIYIN_KAFKA_KEY_FILE")
            raise EngineSetup("kafka", "can't be shown our certificate: not readable", *names) from error
    return context


@contextlib.asynccontextmanager
async def explained(settings: Settings) -> AsyncIterator[None]:
    """Around a start: raises EngineSetup when the brokers won't have our settings, EngineAway when none answers.

    aiokafka tells of both no more than that it could not bootstrap.
    """
    try:
        yield
    except KafkaConnectionError as error:
        raise await why_away(settings) from error


async def why_away(settings: Settings) -> EngineAway:
    """What keeps us from the brokers, found by connecting to one after the other."""
    options = connection_options(settings)
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers")):
        try:
            connection = await create_conn(host, port, request_timeout_ms=_LOOK_MS, **options)
        except (KafkaError, OSError, TimeoutError) as error:
            if (refused := _refused(error, settings)) is not None:
                return refused
        else:
            connection.close()
    return EngineAway("kafka")


_LOOK_AT = {
    Trouble.UNTRUSTED: ("HUIYIN_KAFKA_CA_FILE",),
    Trouble.OTHER_NAME: ("HUIYIN_KAFKA_BOOTSTRAP",),
    Trouble.WANTS_OURS: ("HUIYIN_KAFKA_CERT_FILE", "HUIYIN_KAFKA_KEY_FILE"),
    Trouble.NO_TLS: ("HUIYIN_KAFKA_SECURITY",),
    Trouble.BROKEN_OFF: ("HUIYIN_KAFKA_SECURITY",),
}


def _refused(error: BaseException, settings: Settings) -> EngineSetup | None:
    if isinstance(error, SaslAuthenticationFailed):
        names = ("HUIYIN_KAFKA_USERNAME", "HUIYIN_KAFKA_PASSWORD")
        return EngineSetup("kafka", "refuses the user or the password", *names)
    if isinstance(error, UnsupportedSaslMechanismError):
        return EngineSetup("kafka", f"does not offer {settings.kafka_sasl_mechanism}", "HUIYIN_KAFKA_SASL_MECHANISM")
    if isinstance(error, IllegalSaslStateError):
        return EngineSetup("kafka", "wants no password at this address", "HUIYIN_KAFKA_SECURITY")
    found = trouble(error)
    if found is None and isinstance(error, (KafkaConnectionError, ConnectionResetError)):
        found = Trouble.BROKEN_OFF  # a connection that never came about is another OSError
    return EngineSetup("kafka", found, *_LOOK_AT[found]) if found is not None else None


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


@contextlib.asynccontextmanager
async def administration(settings: Settings, **options: Any) -> AsyncIterator[AIOKafkaAdminClient]:
    """An administrator's client, started; `options` are aiokafka's. Raises EngineAway and EngineSetup."""
    admin = AIOKafkaAdminClient(**connection_options(settings), **options)
    try:
        async with explained(settings):
            await admin.start()
        yield admin
    finally:
        await admin.close()


async def ping(settings: Settings) -> None:
    """Raises when no broker answers. For `/ready`."""
    async with administration(settings, request_timeout_ms=2_000) as admin:
        await admin.describe_cluster()
