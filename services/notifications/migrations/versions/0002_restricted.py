"""Notices and ledgers of INTEGRITY cases: for the units in the case's seats now, as the case itself is."""

from alembic import op

revision = "notifications_0002"
down_revision = "notifications_0001"
branch_labels = None
depends_on = None

# A unit above, or one that gave the case away, may be the accused (信访工作条例 art. 30): neither sees what the desk or
# the holder was told. The first of huiyin.units is the account's own unit. The function runs as the owner, whom a
# policy of his own lets read.
RESTRICTED = """
CREATE TABLE restricted_cases (
    case_id uuid PRIMARY KEY,
    sequence integer NOT NULL,
    unit_ids text[] NOT NULL
);
ALTER TABLE restricted_cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE restricted_cases FORCE ROW LEVEL SECURITY;
CREATE POLICY restricted_cases_owner ON restricted_cases TO CURRENT_USER USING (true);
CREATE POLICY restricted_cases_system ON restricted_cases USING (huiyin_role() = 'system');
GRANT SELECT, INSERT, UPDATE ON restricted_cases TO notifications;

CREATE FUNCTION notice_visible(wanted uuid, told text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT NOT EXISTS (
        SELECT 1 FROM restricted_cases AS c
        WHERE c.case_id = wanted
          AND NOT (told = ANY (c.unit_ids) AND (huiyin_restricted() OR told = (huiyin_units())[1]))
    )
    $$;
REVOKE ALL ON FUNCTION notice_visible(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notice_visible(uuid, text) TO notifications;

ALTER POLICY officer_notices_read ON officer_notices
    USING (huiyin_role() = 'officer' AND unit_id = ANY (huiyin_units()) AND notice_visible(case_id, unit_id));
ALTER POLICY officer_notices_mark ON officer_notices
    USING (huiyin_role() = 'officer' AND unit_id = ANY (huiyin_units()) AND notice_visible(case_id, unit_id));
"""


def upgrade() -> None:
    """Cases that took their last step before this revision have no row until their next one."""
    op.execute(RESTRICTED)


def downgrade() -> None:
    """There is no way back to notices that the accused may see."""
    raise NotImplementedError("drop the database instead")
