"""PostgreSQL over TLS with the server's certificate checked: by every driver that we connect with.

The local server is built without TLS; before it stands a terminator that speaks PostgreSQL's own negotiation.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from deploy.stack import Stack
from services.chassis.db import Database, connect, rows
from services.chassis.listen import Listener
from services.chassis.migrate import current, upgrade
from services.chassis.outages import EngineSetup, engine_away
from services.chassis.outbox import CHANNEL
from services.chassis.relay import Relay
from services.chassis.settings import Settings
from tests.certificates import Authority
from tests.integration.chassis.conftest import PASSWORD, eventually, running
from tests.integration.chassis.proxy import SSL_REQUEST, tls_before

Front = Callable[[ssl.SSLContext], AbstractAsyncContextManager[Callable[[str], str]]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@pytest.fixture
def front(stack_engines: Stack, authority: Authority) -> Front:
    """The server behind TLS; gives what turns an address of the stack's into the one there, fully checked."""
    port = stack_engines.config.ports["postgres"]

    @asynccontextmanager
    async def opened(context: ssl.SSLContext) -> AsyncIterator[Callable[[str], str]]:
        async with tls_before("127.0.0.1", port, context, asked=SSL_REQUEST) as secured:

            def checked(dsn: str) -> str:
                address = dsn.replace(f"127.0.0.1:{port}", f"localhost:{secured}")
                return f"{address}?sslmode=verify-full&sslrootcert={authority.file}"

            yield checked

    return opened


async def test_service_relay_wake_up_and_migrations_work_over_tls(
    front: Front, authority: Authority, dsns: tuple[str, str], settings: Settings, stack_engines: Stack
) -> None:
    async with front(authority.sign().server_context()) as checked:
        dsn = checked(dsns[0])
        db = Database(dsn, name="secured")
        try:
            async with db.read() as session:
                assert (await rows(session, "SELECT current_user AS me"))[0]["me"] == "chassis"
            async with Listener(dsn, CHANNEL) as listener, running(Relay(db, dsn, settings, "secured").run()):
                await listener.wait(0.01)
                waiting = asyncio.create_task(listener.wait(30))
                await asyncio.sleep(0)
                async with db.session() as session:
                    await rows(session, f"SELECT pg_notify('{CHANNEL}', '')")
                async with asyncio.timeout(10):
                    await waiting
                await eventually(lambda: relay_connected(db))
        finally:
            await db.close()
        owner = checked(stack_engines.settings.owner_dsn("notifications"))
        assert await asyncio.to_thread(upgrade, "notifications", owner) == []
        known, newest = await asyncio.to_thread(current, "notifications", owner)
        assert known == newest


async def relay_connected(db: Database) -> bool:
    async with db.read() as session:
        return bool(await rows(session, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'secured-relay'"))


async def refused(dsn: str) -> EngineSetup:
    """How a service meets this address."""
    db = Database(dsn)
    try:
        with pytest.raises(EngineSetup) as caught:
            await db.ping()
    finally:
        await db.close()
    assert engine_away(caught.value) == "postgres"  # waited out, not held against a message
    assert PASSWORD not in str(caught.value)
    return caught.value


async def test_whom_we_don_t_trust_gets_no_password(
    front: Front, authority: Authority, dsns: tuple[str, str], tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger", "stranger")
    async with front(stranger.sign().server_context()) as checked:
        assert "postgres shows a certificate that we don't trust: look at sslrootcert in HUIYIN_*_DSN" in str(
            await refused(checked(dsns[0]))
        )
        with pytest.raises(OperationalError, match="certificate verify failed"):
            await asyncio.to_thread(current, "notifications", checked(dsns[1]))
    async with front(authority.sign("elsewhere.example").server_context()) as checked:
        assert "for another name: look at the host in HUIYIN_*_DSN" in str(await refused(checked(dsns[0])))


async def test_what_else_is_wrong_is_named(front: Front, authority: Authority, dsns: tuple[str, str]) -> None:
    assert "sslmode in HUIYIN_*_DSN" in str(await refused(f"{dsns[0]}?sslmode=require")), "the server has no TLS"
    async with front(authority.sign().server_context()) as checked:
        wrong = checked(dsns[0]).replace(PASSWORD, "another")
        assert "refuses the role, its password" in str(await refused(wrong))
        lost = checked(dsns[0]).replace(str(authority.file), "nowhere.pem")
        assert "names a missing file" in str(await refused(lost))
        with pytest.raises(EngineSetup, match="HUIYIN_VAULT_DSN"):
            await connect(wrong, setting="HUIYIN_VAULT_DSN")
