"""Alembic's environment: runs the revisions on the connection that migrate.py hands over, in its one transaction."""

from alembic import context

config = context.config


def record(**step: object) -> None:
    """Note what ran, for the caller."""
    info = step["step"]
    if info.is_upgrade:  # type: ignore[attr-defined]
        config.attributes["done"].append(info.up_revision_id)  # type: ignore[attr-defined]


context.configure(connection=config.attributes["connection"], target_metadata=None, on_version_apply=record)
with context.begin_transaction():
    context.run_migrations()
