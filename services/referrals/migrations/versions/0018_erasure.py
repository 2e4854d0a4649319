"""What was erased of a case and why, and what keeps a case from it. The service's role has no part in either."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# A deletion is begun on record before anything goes, and ends with the counts of what went.
TABLES = """
CREATE TABLE erasures (
    case_id uuid NOT NULL,
    data_class text NOT NULL CHECK (data_class IN ('IDENTITY', 'NOTICE', 'CONTENT')),
    complaint_ids uuid[] NOT NULL,
    last_hash text NOT NULL,
    reason text NOT NULL CHECK (reason ~ '^[A-Z][A-Z0-9_]{1,40}$'),
    actor text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}',
    digest text,
    PRIMARY KEY (case_id, data_class),
    CHECK ((done_at IS NULL) = (digest IS NULL))
);
CREATE TABLE legal_holds (
    hold_id bigserial PRIMARY KEY,
    case_id uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lift_reason text CHECK (length(lift_reason) BETWEEN 1 AND 200),
    lifted_by text,
    lifted_at timestamptz,
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_reason IS NULL))
);
CREATE UNIQUE INDEX legal_holds_one ON legal_holds (case_id) WHERE lifted_at IS NULL;
"""


def upgrade() -> None:
    """Add the tables, for their owner alone."""
    op.execute(TABLES)
    for table in ("erasures", "legal_holds"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")


def downgrade() -> None:
    """It would remove the record of what was erased."""
    raise NotImplementedError("restore the database from before the upgrade instead")
