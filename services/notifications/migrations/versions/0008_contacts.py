"""A reporter's ways may follow what was granted: corrected, restricted, or deleted."""

from alembic import op

revision = "notifications_0008"
down_revision = "notifications_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the service change these columns."""
    op.execute("GRANT UPDATE (contact_token, ways, named) ON recipients TO notifications")


def downgrade() -> None:
    """As before: the first word holds."""
    op.execute("REVOKE UPDATE (contact_token, ways, named) ON recipients FROM notifications")
