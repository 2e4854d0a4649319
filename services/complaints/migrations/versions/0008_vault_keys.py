"""The vault may put an identity that it sealed anew in the place of the one that it read."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# One value for the very value that it replaces: the vault's role can still neither change nor remove a row otherwise.
RESEAL = """
CREATE FUNCTION vault.reseal(token uuid, was bytea, again bytea) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = vault, pg_temp
    AS $$
    WITH replaced AS (
        UPDATE sealed_identities SET sealed = again WHERE contact_token = token AND sealed = was RETURNING 1
    ) SELECT count(*)::integer FROM replaced $$;
REVOKE ALL ON FUNCTION vault.reseal(uuid, bytea, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.reseal(uuid, bytea, bytea) TO vault;
"""


def upgrade() -> None:
    """Add the function."""
    op.execute(RESEAL)


def downgrade() -> None:
    """As before: an identity stays sealed to the key it came with."""
    op.execute("DROP FUNCTION vault.reseal")
