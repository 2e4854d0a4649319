"""A Kafka broker of the test's own, from the same jars, that speaks TLS and asks for passwords."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.config import StackConfig
from deploy.engines import kafka
from deploy.ports import free_ports
from deploy.probes import kafka_ready
from tests.certificates import Authority, Signed

USER, PASSWORD = "huiyin", "let-us-in"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
CLUSTER = "aHVpeWluLXRlc3RzLTAwMA"


@dataclass(frozen=True)
class Broker:
    """Ports of its listeners: by password over TLS, by certificate, and in the clear."""

    sasl: int
    ssl: int
    plain: int


@contextmanager
def secured_broker(config: StackConfig, folder: Path, authority: Authority) -> Iterator[Broker]:
    """Runs one until the block ends; `config` says where the jars are."""
    ports = list(free_ports().values())
    broker, controller = Broker(*ports[:3]), ports[3]
    properties = folder / "server.properties"
    properties.write_text(_properties(config, folder, broker, controller, authority, authority.sign()))
    java = (*kafka.java(config), *kafka.HEAP, kafka.COMPILER, kafka.log_option())
    with (folder / "kafka.log").open("wb") as log:
        users = [f"--add-scram={kind}=[name={USER},password={PASSWORD}]" for kind in SCRAM]
        format_ = ("kafka.tools.StorageTool", "format", f"--cluster-id={CLUSTER}", "-c", str(properties), *users)
        subprocess.run((*java, *format_), check=True, stdout=log, stderr=log)
        process = subprocess.Popen((*java, "kafka.Kafka", str(properties)), stdout=log, stderr=log, env=os.environ)
        try:
            end = time.monotonic() + 60
            while not asyncio.run(kafka_ready("127.0.0.1", broker.plain)()):
                assert process.poll() is None, (folder / "kafka.log").read_text()[-2000:]
                assert time.monotonic() < end, "the broker does not start"
                time.sleep(0.1)
            yield broker
        finally:
            process.kill()
            process.wait()


def _properties(
    config: StackConfig, folder: Path, broker: Broker, controller: int, authority: Authority, own: Signed
) -> str:
    """The stack's own ones, and below them (the later line wins) what makes it ask who comes."""
    listeners = f"SASL_SSL://127.0.0.1:{broker.sasl},SSL://127.0.0.1:{broker.ssl},PLAINTEXT://127.0.0.1:{broker.plain}"
    keys = folder / "keystore.pem"
    keys.write_bytes(own.key.read_bytes() + own.certificate.read_bytes())
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
    changed = {
        "log.dirs": str(folder / "data"),
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keys),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.ssl.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM)),
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{plain} required user_{USER}="{PASSWORD}";',
        **{f"listener.name.sasl_ssl.{kind.lower()}.sasl.jaas.config": f"{scram} required;" for kind in SCRAM},
    }
    return kafka.server_properties(config) + "".join(f"{name}={value}\n" for name, value in changed.items())
