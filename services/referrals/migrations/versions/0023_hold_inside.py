"""Whether a legal hold is on a case, for an act that must not pass one which is being set meanwhile."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# Who sets a hold waits until the asking transaction has ended.
FREE = """
CREATE FUNCTION keep_legal_holds(cases uuid[]) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    BEGIN
        LOCK TABLE legal_holds IN SHARE MODE;
        RETURN EXISTS (SELECT FROM legal_holds WHERE case_id = ANY (cases) AND lifted_at IS NULL);
    END $$;
REVOKE ALL ON FUNCTION keep_legal_holds(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_legal_holds(uuid[]) TO referrals;
DROP FUNCTION on_legal_hold;
"""
BEFORE = """
DROP FUNCTION keep_legal_holds;
CREATE FUNCTION on_legal_hold(cases uuid[]) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM legal_holds WHERE case_id = ANY (cases) AND lifted_at IS NULL) $$;
REVOKE ALL ON FUNCTION on_legal_hold(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION on_legal_hold(uuid[]) TO referrals;
"""


def upgrade() -> None:
    """Put the function in the earlier one's place."""
    op.execute(FREE)


def downgrade() -> None:
    """The earlier one again."""
    op.execute(BEFORE)
