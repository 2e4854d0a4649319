"""Which calendars have been counted anew by, and the open cases that are still to be told of one."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE calendars_applied (
    base text NOT NULL,
    -- Of calendar_versions; 0 where nothing is imported.
    ordinal bigint NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (base, ordinal)
);
CREATE TABLE recounts (
    case_id uuid PRIMARY KEY REFERENCES cases,
    -- Grows when a case is asked again while it is being told: then it is told again.
    asked bigint NOT NULL DEFAULT 1
);
ALTER TABLE recounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE recounts FORCE ROW LEVEL SECURITY;
CREATE POLICY recounts_owner ON recounts TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY recounts_system ON recounts TO referrals
    USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
GRANT SELECT, INSERT ON calendars_applied TO referrals;
GRANT SELECT, INSERT, UPDATE, DELETE ON recounts TO referrals;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Take them away; a calendar that waits to be applied is found again by its version."""
    op.execute("DROP TABLE recounts; DROP TABLE calendars_applied")
