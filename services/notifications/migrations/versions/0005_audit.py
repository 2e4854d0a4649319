"""The audit: hash chains that the service's role can only add to."""

from alembic import op

from services.chassis.audit import audit_ddl

revision = "notifications_0005"
down_revision = "notifications_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the function that writes them."""
    op.execute(audit_ddl("notifications"))


def downgrade() -> None:
    """It would remove the record of who read what."""
    raise NotImplementedError("restore the database from before the upgrade instead")
