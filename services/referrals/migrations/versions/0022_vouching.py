"""The code by which an officer is known to the security administrator; who worked before the upgrade goes on."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Who has a role goes on: an upgrade locks nobody out. An account without one has no work to go on with. Sessions from
# before 0019 don't say what they were opened with: all end, so that whose second factor was asked for is not taken for
# one who has none.
VOUCHING = """
ALTER TABLE accounts ADD COLUMN vouching_code text;
UPDATE accounts AS a SET vouched = true WHERE EXISTS (SELECT FROM account_roles AS r WHERE r.account_id = a.account_id);
UPDATE sessions SET revoked_at = now() WHERE revoked_at IS NULL;
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(VOUCHING)


def downgrade() -> None:
    """An account that a single administrator made would work again."""
    raise NotImplementedError("restore the database from before the upgrade instead")
