"""Reorganisation: what a unit stands for after others were merged into it, and who takes the tasks of who leaves."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = """
-- Units that are no more and that this one or one above it succeeds: whoever accuses them accuses it.
ALTER TABLE units ADD COLUMN stands_for text[] NOT NULL DEFAULT '{}';
-- The colleague who takes the tasks of an account that was closed; NULL: they go back to their units' queues.
ALTER TABLE accounts ADD COLUMN heir_id text REFERENCES accounts;
CREATE INDEX units_succeeded ON units (unit_id) WHERE successor_id IS NOT NULL;
"""

# The rule of who is accused stands alike in all three; nothing else of them changes.
ACCUSED = """
DO $do$
DECLARE
    name regprocedure;
BEGIN
    FOREACH name IN ARRAY ARRAY['case_visible(uuid)', 'visible_cases()', 'watched_tasks(text)']::regprocedure[] LOOP
        EXECUTE replace(pg_get_functiondef(name), 'ANY (own.path)', 'ANY (own.path || own.stands_for)');
    END LOOP;
END
$do$;
"""


def upgrade() -> None:
    """Add the columns; a successor is accused with its predecessor."""
    op.execute(COLUMNS)
    op.execute(ACCUSED)


def downgrade() -> None:
    """Without the columns an accused unit's successor would see the report."""
    raise NotImplementedError("restore the database from before the upgrade instead")
