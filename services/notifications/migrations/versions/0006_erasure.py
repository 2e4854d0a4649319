"""A settled notice does not change, but goes with its case when its time is over."""

from alembic import op

revision = "notifications_0006"
down_revision = "notifications_0005"
branch_labels = None
depends_on = None

# The service's role may delete no notice; the tables' owner does, and says that he is erasing.
STAY = """
CREATE OR REPLACE FUNCTION notices_settled_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('huiyin.erasing', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a settled notice does not change' USING ERRCODE = 'restrict_violation';
END $$;
"""


def upgrade() -> None:
    """Let a deletion that says what it is through."""
    op.execute(STAY)


def downgrade() -> None:
    """As before: no settled notice goes."""
    op.execute(STAY.replace("current_setting('huiyin.erasing', true) = 'on'", "false"))
