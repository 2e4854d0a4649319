"""Second factors of officers, pauses after failed log-ins, and when a session was last used."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# ``sealed``: the TOTP secret under the service's keyring. ``last_step``: the latest code that was used (RFC 6238, 5.2:
# none is taken twice). Names that were typed at the log-in are kept as hashes: people type passwords there.
FACTORS = """
CREATE TABLE second_factors (
    account_id text PRIMARY KEY REFERENCES accounts,
    sealed bytea NOT NULL,
    last_step bigint NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz
);
CREATE TABLE recovery_codes (
    account_id text NOT NULL REFERENCES accounts,
    code_hash bytea NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (account_id, code_hash)
);
CREATE TABLE login_failures (
    name_hash bytea PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    paused_until timestamptz
);
CREATE INDEX login_failures_last ON login_failures (last_at);
ALTER TABLE sessions ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now();
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factors, recovery_codes, login_failures TO referrals;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(FACTORS)
    for table in ("second_factors", "recovery_codes", "login_failures"):
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true);"
            f"CREATE POLICY {table}_system ON {table} TO referrals"
            " USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');"
        )


def downgrade() -> None:
    """Without them a password alone would open what a second factor guards."""
    raise NotImplementedError("restore the database from before the upgrade instead")
