"""What supervisors watch takes in returns and supervision; a clock of which no warning is given turns no lamp."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The rule of case_visible(uuid) as a set over what is open, less the cases that the officer's units only had before;
# a test holds the two together. next_due and next_soon: when its lamp turns (SILENT_CLOCKS have none).
WATCHED_TASKS = """
DROP FUNCTION watched_tasks(text);
CREATE FUNCTION watched_tasks(only_unit text) RETURNS TABLE (
    case_id uuid, kind text, unit_id text, assignee text, opened_at timestamptz, due_key timestamptz, stage text,
    next_due timestamptz, next_soon timestamptz, bounces integer, supervision integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT t.case_id, t.kind, t.unit_id, t.assignee, t.opened_at, t.due_key, c.stage, k.next_due, k.next_soon,
           coalesce((c.course ->> 'bounces')::integer, 0), coalesce((c.course ->> 'supervision')::integer, 0)
    FROM tasks AS t JOIN cases AS c ON c.case_id = t.case_id
    CROSS JOIN LATERAL (
        SELECT min((clock -> 'deadline' ->> 'due_at')::timestamptz) AS next_due,
               min((clock -> 'deadline' ->> 'due_soon_at')::timestamptz) AS next_soon
        FROM jsonb_array_elements(c.clocks) AS clock
        WHERE NOT coalesce((clock ->> 'suspended')::boolean, false)
          AND clock -> 'deadline' ->> 'purpose' NOT IN ('SUPPLEMENT', 'SILENCE', 'REVIEW_REQUEST', 'RETURN')
    ) AS k
    WHERE huiyin_role() = 'officer' AND (only_unit IS NULL OR t.unit_id = only_unit)
      AND EXISTS (
        SELECT 1 FROM case_units AS cu
        WHERE cu.case_id = t.case_id AND cu.part <> 'PAST' AND cu.unit_id = ANY (huiyin_units())
          AND ((c.track = 'GENERAL' AND NOT c.restricted) OR huiyin_restricted() OR cu.unit_id = (huiyin_units())[1]))
      AND NOT ((c.track = 'INTEGRITY' OR c.restricted) AND EXISTS (
        SELECT 1 FROM case_respondents AS r JOIN units AS own ON own.unit_id = (huiyin_units())[1]
        WHERE r.case_id = t.case_id AND r.unit_id = ANY (own.path)))
      AND NOT EXISTS (
        SELECT 1 FROM case_excluded AS x WHERE x.case_id = t.case_id AND x.account_id = huiyin_account())
    $$;
REVOKE ALL ON FUNCTION watched_tasks(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watched_tasks(text) TO referrals;
"""


def upgrade() -> None:
    """Replace the function: its columns change."""
    op.execute(WATCHED_TASKS)


def downgrade() -> None:
    """The revision before has the function with other columns."""
    raise NotImplementedError("restore the database from before the upgrade instead")
