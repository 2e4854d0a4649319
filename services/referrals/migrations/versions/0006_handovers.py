"""Hand-overs: the course of a case, parts of more units in it, tasks beside the main one, accounts of the accused."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE units DROP CONSTRAINT units_kind_check;
ALTER TABLE units ADD CONSTRAINT units_kind_check
    CHECK (kind IN ('DESK', 'RESTRICTED_DESK', 'DEPARTMENT', 'INSTITUTION', 'CONFERENCE'));
ALTER TABLE units ADD COLUMN on_system boolean NOT NULL DEFAULT true;
ALTER TABLE units ADD COLUMN successor_id text REFERENCES units;

ALTER TABLE cases ADD COLUMN course jsonb NOT NULL DEFAULT '{}';
ALTER TABLE cases ADD COLUMN restricted boolean NOT NULL DEFAULT false;
ALTER TABLE cases ADD COLUMN urgent boolean NOT NULL DEFAULT false;
CREATE INDEX cases_bounced ON cases (desk_id) WHERE (course->>'bounces')::int > 0;

ALTER TABLE case_units DROP CONSTRAINT case_units_part_check;
ALTER TABLE case_units ADD CONSTRAINT case_units_part_check
    CHECK (part IN ('DESK', 'HOLDER', 'SUPPORT', 'ARBITER', 'RECEIVER', 'PAST'));

-- One main task by the stage; beside it a leader's yes and the answers of helping units.
ALTER TABLE tasks ADD COLUMN main boolean NOT NULL DEFAULT true;
ALTER TABLE tasks DROP CONSTRAINT tasks_pkey;
ALTER TABLE tasks ADD PRIMARY KEY (case_id, kind, unit_id);
CREATE INDEX tasks_main ON tasks (case_id) WHERE main;

CREATE TABLE case_excluded (
    case_id uuid NOT NULL REFERENCES cases,
    account_id text NOT NULL,
    PRIMARY KEY (case_id, account_id)
);
CREATE INDEX case_excluded_account ON case_excluded (account_id);
ALTER TABLE case_excluded ENABLE ROW LEVEL SECURITY;
ALTER TABLE case_excluded FORCE ROW LEVEL SECURITY;
CREATE POLICY case_excluded_owner ON case_excluded TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY case_excluded_system ON case_excluded TO referrals
    USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
GRANT SELECT, INSERT, DELETE ON case_excluded TO referrals;
"""

# As before, and: a restricted case counts as a report, an account of an accused person sees nothing of the case.
VISIBLE = """
CREATE OR REPLACE FUNCTION case_visible(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT 1 FROM cases AS c JOIN case_units AS cu ON cu.case_id = c.case_id
        WHERE c.case_id = wanted AND cu.unit_id = ANY (huiyin_units())
          AND ((c.track = 'GENERAL' AND NOT c.restricted) OR huiyin_restricted()
               OR (cu.unit_id = (huiyin_units())[1] AND cu.part <> 'PAST'))
    ) AND NOT EXISTS (
        SELECT 1 FROM cases AS c
        JOIN case_respondents AS r ON r.case_id = c.case_id
        JOIN units AS own ON own.unit_id = (huiyin_units())[1]
        WHERE c.case_id = wanted AND (c.track = 'INTEGRITY' OR c.restricted) AND r.unit_id = ANY (own.path)
    ) AND NOT EXISTS (
        SELECT 1 FROM case_excluded WHERE case_id = wanted AND account_id = huiyin_account()
    )
    $$;
CREATE OR REPLACE FUNCTION visible_cases() RETURNS TABLE (case_id uuid, stage text, track text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT DISTINCT c.case_id, c.stage, c.track
    FROM case_units AS cu JOIN cases AS c ON c.case_id = cu.case_id
    WHERE huiyin_role() = 'officer' AND cu.unit_id = ANY (huiyin_units())
      AND ((c.track = 'GENERAL' AND NOT c.restricted)
           OR ((huiyin_restricted() OR (cu.unit_id = (huiyin_units())[1] AND cu.part <> 'PAST'))
               AND NOT EXISTS (
                   SELECT 1 FROM case_respondents AS r JOIN units AS own ON own.unit_id = (huiyin_units())[1]
                   WHERE r.case_id = c.case_id AND r.unit_id = ANY (own.path))))
      AND NOT EXISTS (
          SELECT 1 FROM case_excluded AS x WHERE x.case_id = c.case_id AND x.account_id = huiyin_account())
    $$;
CREATE OR REPLACE FUNCTION watched_tasks(only_unit text) RETURNS TABLE (
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
        WHERE NOT coalesce((clock ->> 'suspended')::boolean, false) AND clock -> 'deadline' ->> 'purpose' <> 'RETURN'
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
"""


def upgrade() -> None:
    """Add what hand-overs need."""
    op.execute(TABLES)
    op.execute(VISIBLE)


def downgrade() -> None:
    """Cases handed on by these rules have no place in the tables before."""
    raise NotImplementedError("restore the database from before the upgrade instead")
