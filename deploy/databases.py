"""Databases, roles and extensions in our own PostgreSQL. Safe to repeat; passwords follow the state folder."""

from __future__ import annotations

import asyncpg

from deploy.config import DATABASES, StackConfig

EXTENSIONS = ("ltree", "pg_trgm", "btree_gin")


async def ensure_databases(config: StackConfig) -> None:
    """One database per service: its owner role migrates, its app roles own nothing and reach no other database."""
    admin = await asyncpg.connect(config.admin_dsn(), timeout=10)
    try:
        await admin.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        await admin.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
        for database, (owner, roles) in DATABASES.items():
            for role in (owner, *roles):
                await ensure_role(admin, role, config.passwords()[role])
            await ensure_database(admin, database, owner, roles)
    finally:
        await admin.close()
    for database, (owner, roles) in DATABASES.items():
        await furnish(config, database, owner, roles)


async def ensure_role(admin: asyncpg.Connection, role: str, password: str) -> None:
    known = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if known else "CREATE"
    rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION"
    await admin.execute(f"{verb} ROLE {role} {rights} PASSWORD {literal(password)}")


async def ensure_database(admin: asyncpg.Connection, database: str, owner: str, roles: tuple[str, ...]) -> None:
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
        await admin.execute(f"CREATE DATABASE {database} OWNER {owner}")
    await admin.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT ON DATABASE {database} TO {', '.join(roles)}")


async def furnish(config: StackConfig, database: str, owner: str, roles: tuple[str, ...]) -> None:
    """Extensions (only the superuser may make them) and the schema's rights."""
    connection = await asyncpg.connect(config.admin_dsn(database), timeout=10)
    try:
        for extension in EXTENSIONS:
            await connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        await connection.execute(f"ALTER SCHEMA public OWNER TO {owner}")
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await connection.execute(f"GRANT USAGE ON SCHEMA public TO {', '.join(roles)}")
    finally:
        await connection.close()


def literal(text: str) -> str:
    """Text as an SQL literal, for the statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
