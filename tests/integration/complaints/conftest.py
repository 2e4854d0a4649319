"""A migrated complaints database and keys of the session's own; the application without its background tasks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from deploy.stack import Stack
from services.chassis.auth import ServiceTokens
from services.chassis.db import Database
from services.chassis.keyfiles import ensure_keys
from services.chassis.migrate import upgrade
from services.chassis.settings import Settings
from services.complaints.documents import Documents
from services.complaints.main import build
from services.complaints.runtime import Runtime
from tests.integration.complaints.browsing import OWN_PAGE
from tests.integration.complaints.office import Office
from tests.integration.complaints.people import Referrals, Reporter


@pytest.fixture(scope="session")
def settings(stack_engines: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    name = f"complaints_{uuid4().hex[:12]}"

    async def create() -> None:
        admin = await asyncpg.connect(stack_engines.config.admin_dsn())
        await admin.execute(f'CREATE DATABASE "{name}" OWNER complaints_owner')
        await admin.close()

    asyncio.run(create())

    def own(variable: str) -> str:
        return stack_engines.env[variable].rsplit("/", 1)[0] + f"/{name}"

    folder = tmp_path_factory.mktemp("complaints")
    chosen = stack_engines.settings.model_copy(
        update={
            "complaints_dsn": own("HUIYIN_COMPLAINTS_DSN"),
            "complaints_owner_dsn": own("HUIYIN_COMPLAINTS_OWNER_DSN"),
            "vault_dsn": own("HUIYIN_VAULT_DSN"),
            "keys_dir": folder / "keys",
            "signers_dir": folder / "signing",
            "evidence_dir": folder / "evidence",
            "audit_dir": folder / "audit",
        }
    )
    ensure_keys(chosen)
    upgrade("complaints", chosen.complaints_owner_dsn)
    return chosen


@pytest.fixture
def evidence_dir(settings: Settings) -> Path:
    return settings.evidence_dir


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The service's own role."""
    database = Database(settings.complaints_dsn, pool_size=8, max_overflow=0, name="complaints-test")
    yield database
    await database.close()


@pytest.fixture
async def admin(settings: Settings, stack_engines: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The superuser, who sees what is really stored."""
    database = settings.complaints_dsn.rsplit("/", 1)[1]
    connection = await asyncpg.connect(stack_engines.config.admin_dsn(database))
    yield connection
    await connection.close()


@pytest.fixture
def referrals() -> Referrals:
    return Referrals()


@pytest.fixture
async def runtime(settings: Settings, db: Database, referrals: Referrals) -> AsyncIterator[Runtime]:
    started = Runtime.start(settings, db)
    documents = Documents("http://referrals", ServiceTokens("complaints", settings), referrals.transport)
    yield replace(started, documents=documents)
    await started.documents.close()
    await documents.close()


@pytest.fixture
def app(settings: Settings, runtime: Runtime) -> FastAPI:
    """The application as the process serves it; nothing of Kafka is started."""
    application = build(settings)
    application.state.runtime = runtime
    return application


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://complaints") as client:
        yield client


@pytest.fixture
def reporter(http: httpx.AsyncClient) -> Reporter:
    return Reporter(http)


@pytest.fixture
def referrals_tokens(settings: Settings) -> ServiceTokens:
    return ServiceTokens("referrals", settings)


@pytest.fixture
def office(http: httpx.AsyncClient, referrals_tokens: ServiceTokens, admin: "asyncpg.Connection[Any]") -> Office:
    return Office(http, referrals_tokens, admin)


@pytest.fixture
def browser(app: FastAPI) -> httpx.AsyncClient:
    """A reporter's, without scripts."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://complaints",
        headers={"Accept": "text/html", **OWN_PAGE},
    )
