"""The audit: hash chains that the service's role can only add to."""

from alembic import op

from services.chassis.audit import audit_ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the function that writes them."""
    op.execute(audit_ddl("complaints"))
    op.execute(audit_ddl("vault", "vault"))


def downgrade() -> None:
    """It would remove the record of who read what."""
    raise NotImplementedError("restore the database from before the upgrade instead")
