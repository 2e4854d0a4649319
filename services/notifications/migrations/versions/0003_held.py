"""Reminders to units wait for their working hours."""

from alembic import op

revision = "notifications_0003"
down_revision = "notifications_0002"
branch_labels = None
depends_on = None

HELD = """
ALTER TABLE notices ADD hold_until timestamptz;
COMMENT ON COLUMN notices.hold_until IS 'business time: a reminder to a unit is shown from then on';
CREATE INDEX notices_held ON notices (hold_until) WHERE state = 'PENDING' AND hold_until IS NOT NULL;
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(HELD)


def downgrade() -> None:
    """Reminders that are held would never be shown without it."""
    raise NotImplementedError("let the held reminders go out first, then drop the column")
