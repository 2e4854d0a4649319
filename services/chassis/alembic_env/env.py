"""Alembic's environment: runs the revisions on the connection that migrate.py hands over, in its one transaction."""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

config = context.config


def record(ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]) -> None:
    """Note what ran, for the caller."""
    if step.is_upgrade:
        config.attributes["done"].append(step.up_revision_id)


context.configure(connection=config.attributes["connection"], target_metadata=None, on_version_apply=record)
with context.begin_transaction():
    context.run_migrations()
