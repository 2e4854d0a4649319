"""Units, accounts, cases with history, tasks, documents and commands; row-level security on what is about a case."""

from alembic import op

from services.chassis.schema import CHASSIS_DDL, chassis_grants

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APP = "referrals"

UNITS = """
CREATE TABLE units (
    unit_id text PRIMARY KEY CHECK (unit_id ~ '^[A-Za-z0-9._-]{1,40}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    level text NOT NULL CHECK (level IN ('NATIONAL', 'PROVINCE', 'CITY', 'COUNTY')),
    kind text NOT NULL CHECK (kind IN ('DESK', 'RESTRICTED_DESK', 'DEPARTMENT', 'INSTITUTION')),
    department text,
    region text NOT NULL CHECK (region ~ '^[0-9]{6}$'),
    parent_id text REFERENCES units,
    path text[] NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'DEPARTMENT') = (department IS NOT NULL)),
    CHECK (path[array_length(path, 1)] = unit_id)
);
CREATE INDEX units_path ON units USING gin (path);
CREATE INDEX units_desks ON units (region, kind);

CREATE TABLE accounts (
    account_id text PRIMARY KEY,
    username text NOT NULL UNIQUE CHECK (username = lower(username)),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    unit_id text REFERENCES units,
    password_hash text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE account_roles (
    account_id text NOT NULL REFERENCES accounts,
    role text NOT NULL,
    PRIMARY KEY (account_id, role)
);
CREATE TABLE sessions (
    jti uuid PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts,
    issued_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX sessions_account ON sessions (account_id);
"""

CASES = """
CREATE TABLE cases (
    case_id uuid PRIMARY KEY,
    case_number text NOT NULL,
    complaint_ids uuid[] NOT NULL,
    channel text NOT NULL,
    track text NOT NULL CHECK (track IN ('GENERAL', 'INTEGRITY')),
    category text NOT NULL,
    region text NOT NULL,
    named boolean NOT NULL,
    respondent_count integer NOT NULL,
    submitted_at timestamptz NOT NULL,
    sequence integer NOT NULL,
    changed_sequence integer NOT NULL,
    stage text NOT NULL,
    desk_id text NOT NULL REFERENCES units,
    holder_id text REFERENCES units,
    linked boolean NOT NULL,
    redo_count integer NOT NULL,
    outcome text,
    satisfaction integer,
    public_document jsonb,
    clocks jsonb NOT NULL,
    last_hash text NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX cases_number ON cases (case_number);
CREATE INDEX cases_stage ON cases (stage, track);

CREATE TABLE case_units (
    case_id uuid NOT NULL REFERENCES cases,
    unit_id text NOT NULL REFERENCES units,
    part text NOT NULL CHECK (part IN ('DESK', 'HOLDER', 'PAST')),
    PRIMARY KEY (case_id, unit_id)
);
CREATE INDEX case_units_unit ON case_units (unit_id, case_id);

CREATE TABLE case_respondents (
    case_id uuid NOT NULL REFERENCES cases,
    unit_id text NOT NULL REFERENCES units,
    PRIMARY KEY (case_id, unit_id)
);
CREATE INDEX case_respondents_unit ON case_respondents (unit_id);

CREATE TABLE tasks (
    case_id uuid PRIMARY KEY REFERENCES cases,
    kind text NOT NULL,
    unit_id text NOT NULL REFERENCES units,
    role text NOT NULL,
    assignee text,
    opened_sequence integer NOT NULL,
    opened_at timestamptz NOT NULL,
    due_at timestamptz,
    -- A task without a deadline comes last, and the keyset needs a value.
    due_key timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(due_at, '9999-12-31 00:00:00+00')) STORED
);
CREATE INDEX tasks_unit ON tasks (unit_id, due_key, case_id);
CREATE INDEX tasks_assignee ON tasks (assignee, due_key, case_id);

CREATE TABLE case_history (
    case_id uuid NOT NULL REFERENCES cases,
    sequence integer NOT NULL CHECK (sequence >= 1),
    act text NOT NULL,
    account_id text,
    unit_id text,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    command_id uuid,
    transition text NOT NULL,
    content_hash text NOT NULL,
    prev_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (case_id, sequence)
);
CREATE UNIQUE INDEX case_history_command ON case_history (command_id) WHERE command_id IS NOT NULL;

CREATE TABLE case_keys (
    case_id uuid PRIMARY KEY REFERENCES cases,
    wrapped bytea NOT NULL
);
CREATE TABLE documents (
    document_id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    command_id uuid NOT NULL,
    field text NOT NULL,
    sha256 text NOT NULL,
    sealed bytea NOT NULL,
    account_id text NOT NULL,
    unit_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_sequence integer,
    UNIQUE (command_id, field)
);
CREATE INDEX documents_case ON documents (case_id);

CREATE TABLE commands (
    command_id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    account_id text NOT NULL REFERENCES accounts,
    act text NOT NULL,
    content_hash text NOT NULL,
    body jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING', 'DONE', 'REFUSED')),
    result jsonb,
    -- A promised command was answered with 202: it is sent again until it is settled.
    promised boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz
);
CREATE INDEX commands_promised ON commands (created_at) WHERE promised AND state = 'PENDING';
CREATE TABLE grants_log (
    grant_id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    account_id text NOT NULL REFERENCES accounts,
    unit_id text NOT NULL,
    purpose text NOT NULL,
    fields text[] NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX grants_log_case ON grants_log (case_id, at);
"""

# The function runs as the owner, whom the policies let through: the caller's own rights never reveal who is accused.
# An INTEGRITY case is seen by the desk and holder themselves and by restricted accounts, by nobody accused or below
# (信访工作条例 art. 30); the first of huiyin.units is the account's own unit.
VISIBLE = """
CREATE FUNCTION case_visible(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT 1 FROM cases AS c JOIN case_units AS cu ON cu.case_id = c.case_id
        WHERE c.case_id = wanted AND cu.unit_id = ANY (huiyin_units())
          AND (c.track = 'GENERAL' OR huiyin_restricted()
               OR (cu.unit_id = (huiyin_units())[1] AND cu.part <> 'PAST'))
    ) AND NOT EXISTS (
        SELECT 1 FROM cases AS c
        JOIN case_respondents AS r ON r.case_id = c.case_id
        JOIN units AS own ON own.unit_id = (huiyin_units())[1]
        WHERE c.case_id = wanted AND c.track = 'INTEGRITY' AND r.unit_id = ANY (own.path)
    )
    $$;
REVOKE ALL ON FUNCTION case_visible(uuid) FROM PUBLIC;
"""

PER_CASE = ("cases", "case_units", "case_respondents", "tasks", "case_history", "documents", "grants_log")
SYSTEM_ONLY = ("case_keys",)

GRANTS = f"""
GRANT EXECUTE ON FUNCTION case_visible(uuid) TO {APP};
GRANT SELECT, INSERT, UPDATE ON units, accounts, sessions, cases, commands TO {APP};
GRANT SELECT, INSERT, DELETE ON account_roles, case_respondents TO {APP};
GRANT SELECT, INSERT, UPDATE, DELETE ON tasks, case_units TO {APP};
GRANT SELECT, INSERT ON case_history, case_keys, documents, grants_log TO {APP};
GRANT UPDATE (published_sequence) ON documents TO {APP};
"""


def _secure(table: str, officers: str) -> str:
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY {table}_system ON {table} TO {APP}
    USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
""" + (f"CREATE POLICY {table}_officer ON {table} FOR SELECT TO {APP} USING ({officers});" if officers else "")


def upgrade() -> None:
    """Create everything."""
    op.execute(CHASSIS_DDL)
    op.execute(chassis_grants(APP))
    op.execute(UNITS)
    op.execute(CASES)
    op.execute(VISIBLE)
    for table in PER_CASE:
        op.execute(_secure(table, "huiyin_role() = 'officer' AND case_visible(case_id)"))
    for table in SYSTEM_ONLY:
        op.execute(_secure(table, ""))
    op.execute(_secure("commands", "huiyin_role() = 'officer' AND account_id = huiyin_account()"))
    op.execute(GRANTS)


def downgrade() -> None:
    """There is nothing before this revision to go back to."""
    raise NotImplementedError("drop the database instead")
