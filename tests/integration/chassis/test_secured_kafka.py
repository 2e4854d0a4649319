"""Kafka by TLS and password: relay and consumer reach a real broker by the settings alone, or say what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.topics import TOPICS, Topic
from deploy import probing
from deploy.stack import Stack
from deploy.topics import ensure_topics
from services.chassis import kafka
from services.chassis.db import Database
from services.chassis.outages import EngineSetup
from services.chassis.outbox import emit
from services.chassis.redaction import describe_exception
from services.chassis.relay import Relay
from services.chassis.settings import Settings
from tests.certificates import Authority
from tests.integration.chassis.broker import PASSWORD, USER, Broker, secured_broker
from tests.integration.chassis.conftest import Noted, create_topic, eventually, fresh_topic, running
from tests.integration.chassis.desk import Desk


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("kafka-certificates"))


@pytest.fixture(scope="module")
def broker(stack_engines: Stack, tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Broker]:
    with secured_broker(stack_engines.config, tmp_path_factory.mktemp("kafka"), authority) as running_broker:
        yield running_broker


@pytest.fixture
def by_password(settings: Settings, broker: Broker, authority: Authority) -> Settings:
    return settings.model_copy(
        update={
            "kafka_bootstrap": f"localhost:{broker.sasl}",
            "kafka_security": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_username": USER,
            "kafka_password": PASSWORD,
            "kafka_ca_file": str(authority.file),
        }
    )


@pytest.fixture
def by_certificate(settings: Settings, broker: Broker, authority: Authority) -> Settings:
    ours = authority.sign("huiyin")
    return settings.model_copy(
        update={
            "kafka_bootstrap": f"localhost:{broker.ssl}",
            "kafka_security": "SSL",
            "kafka_ca_file": str(authority.file),
            "kafka_cert_file": str(ours.certificate),
            "kafka_key_file": str(ours.key),
        }
    )


async def there_and_back(db: Database, settings: Settings, topic: Topic) -> None:
    """Events go through outbox and relay to the broker, and through a consumer to their effect."""
    await create_topic(settings, topic)
    desk = Desk(db, settings, topic)
    async with running(Relay(db, db.dsn, settings, "secured").run()), desk.open():
        async with db.session() as session:
            for number in range(5):
                await emit(session, topic, "case-1", Noted(case_id="case-1", number=number), subject="case-1")
        await desk.until(list(range(5)))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_events_travel_by_password_over_tls(
    db: Database, by_password: Settings, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    settings = by_password.model_copy(update={"kafka_sasl_mechanism": mechanism})
    await there_and_back(db, settings, fresh_topic(monkeypatch))


async def test_events_travel_by_certificate(
    db: Database, by_certificate: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await there_and_back(db, by_certificate, fresh_topic(monkeypatch))


async def test_set_up_readiness_and_doctor_go_the_same_way(by_password: Settings) -> None:
    assert set(await ensure_topics(by_password)) == {topic.name for topic in TOPICS}
    await kafka.ping(by_password)
    assert [finding.verdict for finding in await probing.topics(by_password)] == ["ok"]
    await probing.consumer_lag(by_password)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("password", {"kafka_password": "another"}, r"refuses the user.*HUIYIN_KAFKA_USERNAME, HUIYIN_KAFKA_PASSWORD"),
    ("password", {"kafka_username": "nobody", "kafka_sasl_mechanism": "PLAIN"}, "HUIYIN_KAFKA_USERNAME"),
    ("password", {"kafka_ca_file": "stranger"}, r"don't trust.*HUIYIN_KAFKA_CA_FILE"),
    ("password", {"kafka_ca_file": ""}, r"don't trust.*HUIYIN_KAFKA_CA_FILE"),
    ("password", {"kafka_ca_file": "nowhere.pem"}, "HUIYIN_KAFKA_CA_FILE"),
    ("password", {"kafka_security": "PLAINTEXT"}, r"breaks it off.*HUIYIN_KAFKA_SECURITY"),
    ("password", {"kafka_bootstrap": "plain"}, r"breaks it off.*HUIYIN_KAFKA_SECURITY"),
    ("certificate", {"kafka_cert_file": ""}, r"certificate.*HUIYIN_KAFKA_CERT_FILE"),
    ("certificate", {"kafka_key_file": "nowhere.pem"}, "HUIYIN_KAFKA_KEY_FILE"),
]


@pytest.fixture
def wrong(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    by_password: Settings,
    by_certificate: Settings,
    broker: Broker,
) -> Settings:
    """Good settings with one thing changed."""
    way, change = request.param
    stand_ins = {
        "stranger": str(Authority(tmp_path_factory.mktemp("stranger"), "stranger").file),
        "plain": f"localhost:{broker.plain}",
    }
    change = {name: stand_ins.get(value, value) for name, value in change.items()}
    return (by_password if way == "password" else by_certificate).model_copy(update=change)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [((way, change), says) for way, change, says in WRONG],
    indirect=["wrong"],
    ids=[f"{way}-{'-'.join(f'{name}={value}' for name, value in change.items())}" for way, change, _ in WRONG],
)
async def test_what_is_wrong_is_named_with_engine_and_setting(wrong: Settings, says: str) -> None:
    with pytest.raises(EngineSetup, match=f"^kafka .*{says}") as caught:
        await kafka.ping(wrong)
    assert wrong.kafka_password == "" or wrong.kafka_password not in str(caught.value)


def test_set_up_ends_with_that_line(by_password: Settings, stack_engines: Stack, tmp_path: Path) -> None:
    """What `huiyin up` shows when it does not come up."""
    given = {f"HUIYIN_{name.upper()}": getattr(by_password, name) for name in by_password.model_fields_set}
    given = {name: str(value) for name, value in given.items() if "KAFKA" in name or name.endswith("_DSN")}
    given |= {"HUIYIN_STATE_DIR": str(tmp_path), "HUIYIN_KAFKA_PASSWORD": "another"}
    (tmp_path / "given.json").write_text(json.dumps(given))
    done = subprocess.run(
        [sys.executable, "-m", "deploy.bootstrap"], capture_output=True, text=True, check=False, env=os.environ | given
    )
    assert done.returncode == 1, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("kafka refuses the user or the password: look at HUIYIN_KAFKA_USERNAME")


async def test_relay_and_consumer_wait_and_log_the_setting(
    db: Database, by_password: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends, nothing is lost: with the right password the event arrives."""
    wrong = by_password.model_copy(update={"kafka_password": "another"})
    topic = fresh_topic(monkeypatch)
    await create_topic(by_password, topic)
    async with db.session() as session:
        await emit(session, topic, "case-1", Noted(case_id="case-1", number=1), subject="case-1")
    with capture_logs() as logs:
        async with running(Relay(db, db.dsn, wrong, "refused").run()), Desk(db, wrong, topic).open():

            async def both() -> bool:
                return {"relay_interrupted", "kafka_away"} <= {entry["event"] for entry in logs}

            await eventually(both)
    for name in ("relay_interrupted", "kafka_away"):
        entry = next(entry for entry in logs if entry["event"] == name)
        assert entry["engine"] == "kafka"
        assert "HUIYIN_KAFKA_PASSWORD" in describe_exception(entry["exc_info"])["settings"]
    desk = Desk(db, by_password, topic)
    async with running(Relay(db, db.dsn, by_password, "let-in").run()), desk.open():
        await desk.until([1])
