"""A password that somebody else set is good once and for a time; whose account it is then, a second administrator says;
and what a session was opened with."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# ``password_until``: until when the password, set by another, opens the setting of an own one; null: it is the
# officer's own. ``vouched``: whether the security administrator granted the roles since the officer took it over.
# Until now nobody could set an own password: all that are there were set by others. Thirty days to change them (K).
OWN = """
ALTER TABLE accounts
    ADD COLUMN password_until timestamptz DEFAULT now() + interval '30 days',
    ADD COLUMN vouched boolean NOT NULL DEFAULT false;
ALTER TABLE accounts ALTER COLUMN password_until SET DEFAULT '-infinity';
ALTER TABLE sessions ADD COLUMN factor text NOT NULL DEFAULT 'NONE'
    CHECK (factor IN ('NONE', 'CODE', 'RECOVERY', 'PROVIDER'));
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(OWN)


def downgrade() -> None:
    """A password that an administrator knows would open the account for good again."""
    raise NotImplementedError("restore the database from before the upgrade instead")
