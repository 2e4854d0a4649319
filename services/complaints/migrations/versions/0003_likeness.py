"""Keyed marks by which complaints of one reporter, or with similar texts, find each other. The system alone sees them.

Complaints from before have none: they are sealed, and are found by their respondents alone.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LIKENESS = """
CREATE TABLE likeness (
    complaint_id uuid PRIMARY KEY,
    reporter bytea[] NOT NULL,
    sketch bytea
);
-- Equality of bytea is leakproof: the index serves under row-level security.
CREATE TABLE likeness_marks (
    mark bytea NOT NULL,
    complaint_id uuid NOT NULL,
    PRIMARY KEY (mark, complaint_id)
);
GRANT SELECT, INSERT ON likeness, likeness_marks TO complaints;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(LIKENESS)
    for table in ("likeness", "likeness_marks"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY system_all ON {table} USING (huiyin_role() = 'system')"
            " WITH CHECK (huiyin_role() = 'system')"
        )


def downgrade() -> None:
    """Take them away; nothing else rests on them."""
    op.execute("DROP TABLE likeness_marks, likeness")
