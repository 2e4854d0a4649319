"""The vault may put an identity that it sealed anew in the place of the old one."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The sealed value alone: neither its token nor its complaint."""
    op.execute("GRANT UPDATE (sealed) ON vault.sealed_identities TO vault")


def downgrade() -> None:
    """As before: an identity stays sealed to the key it came with."""
    op.execute("REVOKE UPDATE (sealed) ON vault.sealed_identities FROM vault")
