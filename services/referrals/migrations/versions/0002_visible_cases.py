"""All visible cases at once: the policy row by row takes seconds where most rows are somebody else's."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The same rule as case_visible(uuid), as a set; a test holds the two together.
VISIBLE_CASES = """
CREATE FUNCTION visible_cases() RETURNS TABLE (case_id uuid, stage text, track text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT DISTINCT c.case_id, c.stage, c.track
    FROM case_units AS cu JOIN cases AS c ON c.case_id = cu.case_id
    WHERE huiyin_role() = 'officer' AND cu.unit_id = ANY (huiyin_units())
      AND (c.track = 'GENERAL'
           OR ((huiyin_restricted() OR (cu.unit_id = (huiyin_units())[1] AND cu.part <> 'PAST'))
               AND NOT EXISTS (
                   SELECT 1 FROM case_respondents AS r JOIN units AS own ON own.unit_id = (huiyin_units())[1]
                   WHERE r.case_id = c.case_id AND r.unit_id = ANY (own.path))))
    $$;
REVOKE ALL ON FUNCTION visible_cases() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION visible_cases() TO referrals;
"""


def upgrade() -> None:
    """Add the function."""
    op.execute(VISIBLE_CASES)


def downgrade() -> None:
    """Take it away; revision 0001 does without."""
    op.execute("DROP FUNCTION visible_cases()")
