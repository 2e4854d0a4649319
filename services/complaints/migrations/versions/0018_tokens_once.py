"""The vault takes a token for an address or a copy once: it keeps the token's id until it would have ended."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

USED = """
CREATE TABLE vault.used_tokens (
    jti text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_tokens_over ON vault.used_tokens (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.used_tokens TO vault;
"""


def upgrade() -> None:
    """Add the table; a token from before holds for a minute at most."""
    op.execute(USED)


def downgrade() -> None:
    """What was used goes with the table."""
    op.execute("DROP TABLE vault.used_tokens")
