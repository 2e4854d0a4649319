"""A ledger of its own per test on the engines' PostgreSQL, a mail server with moods, and a vault that says who."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.ports import free_ports
from deploy.stack import Stack
from services.chassis import telemetry
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.chassis.keyfiles import ensure_keys
from services.chassis.migrate import upgrade
from services.notifications.address import Vault
from services.notifications.sender import Sender
from services.notifications.settings import NotificationSettings
from services.notifications.smtp import Mailer
from tests.integration.notifications.helpers import FakeVault, Mailserver, Sending


@pytest.fixture(scope="session", autouse=True)
def _logs_as_in_production() -> None:
    """Unconfigured, structlog draws tracebacks with all their variables: seconds of work, in the middle of a mail."""
    telemetry.setup("notifications", NotificationSettings(log_format="json"))
    logging.getLogger("mail").setLevel(logging.CRITICAL)  # the mail server's own log, which is not ours to judge


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of all signers."""
    folder = tmp_path_factory.mktemp("notification-keys")
    ensure_keys(NotificationSettings(keys_dir=folder, vault_keys_dir=folder / "vault", signers_dir=folder / "signing"))
    return folder


@pytest.fixture(scope="session")
def databases(stack_engines: Stack) -> Callable[..., tuple[str, str]]:
    """Makes an empty database for the notifications role, migrated to a revision; gives (its DSN, its owner's DSN)."""
    admin = stack_engines.config.admin_dsn()

    def make(to: str = "head") -> tuple[str, str]:
        name = f"ledger_{uuid4().hex[:12]}"

        async def create() -> None:
            connection = await asyncpg.connect(admin)
            await connection.execute(f'CREATE DATABASE "{name}" OWNER notifications_owner')
            await connection.close()

        asyncio.run(create())
        own = stack_engines.env["HUIYIN_NOTIFICATIONS_DSN"].rsplit("/", 1)[0] + f"/{name}"
        owner = stack_engines.env["HUIYIN_NOTIFICATIONS_OWNER_DSN"].rsplit("/", 1)[0] + f"/{name}"
        upgrade("notifications", owner, to)
        return own, owner

    return make


@pytest.fixture
def dsn(databases: Callable[..., tuple[str, str]]) -> str:
    """A fresh ledger."""
    return databases()[0]


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Database]:
    """The service's own role on it."""
    database = Database(dsn, name="notifications-test")
    yield database
    await database.close()


@pytest.fixture
def mailserver() -> Iterator[Mailserver]:
    """A mail server that listens."""
    server = Mailserver(free_ports()["mailsink_smtp"])
    server.start()
    yield server
    server.stop()


@pytest.fixture
def vault() -> FakeVault:
    """A vault that knows nobody yet."""
    return FakeVault()


@pytest.fixture
def settings(mailserver: Mailserver, keys_dir: Path, dsn: str) -> NotificationSettings:
    """Quick ones."""
    return NotificationSettings(
        notifications_dsn=dsn,
        keys_dir=keys_dir,
        signers_dir=keys_dir / "signing",
        smtp_host="127.0.0.1",
        smtp_port=mailserver.port,
        smtp_timeout_seconds=1.5,
        sender_lease_seconds=2.0,
        sender_poll_seconds=0.05,
        public_url="https://huiyin.example",
        mail_from="huiyin@example.org",
    )


@pytest.fixture
def sending(db: Database, vault: FakeVault, settings: NotificationSettings) -> Sending:
    """``async with sending():`` runs the sender; leaving ends it as a SIGTERM would."""
    tokens = ServiceTokens("notifications", settings)

    @asynccontextmanager
    async def run() -> AsyncIterator[Sender]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(vault.answer)) as client:
            sender = Sender(db, Vault(client, "http://vault.invalid", tokens), Mailer(settings), settings)
            task = asyncio.create_task(sender.run())
            try:
                yield sender
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    return run
