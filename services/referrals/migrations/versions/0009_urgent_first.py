"""Queues list urgent cases first, and a page of them is read off an index."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE tasks ADD COLUMN urgent boolean NOT NULL DEFAULT false;
UPDATE tasks AS t SET urgent = true FROM cases AS c WHERE c.case_id = t.case_id AND c.urgent;
ALTER TABLE tasks ADD COLUMN rank smallint NOT NULL GENERATED ALWAYS AS (CASE WHEN urgent THEN 0 ELSE 1 END) STORED;
DROP INDEX tasks_unit, tasks_assignee;
CREATE INDEX tasks_unit ON tasks (unit_id, rank, due_key, case_id, kind);
CREATE INDEX tasks_assignee ON tasks (assignee, rank, due_key, case_id, kind);
"""


def upgrade() -> None:
    """A task knows whether its case is urgent: the rest of its order stands in the same row."""
    op.execute(TABLES)


def downgrade() -> None:
    """The order as it was; whether a case is urgent stands with the case."""
    op.execute("""
    DROP INDEX tasks_unit, tasks_assignee;
    ALTER TABLE tasks DROP COLUMN rank, DROP COLUMN urgent;
    CREATE INDEX tasks_unit ON tasks (unit_id, due_key, case_id);
    CREATE INDEX tasks_assignee ON tasks (assignee, due_key, case_id);
    """)
