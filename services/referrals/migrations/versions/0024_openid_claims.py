"""Who came from the OpenID provider under an account's user name waits for the word that the account is his."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

CLAIMS = """
CREATE TABLE openid_claims (
    issuer text NOT NULL,
    subject text NOT NULL,
    account_id text NOT NULL REFERENCES accounts,
    code text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject),
    UNIQUE (account_id, code)
);
ALTER TABLE openid_claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE openid_claims FORCE ROW LEVEL SECURITY;
CREATE POLICY openid_claims_owner ON openid_claims TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY openid_claims_system ON openid_claims TO referrals
    USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
GRANT SELECT, INSERT, UPDATE, DELETE ON openid_claims TO referrals;
"""


def upgrade() -> None:
    """Add the table; whoever is linked stays so."""
    op.execute(CLAIMS)


def downgrade() -> None:
    """Whom a provider names by an account's user name would have the account again."""
    raise NotImplementedError("restore the database from before the upgrade instead")
