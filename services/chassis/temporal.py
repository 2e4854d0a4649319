"""The Temporal client: payloads and failures encrypted, traces continued, latencies measured."""

import dataclasses
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import temporalio.client
import temporalio.worker
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec
from temporalio.service import GrpcCompression, RetryConfig, TLSConfig
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from services.chassis import metrics
from services.chassis.crypto import Keyring, load_keyring, sealed_under
from services.chassis.outages import EngineAway, EngineSetup
from services.chassis.settings import Settings
from services.chassis.suites import Suite
from services.chassis.tls import Trouble

ENCODING = b"binary/huiyin-aes256gcm"
ENCODING_SM = b"binary/huiyin-sm4gcm"
NOT_SEALED = b"binary/huiyin-not-sealed"
_AAD = b"huiyin/temporal"
_DEFLATED = b"\x78"
"""Begins a zlib stream (RFC 1950), and no serialized payload: those begin with the tag of a field."""
_WORTH_DEFLATING = 256

# A call waits out a short hiccup; longer outages are the callers' matter (503, or back-off in a consumer).
RETRY = RetryConfig(
    initial_interval_millis=100, max_interval_millis=2_000, multiplier=1.7, max_elapsed_time_millis=8_000, max_retries=8
)


class EncryptionCodec(PayloadCodec):
    """Whole payloads under the ring of `temporal`, deflated before. The key's id travels in the metadata; a rotated
    ring opens old histories, and what was sealed without being deflated is told by its first byte.

    A length says how well a payload deflates: nothing that a stranger writes stands beside a secret in one.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal each payload under the current key."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open what is sealed; what never was becomes unreadable. Raises SealBroken when no key fits."""
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        sealed = self._keyring.encrypt(_deflated(payload.SerializeToString()), _AAD)
        suite, key_id = sealed_under(sealed)
        encoding = ENCODING if suite is Suite.AES else ENCODING_SM
        return Payload(metadata={"encoding": encoding, "key-id": key_id.encode()}, data=sealed)

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") not in (ENCODING, ENCODING_SM):
            # Its sender lacks our keys: an Update is refused and a signal dropped, and the workflow goes on.
            return Payload(metadata={"encoding": NOT_SEALED})
        return Payload.FromString(_inflated(self._keyring.decrypt(payload.data, _AAD)))


def _deflated(plain: bytes) -> bytes:
    return zlib.compress(plain, level=1) if len(plain) >= _WORTH_DEFLATING else plain


def _inflated(plain: bytes) -> bytes:
    return zlib.decompress(plain) if plain.startswith(_DEFLATED) else plain


def data_converter(keyring: Keyring) -> DataConverter:
    """Pydantic models as JSON, encrypted; the messages and stack traces of failures too."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client for the settings' address and namespace. Workers that are made with it are traced and measured too.

    Raises EngineAway("temporal") when the server can't be reached, EngineSetup when it won't have our settings; a
    lazy client finds out with its first call.
    """
    try:
        return await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            data_converter=data_converter(load_keyring(settings.keys_dir, "temporal")),
            interceptors=[TracingInterceptor(), ActivityMetrics()],
            tls=_tls(settings),
            retry_config=RETRY,
            grpc_compression=GrpcCompression.NONE,  # what is sealed gets no smaller
            lazy=lazy,
        )
    except RuntimeError as error:
        raise _away(error) from error


async def ping(client: Client) -> None:
    """Raises when the server does not answer. For `/ready`."""
    try:
        healthy = await client.service_client.check_health()
    except RuntimeError as error:
        raise _away(error) from error
    if not healthy:
        raise EngineAway("temporal")


def _tls(settings: Settings) -> TLSConfig | bool:
    if not settings.temporal_tls:
        return False

    return TLSConfig(
        server_root_ca_cert=_read(settings, "temporal_ca_file"),
        client_cert=_read(settings, "temporal_cert_file"),
        client_private_key=_read(settings, "temporal_key_file"),
    )


def _read(settings: Settings, name: str) -> bytes | None:
    path = getattr(settings, name)
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise EngineSetup("temporal", "needs a file that can't be read", f"HUIYIN_{name.upper()}") from error


_TROUBLES = {
    "InvalidCertificate(NotValidForName": (Trouble.OTHER_NAME, "HUIYIN_TEMPORAL_ADDRESS"),
    "InvalidCertificate": (Trouble.UNTRUSTED, "HUIYIN_TEMPORAL_CA_FILE"),
    "InvalidMessage": (Trouble.NO_TLS, "HUIYIN_TEMPORAL_TLS"),
    "AlertReceived": (Trouble.WANTS_OURS, "HUIYIN_TEMPORAL_CERT_FILE", "HUIYIN_TEMPORAL_KEY_FILE"),
    "call error after connection": (Trouble.BROKEN_OFF, "HUIYIN_TEMPORAL_TLS", "HUIYIN_TEMPORAL_CERT_FILE"),
}
"""How the SDK's core tells of a handshake, most special first: in words only."""


def _away(error: RuntimeError) -> EngineAway:
    found = next((found for words, found in _TROUBLES.items() if words in str(error)), None)
    return EngineSetup("temporal", *found) if found is not None else EngineAway("temporal")


class ActivityMetrics(temporalio.client.Interceptor, temporalio.worker.Interceptor):
    """Measures how long activities wait for a worker, and how long they take."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Called by the worker once."""
        return _Measured(next)


class _Measured(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        waited = (datetime.now(UTC) - info.current_attempt_scheduled_time).total_seconds()
        metrics.task_latency_seconds.labels(info.task_queue, info.activity_type).observe(max(0.0, waited))
        began, result = perf_counter(), "failed"
        try:
            value = await super().execute_activity(input)
            result = "done"
            return value
        finally:
            metrics.task_seconds.labels(info.task_queue, info.activity_type, result).observe(perf_counter() - began)


def key_ids(payloads: Iterable[Payload]) -> set[str]:
    """The ids of the keys that these payloads are sealed under."""
    return {payload.metadata["key-id"].decode() for payload in payloads if "key-id" in payload.metadata}
