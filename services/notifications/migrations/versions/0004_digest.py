"""An officer's notice knows the moment that it waited for: those of one moment are read as one digest."""

from alembic import op

revision = "notifications_0004"
down_revision = "notifications_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was shown before belongs to no digest."""
    op.execute("ALTER TABLE officer_notices ADD moment timestamptz")
    op.execute("COMMENT ON COLUMN officer_notices.moment IS 'business time: NULL for what did not wait'")


def downgrade() -> None:
    """Take it away; the notices stay."""
    op.execute("ALTER TABLE officer_notices DROP moment")
