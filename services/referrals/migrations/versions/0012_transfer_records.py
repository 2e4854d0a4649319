"""What officers write into the record of a transfer to or from discipline inspection: which sealed text, by whom."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DESCRIPTIONS = """
CREATE TABLE transfer_descriptions (
    document_id uuid PRIMARY KEY REFERENCES documents,
    case_id uuid NOT NULL REFERENCES cases,
    sequence integer NOT NULL,
    version bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    account_id text NOT NULL REFERENCES accounts,
    unit_id text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX transfer_descriptions_case ON transfer_descriptions (case_id, sequence, version);
ALTER TABLE transfer_descriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE transfer_descriptions FORCE ROW LEVEL SECURITY;
CREATE POLICY transfer_descriptions_owner ON transfer_descriptions TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY transfer_descriptions_system ON transfer_descriptions TO referrals
    USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
CREATE POLICY transfer_descriptions_officer ON transfer_descriptions FOR SELECT TO referrals
    USING (huiyin_role() = 'officer' AND case_visible(case_id));
GRANT SELECT, INSERT ON transfer_descriptions TO referrals;
"""


def upgrade() -> None:
    """Add the table. What was written before stays: the latest version counts."""
    op.execute(DESCRIPTIONS)


def downgrade() -> None:
    """Nobody would know any more which text belongs to which transfer."""
    raise NotImplementedError("restore the database from before the upgrade instead")
