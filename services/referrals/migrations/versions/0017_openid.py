"""Which account a person of the OpenID provider has: by the provider's own id of him, from the first log-in on."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SUBJECTS = """
CREATE TABLE openid_subjects (
    issuer text NOT NULL,
    subject text NOT NULL,
    account_id text NOT NULL REFERENCES accounts,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, account_id)
);
ALTER TABLE openid_subjects ENABLE ROW LEVEL SECURITY;
ALTER TABLE openid_subjects FORCE ROW LEVEL SECURITY;
CREATE POLICY openid_subjects_owner ON openid_subjects TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY openid_subjects_system ON openid_subjects TO referrals
    USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
GRANT SELECT, INSERT, DELETE ON openid_subjects TO referrals;
"""


def upgrade() -> None:
    """Add the table."""
    op.execute(SUBJECTS)


def downgrade() -> None:
    """Who logs in by the provider is found by name again."""
    op.execute("DROP TABLE openid_subjects")
