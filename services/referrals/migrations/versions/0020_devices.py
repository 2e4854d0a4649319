"""Failures at the log-in are counted apart for devices that an officer has used before; refusals are counted for the
audit, which grows by the logarithm of their number."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# ``name_hash``: of the user name, or of a known device with it; ``of_name``: the name of a device's row.
COUNTS = """
ALTER TABLE login_failures
    ADD COLUMN of_name bytea,
    ADD COLUMN refused bigint NOT NULL DEFAULT 0;
CREATE INDEX login_failures_of_name ON login_failures (of_name) WHERE of_name IS NOT NULL;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(COUNTS)


def downgrade() -> None:
    """Every device waits for every other again."""
    op.execute("ALTER TABLE login_failures DROP COLUMN of_name, DROP COLUMN refused")
