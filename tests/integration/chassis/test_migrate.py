"""Migrations: many at once are safe, a second time does nothing, and the service's role owns nothing."""

from __future__ import annotations

import concurrent.futures
import uuid
from pathlib import Path

import asyncpg
import pytest

from deploy.stack import Stack
from services.chassis import migrate, schema

FIRST = '''
"""The first revision."""
from alembic import op
from services.chassis.schema import CHASSIS_DDL
revision, down_revision = "0001", None
def upgrade():
    op.execute(CHASSIS_DDL)
'''
SECOND = '''
"""The second revision."""
import time
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    time.sleep(0.5)
    op.execute("CREATE TABLE twice (id int)")
'''


@pytest.fixture
async def empty(stack_engines: Stack) -> str:
    name = f"migrate_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(stack_engines.config.admin_dsn())
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    return stack_engines.config.admin_dsn(name)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with two revisions."""
    versions = tmp_path / "sample" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "sample" / "__init__.py").write_text("")
    (versions / "0001_first.py").write_text(FIRST)
    (versions / "0002_second.py").write_text(SECOND)
    import services

    monkeypatch.setattr(services, "__path__", [*services.__path__, str(tmp_path)])


@pytest.mark.usefixtures("package")
async def test_parallel_upgrades_run_each_revision_once(empty: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(_upgrade, empty) for _ in range(4)]]
    assert sorted(map(len, done)) == [0, 0, 0, 2]
    assert migrate.current("sample", empty) == ("0002", "0002")
    assert migrate.upgrade("sample", empty) == []


def _upgrade(dsn: str) -> list[str]:
    return migrate.upgrade("sample", dsn)


def test_a_service_without_migrations_is_named() -> None:
    with pytest.raises(LookupError, match="nobody has no migrations"):
        migrate.upgrade("nobody", "postgresql://unused")


@pytest.mark.parametrize("role", ["x; DROP TABLE outbox", "", "a b"])
def test_grants_go_to_a_role_s_name_only(role: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        schema.chassis_grants(role)


@pytest.mark.parametrize("service", ["complaints", "referrals", "notifications"])
async def test_the_services_roles_own_nothing_and_policies_hold_for_the_owner_too(
    stack_engines: Stack, service: str
) -> None:
    connection = await asyncpg.connect(stack_engines.settings.dsn(service))
    try:
        owned = await connection.fetch("SELECT tablename FROM pg_tables WHERE tableowner = current_user")
        assert owned == []
        unforced = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity AND relkind = 'r'"
        )
        assert unforced == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.mine (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE outbox SET payload = ''")
    finally:
        await connection.close()
