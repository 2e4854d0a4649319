"""A successor that the system administrator names opens cases to others: it waits for the security administrator."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ASKED = """
ALTER TABLE units ADD COLUMN successor_asked text REFERENCES units;
-- The actor, as the audit has it; whoever asked does not confirm.
ALTER TABLE units ADD COLUMN successor_asked_by text;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(ASKED)


def downgrade() -> None:
    """Nothing else reads them."""
    op.execute("ALTER TABLE units DROP COLUMN successor_asked, DROP COLUMN successor_asked_by")
