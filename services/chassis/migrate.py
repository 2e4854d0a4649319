"""Alembic run from code: one chain of revisions per service, safe when several processes upgrade at once."""

import importlib.util
import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

_LOCK = 4_846_121_701
_ENV = Path(__file__).parent / "alembic_env"


def upgrade(service: str, owner_dsn: str, to: str = "head") -> list[str]:
    """Bring the service's database to the newest revision, or ``to`` one; returns those that were run, oldest first.

    `owner_dsn` is the role that owns the tables. Raises LookupError when the service has no migrations.
    """
    config = _config(service)
    engine = create_engine(_psycopg_dsn(owner_dsn), poolclass=NullPool, hide_parameters=True)
    with engine.connect() as lock:
        # A session's lock, held beside Alembic's own transaction, and freed by PostgreSQL when we die.
        lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        lock.commit()
        done: list[str] = []
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            config.attributes["done"] = done
            command.upgrade(config, to)
    return done


def current(service: str, owner_dsn: str) -> tuple[str | None, str | None]:
    """The database's revision and the newest one that the code has."""
    script = ScriptDirectory.from_config(_config(service))
    engine = create_engine(_psycopg_dsn(owner_dsn), poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        exists = connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar_one()
        known = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if exists else None
    return known, script.get_current_head()


def _config(service: str) -> Config:
    spec = importlib.util.find_spec(f"services.{service}")
    locations = list(spec.submodule_search_locations or ()) if spec else []
    versions = Path(locations[0]) / "migrations" / "versions" if locations else None
    if versions is None or not versions.is_dir():
        raise LookupError(f"{service} has no migrations")
    config = Config()
    config.set_main_option("script_location", str(_ENV))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")
    return config


def _psycopg_dsn(dsn: str) -> str:
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", dsn)
