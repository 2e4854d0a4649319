"""The referrals service on the engines: a database of its own per session, units and officers, cases in every state."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from deploy.stack import Stack
from services.chassis import telemetry, temporal
from services.chassis.db import Database
from services.chassis.migrate import upgrade
from services.chassis.settings import Settings
from services.referrals.activities import Activities
from services.referrals.calendar import StateCouncilCalendar
from services.referrals.main import build
from services.referrals.service.duplicates import Searching
from services.referrals.service.openings import IdentityOpenings
from services.referrals.service.registry import Registry
from services.referrals.service.steps import Steps
from services.referrals.workflow_worker import make_worker
from tests.integration.referrals.browsing import Browsers
from tests.integration.referrals.likeness import Complaints
from tests.integration.referrals.office import PEOPLE, TREE, Office
from tests.integration.referrals.vault import Vault, running


@contextmanager
def own_database(stack_engines: Stack, to: str = "head") -> Iterator[Settings]:
    """The engines' settings with an empty referrals database, migrated up to a revision."""
    name = f"referrals_{uuid4().hex[:12]}"

    async def admin(statement: str) -> None:
        connection = await asyncpg.connect(stack_engines.config.admin_dsn())
        await connection.execute(statement)
        await connection.close()

    asyncio.run(admin(f'CREATE DATABASE "{name}" OWNER referrals_owner'))
    base = stack_engines.settings
    there = {
        field: f"{getattr(base, field).rsplit('/', 1)[0]}/{name}" for field in ("referrals_dsn", "referrals_owner_dsn")
    }
    # A database of its own has anchors of its own.
    own = base.model_copy(update={**there, "audit_dir": base.state_dir / "audit" / name})
    upgrade("referrals", own.owner_dsn("referrals"), to)
    telemetry.setup("referrals", own)
    yield own
    asyncio.run(admin(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def settings(stack_engines: Stack) -> Iterator[Settings]:
    """Of the running service."""
    with own_database(stack_engines) as own:
        yield own


@pytest.fixture(scope="session")
def still_settings(stack_engines: Stack) -> Iterator[Settings]:
    """Of a database that no service works on: its outbox keeps what is written."""
    with own_database(stack_engines) as own:
        yield own


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def still_db(still_settings: Settings) -> AsyncIterator[Database]:
    """The database that no service works on, with units."""
    database = Database(still_settings.dsn("referrals"))
    await Registry(database).load(TREE, ())
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The database as the service's own role, with units and accounts."""
    database = Database(settings.dsn("referrals"))
    await Registry(database).load(TREE, PEOPLE, invented_people=True)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app(settings: Settings, db: Database) -> AsyncIterator[FastAPI]:
    """The whole process in this one (API, relay, bridge, activities), and a worker for the case workflow."""
    application = build(settings)
    client = await temporal.connect(settings)
    async with application.router.lifespan_context(application):
        activities = Activities(Steps(db, StateCouncilCalendar(), application.state.services.texts))
        async with make_worker(client, settings, activities):
            yield application


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def office(app: FastAPI) -> AsyncIterator[Office]:
    """Officers who speak HTTP."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://referrals", timeout=30) as http:
        yield Office(http, app.state.client, app.state.db)


@pytest_asyncio.fixture(loop_scope="session")
async def browsers(app: FastAPI) -> AsyncIterator[Browsers]:
    """A browser for every officer who is asked for, logged in."""
    made = Browsers(app)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def complaints(app: FastAPI, db: Database) -> AsyncIterator[Complaints]:
    """The service that knows reporters and texts, as the test says."""
    there, before = Complaints(), app.state.services
    async with httpx.AsyncClient(transport=httpx.MockTransport(there.answer)) as http:
        searching = Searching(db, before.casebook, http, before.tokens, "http://complaints")
        app.state.services = replace(before, searching=searching)
        yield there
        app.state.services = before


@pytest_asyncio.fixture(loop_scope="session")
async def vault(app: FastAPI, db: Database, settings: Settings) -> AsyncIterator[Vault]:
    """The vault, as the service's openings reach it."""
    before = app.state.services
    async with running(settings) as there, httpx.AsyncClient(transport=there.transport) as http:
        opened = IdentityOpenings(db, before.casebook, http, before.tokens, "http://vault")
        app.state.services = replace(before, openings=opened)
        yield there
        app.state.services = before


@pytest.fixture
def requiring_factors(app: FastAPI) -> Iterator[None]:
    """The agency requires a second factor of every officer."""
    identities = app.state.services.identities
    before, identities.policy = identities.policy, replace(identities.policy, factor_required=True)
    yield
    identities.policy = before
