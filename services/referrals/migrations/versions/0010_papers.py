"""Papers that were given out about a case: on record before they are."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EXPORTS = """
CREATE TABLE exports (
    export_id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    sequence integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('PACKAGE', 'TRANSFER_RECORD')),
    signed boolean NOT NULL,
    account_id text NOT NULL REFERENCES accounts,
    unit_id text NOT NULL,
    receiver_id text NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX exports_case ON exports (case_id, at);
ALTER TABLE exports ENABLE ROW LEVEL SECURITY;
ALTER TABLE exports FORCE ROW LEVEL SECURITY;
CREATE POLICY exports_owner ON exports TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY exports_system ON exports TO referrals
    USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
CREATE POLICY exports_officer ON exports FOR SELECT TO referrals
    USING (huiyin_role() = 'officer' AND case_visible(case_id));
GRANT SELECT, INSERT ON exports TO referrals;
"""


def upgrade() -> None:
    """Add the table. Nobody may change or remove a row."""
    op.execute(EXPORTS)


def downgrade() -> None:
    """What went out would be off the record."""
    raise NotImplementedError("restore the database from before the upgrade instead")
