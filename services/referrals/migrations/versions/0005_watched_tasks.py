"""All open tasks that an officer watches, at once: counts and boards are made from the same set."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The rule of case_visible(uuid) as a set over what is open, less the cases that the officer's units only had before;
# a test holds the two together. next_due and next_soon: when its lamp turns.
WATCHED_TASKS = """
CREATE FUNCTION watched_tasks(only_unit text) RETURNS TABLE (
    case_id uuid, kind text, unit_id text, assignee text, opened_at timestamptz, due_key timestamptz, stage text,
    next_due timestamptz, next_soon timestamptz, redo_count integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT t.case_id, t.kind, t.unit_id, t.assignee, t.opened_at, t.due_key, c.stage, k.next_due,
           k.next_soon, c.redo_count
    FROM tasks AS t JOIN cases AS c ON c.case_id = t.case_id
    CROSS JOIN LATERAL (
        SELECT min((clock -> 'deadline' ->> 'due_at')::timestamptz) AS next_due,
               min((clock -> 'deadline' ->> 'due_soon_at')::timestamptz) AS next_soon
        FROM jsonb_array_elements(c.clocks) AS clock
    ) AS k
    WHERE huiyin_role() = 'officer' AND (only_unit IS NULL OR t.unit_id = only_unit)
      AND EXISTS (
        SELECT 1 FROM case_units AS cu
        WHERE cu.case_id = t.case_id AND cu.part <> 'PAST' AND cu.unit_id = ANY (huiyin_units())
          AND (c.track = 'GENERAL' OR huiyin_restricted() OR cu.unit_id = (huiyin_units())[1]))
      AND NOT (c.track = 'INTEGRITY' AND EXISTS (
        SELECT 1 FROM case_respondents AS r JOIN units AS own ON own.unit_id = (huiyin_units())[1]
        WHERE r.case_id = t.case_id AND r.unit_id = ANY (own.path)))
    $$;
REVOKE ALL ON FUNCTION watched_tasks(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watched_tasks(text) TO referrals;
"""


def upgrade() -> None:
    """Add the function."""
    op.execute(WATCHED_TASKS)


def downgrade() -> None:
    """Take it away; nothing before this revision asks for it."""
    op.execute("DROP FUNCTION watched_tasks(text)")
