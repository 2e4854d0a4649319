"""The whole process on real Kafka, PostgreSQL and SMTP, killed with -9 again and again while notices are under way."""

import asyncio
import json
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from contracts.cases import CaseTransitioned
from contracts.complaints import ComplaintSubmitted
from contracts.envelope import Envelope, Event
from deploy.config import PROJECT
from deploy.ports import free_ports
from deploy.stack import Stack
from services.chassis.db import Database
from services.notifications.domain import notice_id, notices_for, receipt_for
from services.notifications.settings import NotificationSettings
from tests.integration.notifications.helpers import Mailserver, rows, until
from tests.integration.notifications.test_ledger import life
from tests.unit.notifications.events import AT, submitted


@pytest.fixture
def vault_url() -> Iterator[str]:
    """A vault on a real socket: every token's address is `<token>@example.com`."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = json.dumps({"email": f"{body['contact_token']}@example.com", "language": "zh"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class Process:
    """The service as the supervisor starts it."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.running: asyncio.subprocess.Process | None = None
        self.said = b""

    async def start(self) -> None:
        self.running = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.notifications.main",
            env=self.env,
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        assert self.running is not None
        self.running.send_signal(number)
        said, _ = await self.running.communicate()
        self.said += said


def process_of(stack: Stack, settings: NotificationSettings, vault_url: str) -> Process:
    ours = {
        "HUIYIN_NOTIFICATIONS_DSN": settings.notifications_dsn,
        "HUIYIN_NOTIFICATIONS_PORT": str(free_ports()["notifications"]),
        "HUIYIN_KEYS_DIR": str(settings.keys_dir),
        "HUIYIN_SIGNERS_DIR": str(settings.signers_dir),
        "HUIYIN_VAULT_URL": vault_url,
        "HUIYIN_SMTP_HOST": settings.smtp_host,
        "HUIYIN_SMTP_PORT": str(settings.smtp_port),
        "HUIYIN_SMTP_TIMEOUT_SECONDS": "1.5",
        "HUIYIN_SENDER_LEASE_SECONDS": "2",
        "HUIYIN_MAIL_FROM": settings.mail_from,
        "HUIYIN_LOG_FORMAT": "json",
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HUIYIN_")}
    return Process(clean | stack.env | ours)


async def publish(stack: Stack, events: list[tuple[UUID, Event]]) -> None:
    """As the relays of the other services do, but with repetitions."""
    producer = AIOKafkaProducer(bootstrap_servers=stack.env["HUIYIN_KAFKA_BOOTSTRAP"], acks="all")
    await producer.start()
    try:
        for event_id, event in events:
            envelope = Envelope(event_id, "/test", event.TYPE, event.key, AT)
            await producer.send(
                event.TOPIC.name,
                event.model_dump_json().encode(),
                key=event.key.encode(),
                headers=[(name, value.encode()) for name, value in envelope.headers().items()],
            )
        await producer.flush()
    finally:
        await producer.stop()


def expected_notices(events: list[tuple[UUID, Event]]) -> set[UUID]:
    """Every notice that these events owe."""
    owed: set[UUID] = set()
    for event_id, event in events:
        if isinstance(event, ComplaintSubmitted):
            planned = [receipt_for(event)]
        elif isinstance(event, CaseTransitioned):
            planned = list(notices_for(event))
        owed |= {notice_id(event_id, notice.recipient, notice.template) for notice in planned}
    return owed


async def sent_so_far(mailserver: Mailserver, number: int) -> bool:
    return len(mailserver.taken) >= number


@pytest.mark.timeout(300)
async def test_killed_again_and_again_every_notice_ends_once_and_no_mail_is_lost(
    stack_engines: Stack, db: Database, mailserver: Mailserver, settings: NotificationSettings, vault_url: str
) -> None:
    chance = random.Random(20260918)
    complaints = [submitted() for _ in range(25)]
    steps: list[tuple[UUID, Event]] = [(uuid4(), step) for complaint in complaints for step in life(complaint)]
    births: list[tuple[UUID, Event]] = [(uuid4(), complaint) for complaint in complaints]
    expected = expected_notices(steps + births)
    mine = [complaint.case_ids[0] for complaint in complaints]
    mailserver.hold = 0.3  # long enough that every kill hits some mail under way

    async def settled() -> set[UUID]:
        found = await rows(
            db, "SELECT notice_id FROM notices WHERE case_id = ANY(:mine) AND settled_at IS NOT NULL", mine=mine
        )
        return {row.notice_id for row in found}

    process = process_of(stack_engines, settings, vault_url)
    await process.start()
    try:
        # Steps come before their complaints, and everything comes twice.
        await publish(stack_engines, steps + steps[:40])
        await publish(stack_engines, births + births + steps)
        for kills in range(1, 6):
            await until(lambda kills=kills: sent_so_far(mailserver, kills * 12), 40)
            await asyncio.sleep(chance.uniform(0, 0.3))
            await process.stop()
            if chance.random() < 0.5:
                mailserver.stop()
            await process.start()
            await asyncio.sleep(0.5)
            mailserver.stop()
            mailserver.start()

        async def all_settled() -> bool:
            return await settled() == expected

        await until(all_settled, 90)
    finally:
        await process.stop(signal.SIGTERM)

    ledger = await rows(db, "SELECT * FROM notices WHERE case_id = ANY(:mine)", mine=mine)
    assert Counter(row.notice_id for row in ledger) == Counter(expected)
    sent = Counter(
        line.partition(b"<")[2].partition(b"@")[0].decode()
        for _, content in mailserver.taken
        for line in content.splitlines()
        if line.lower().startswith(b"message-id:")
    )
    mails = {str(row.notice_id): row for row in ledger if row.way == "EMAIL"}
    assert set(mails) <= set(sent), "delivered in the ledger, and really taken by the server"
    for identity, row in mails.items():
        assert row.state == "DELIVERED"
        assert sent[identity] == 1 or row.possibly_repeated, "whatever went twice is marked"
    assert any(row.possibly_repeated for row in mails.values()), "no kill hit anything: this run proved nothing"
    assert b"@example.com" not in process.said
    assert b"background_task_died" not in process.said
