"""Apache Kafka, one node in KRaft mode, run from Maven's jars by Java."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from deploy.config import ENGINE_HOST, PROJECT, StackConfig
from deploy.probes import kafka_ready
from deploy.processes import EngineError, ProcessSpec, base_env

JAVA_AT_LEAST = 17
# One small broker never repays what the optimising compiler takes: C1 alone.
COMPILER = "-XX:TieredStopAtLevel=1"
HEAP = ("-Xms128m", "-Xmx512m", "-XX:MaxMetaspaceSize=160m", "-XX:ReservedCodeCacheSize=96m", "-Xss512k")
DAYS_30_MINUTES = 30 * 24 * 60


def spec(config: StackConfig) -> ProcessSpec:
    """The broker and its controller in one process."""
    return ProcessSpec(
        name="kafka",
        argv=(
            *java(config),
            *HEAP,
            COMPILER,
            "-XX:+UseSerialGC",
            "-Djava.awt.headless=true",
            log_option(),
            "kafka.Kafka",
            str(properties_path(config)),
        ),
        env=base_env(config) | {"HUIYIN_PROCESS": "kafka"},
        ready=kafka_ready(ENGINE_HOST, config.ports["kafka"]),
        ports=("kafka", "kafka_controller"),
        tier=0,
        stop_seconds=30.0,
        ready_seconds=90.0,
        prepare=lambda: prepare(config),
    )  # fmt: skip


def java(config: StackConfig) -> tuple[str, ...]:
    return ("java", "-cp", str(config.kafka_jars / "*"))


def log_option() -> str:
    return f"-Dlog4j2.configurationFile={PROJECT / 'deploy' / 'kafka' / 'log4j2.properties'}"


def properties_path(config: StackConfig) -> Path:
    return config.state_dir / "kafka" / "server.properties"


def java_version() -> int | None:
    """The major version of `java` on the path, None when there is none."""
    program = shutil.which("java")
    if program is None:
        return None
    done = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', done.stderr + done.stdout)
    return int(found[1]) if done.returncode == 0 and found else None


def prepare(config: StackConfig) -> None:
    """Check Java and jars, write server.properties, format the storage once."""
    version = java_version()
    if version is None or version < JAVA_AT_LEAST:
        have = "there is none" if version is None else f"version {version} is too old"
        raise EngineError(
            f"Kafka needs Java {JAVA_AT_LEAST} or later, {have}: "
            "apt-get install openjdk-17-jre-headless (macOS: brew install openjdk@17)"
        )
    if not any(config.kafka_jars.glob("kafka_2.13-*.jar")):
        raise EngineError(f"Kafka's jars are not in {config.kafka_jars}: run `make setup`")
    folder = config.state_dir / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    properties_path(config).write_text(server_properties(config))
    if not (folder / "data" / "meta.properties").exists():
        format_storage(config)


def format_storage(config: StackConfig) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    argv = [*java(config), "-Xmx128m", COMPILER, log_option(), "kafka.tools.StorageTool", "format"]
    # `=`: an id may begin with a dash
    argv += [f"--cluster-id={cluster}", "--ignore-formatted", "-c", str(properties_path(config))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(f"Kafka cannot format its storage: {(done.stderr or done.stdout).strip()[-400:]}")


def server_properties(config: StackConfig) -> str:
    """One node that keeps what it has answered through kill -9 of itself (the page cache survives a process)."""
    port, controller = config.ports["kafka"], config.ports["kafka_controller"]
    properties = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{ENGINE_HOST}:{controller}",
        "listeners": f"PLAINTEXT://{ENGINE_HOST}:{port},CONTROLLER://{ENGINE_HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{ENGINE_HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(config.state_dir / "kafka" / "data"),
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "3",
        # A consumer that was off for a holiday goes on where it stopped.
        "offsets.retention.minutes": str(DAYS_30_MINUTES),
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # After kill -9 the controller waits for its predecessor's session to end: 9 s by default.
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "3000",
        "group.min.session.timeout.ms": "3000",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "log.segment.bytes": str(64 * 1024 * 1024),
        "log.index.size.max.bytes": str(1024 * 1024),
        "metadata.log.segment.bytes": str(16 * 1024 * 1024),
        "message.max.bytes": str(1024 * 1024),
        "controlled.shutdown.enable": "true",
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())
