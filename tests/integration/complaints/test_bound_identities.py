"""An identity is its complaint's: moved to another one in the database it opens no more, and the verification tells.
Those from before identities were bound open after the upgrade."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from deploy.stack import Stack
from services.chassis.db import asyncpg_dsn
from services.chassis.migrate import upgrade
from services.chassis.settings import Settings
from services.chassis.vault_keys import BOUND, load_vault_public
from services.complaints.vault.binding import ACTION, Bindings
from services.complaints.vault.main import build
from tests.integration.complaints.people import Reporter
from tests.integration.complaints.test_vault import PERSON, Notifications, notifications, token_of

__all__ = ["notifications"]

INSERT = "INSERT INTO vault.sealed_identities (contact_token, complaint_id, sealed) VALUES ($1, $2, $3)"


async def wrong(settings: Settings, chains: Sequence[str] | None = None) -> dict[str, str]:
    """What the verification says, by chain, in the role that it has."""
    connection = await asyncpg.connect(asyncpg_dsn(settings.vault_dsn))
    try:
        await connection.execute("SET huiyin.role = 'system'")
        return {chain: text async for chain, text in Bindings().findings(connection, chains)}
    finally:
        await connection.close()


async def test_an_identity_that_was_moved_opens_nothing_and_is_found(
    reporter: Reporter, notifications: Notifications, admin: "asyncpg.Connection[Any]", settings: Settings
) -> None:
    token = await token_of(admin, await reporter.submitted(reporter=PERSON, ways=["EMAIL"]))
    own = await admin.fetchval("SELECT complaint_id FROM complaints WHERE contact_token = $1", token)
    other = await reporter.submitted()
    complaint_id, case_id = await admin.fetchrow(
        "SELECT complaint_id, case_id FROM complaints JOIN complaint_cases USING (complaint_id) WHERE case_number = $1",
        other["case_number"],
    )
    chain = f"case/{case_id}"
    assert await wrong(settings, [chain]) == {}
    move = "UPDATE vault.sealed_identities SET complaint_id = $2 WHERE contact_token = $1"
    await admin.execute(move, token, complaint_id)
    try:
        refused = await notifications.open(token)
        assert refused.status_code == 500
        assert PERSON["email"] not in refused.text
        assert "not at the complaint that it was left with" in (await wrong(settings, [chain]))[chain]
        assert chain in await wrong(settings)
        assert await wrong(settings, [f"case/{uuid4()}"]) == {}
    finally:
        await admin.execute(move, token, own)
    assert (await notifications.open(token)).json()["email"] == PERSON["email"]


class Before:
    """A database as it was before identities were bound, with identities in it."""

    def __init__(self, settings: Settings, admin: "asyncpg.Connection[Any]") -> None:
        self.settings, self.admin = settings, admin
        self.token, self.complaint_id, self.broken = uuid4(), uuid4(), uuid4()
        self.sealed = self.seal(self.token)

    def seal(self, token: UUID) -> bytes:
        data = json.dumps({"email": "z@example.org", "ways": ["EMAIL"]}).encode()
        return load_vault_public(self.settings.keys_dir).seal(data, str(token).encode())

    async def stored(self, token: UUID) -> bytes:
        kept = "SELECT sealed FROM vault.sealed_identities WHERE contact_token = $1"
        return bytes(await self.admin.fetchval(kept, token))

    async def open(self, app: FastAPI, token: UUID) -> int:
        """What notifications gets from the vault, once that has looked over what is there."""
        async with app.router.lifespan_context(app):
            while not app.state.keys.bound_only:
                await asyncio.sleep(0.02)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://vault") as http:
                return (await Notifications(http, self.settings).open(token)).status_code


@pytest.fixture
async def before(settings: Settings, stack_engines: Stack) -> AsyncIterator[Before]:
    name = f"unbound_{uuid4().hex[:12]}"
    server = await asyncpg.connect(stack_engines.config.admin_dsn())
    await server.execute(f'CREATE DATABASE "{name}" OWNER complaints_owner')
    own = {
        variable: getattr(settings, variable).rsplit("/", 1)[0] + f"/{name}"
        for variable in ("complaints_dsn", "complaints_owner_dsn", "vault_dsn")
    }
    chosen = settings.model_copy(update=own)
    await asyncio.to_thread(upgrade, "complaints", chosen.complaints_owner_dsn, "0015")
    admin = await asyncpg.connect(stack_engines.config.admin_dsn(name))
    found = Before(chosen, admin)
    await admin.execute(INSERT, found.token, found.complaint_id, found.sealed)
    await admin.execute(INSERT, found.broken, uuid4(), b"\x02HVnothing that opens")
    await asyncio.to_thread(upgrade, "complaints", chosen.complaints_owner_dsn)
    yield found
    await admin.close()
    await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await server.close()


async def test_identities_of_before_open_after_the_upgrade_and_are_bound_once(before: Before) -> None:
    assert await before.open(build(before.settings), before.token) == 200
    assert (await before.stored(before.token)).startswith(BOUND)
    details = await before.admin.fetch("SELECT details FROM vault.audit_log WHERE action = $1", ACTION)
    assert [json.loads(row["details"]) for row in details] == [{"bound": 1, "broken": 1}]
    # A copy of before, from a backup, by who may do anything in the database.
    moved, complaint_id = uuid4(), uuid4()
    await before.admin.execute("SET session_replication_role = replica")
    await before.admin.execute(INSERT, moved, complaint_id, before.seal(moved))
    assert await before.open(build(before.settings), moved) == 500
    assert not (await before.stored(moved)).startswith(BOUND), "a second start binds nothing"
    assert "bound to no complaint" in (await wrong(before.settings))[f"contact/{moved}"]


async def test_an_identity_that_is_not_bound_is_not_taken(before: Before) -> None:
    for table, key in (("sealed_identities", "contact_token"), ("corrections", "request_id")):
        connection = await asyncpg.connect(asyncpg_dsn(before.settings.complaints_dsn))
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                f"INSERT INTO vault.{table} ({key}, complaint_id, sealed) VALUES ($1, $2, $3)",
                uuid4(),
                uuid4(),
                before.sealed,
            )
        await connection.close()
