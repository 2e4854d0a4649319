"""Whether a legal hold is on a case: a yes or no for the service, the reasons stay with the owner."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

HELD = """
CREATE FUNCTION on_legal_hold(cases uuid[]) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM legal_holds WHERE case_id = ANY (cases) AND lifted_at IS NULL) $$;
REVOKE ALL ON FUNCTION on_legal_hold(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION on_legal_hold(uuid[]) TO referrals;
"""


def upgrade() -> None:
    """Add the function."""
    op.execute(HELD)


def downgrade() -> None:
    """Nothing else rests on it."""
    op.execute("DROP FUNCTION on_legal_hold")
