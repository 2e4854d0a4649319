"""An officer who is accused or recused in a case has no notices of it: the second wall, behind the queries."""

from alembic import op

revision = "notifications_0007"
down_revision = "notifications_0006"
branch_labels = None
depends_on = None

BARRED = """
CREATE FUNCTION huiyin_barred() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT string_to_array(nullif(current_setting('huiyin.barred', true), ''), ',')::uuid[] $$;

CREATE OR REPLACE FUNCTION notice_visible(wanted uuid, told text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT NOT EXISTS (
        SELECT 1 FROM restricted_cases AS c
        WHERE c.case_id = wanted
          AND NOT (told = ANY (c.unit_ids) AND (huiyin_restricted() OR told = (huiyin_units())[1]))
    ) AND coalesce(wanted <> ALL (huiyin_barred()), true)
    $$;
"""


def upgrade() -> None:
    """What is barred is told with the principal; nobody is barred from anything where it is not."""
    op.execute(BARRED)


def downgrade() -> None:
    """There is no way back to notices that the accused may see."""
    raise NotImplementedError("drop the database instead")
