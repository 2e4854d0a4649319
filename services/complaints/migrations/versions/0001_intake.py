"""Complaints, their sealed texts, the reporter's timeline, and the vault's schema."""

from alembic import op

from services.chassis.schema import CHASSIS_DDL, chassis_grants

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE complaints (
    complaint_id uuid PRIMARY KEY,
    case_number text NOT NULL UNIQUE,
    query_code_hash bytea NOT NULL UNIQUE,
    channel text NOT NULL,
    track text NOT NULL,
    category text NOT NULL,
    region text NOT NULL,
    named boolean NOT NULL,
    contact_token uuid,
    language text NOT NULL,
    case_key_wrapped bytea NOT NULL,
    narrative_sealed bytea NOT NULL,
    wants_sealed bytea,
    respondents_sealed bytea,
    content_hash text NOT NULL,
    client_id text,
    external_order text,
    submitted_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE complaint_cases (
    complaint_id uuid NOT NULL REFERENCES complaints,
    case_id uuid NOT NULL,
    PRIMARY KEY (complaint_id, case_id)
);
CREATE INDEX complaint_cases_case ON complaint_cases (case_id);

-- A claim of one key in one scope (a channel, a client, a client's order numbers, a complaint). Keys are kept as keyed
-- hashes: whoever reads the table can't repeat a request and be told its query code.
CREATE TABLE idempotency (
    scope text NOT NULL,
    key_hash bytea NOT NULL,
    request_hash bytea NOT NULL,
    result_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scope, key_hash)
);

CREATE TABLE supplements (
    supplement_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL REFERENCES complaints,
    text_sealed bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX supplements_complaint ON supplements (complaint_id);
CREATE TABLE evidence (
    evidence_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL REFERENCES complaints,
    file_name text NOT NULL,
    description_sealed bytea NOT NULL,
    size bigint NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX evidence_complaint ON evidence (complaint_id);
-- One rating for each answer; ``answer`` is the step in which the answer passed its review.
CREATE TABLE ratings (
    rating_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL REFERENCES complaints,
    answer integer NOT NULL,
    satisfaction smallint NOT NULL CHECK (satisfaction BETWEEN 1 AND 5),
    at timestamptz NOT NULL,
    UNIQUE (complaint_id, answer)
);

-- Projections of cases.events. ``cases`` is the newest state, ``timeline`` the steps that reporters may know of.
CREATE TABLE cases (
    case_id uuid PRIMARY KEY,
    sequence integer NOT NULL,
    stage text NOT NULL,
    due_at timestamptz,
    purpose text,
    provisional boolean NOT NULL DEFAULT false
);
CREATE TABLE timeline (
    case_id uuid NOT NULL,
    sequence integer NOT NULL,
    act text NOT NULL,
    to_stage text NOT NULL,
    at timestamptz NOT NULL,
    desk text NOT NULL,
    holder text,
    due_at timestamptz,
    purpose text,
    provisional boolean NOT NULL DEFAULT false,
    reason_code text,
    outcome text,
    document_id uuid,
    document_sha256 text,
    PRIMARY KEY (case_id, sequence)
);

CREATE TABLE api_clients (
    client_id text PRIMARY KEY,
    name text NOT NULL,
    channel text NOT NULL,
    secret_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz
);
CREATE UNIQUE INDEX api_clients_name ON api_clients (name) WHERE revoked_at IS NULL;
CREATE TABLE api_nonces (
    client_id text NOT NULL,
    nonce text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, nonce)
);
CREATE INDEX api_nonces_seen ON api_nonces (seen_at);

-- Who read what, and that a grant opens each thing once.
CREATE TABLE narrative_access (
    jti text NOT NULL,
    resource text NOT NULL,
    case_id uuid NOT NULL,
    officer text NOT NULL,
    purpose text NOT NULL,
    fields text[] NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (jti, resource)
);
"""

# The system (intake, projections, readings under a grant) sees all. A member of the public sees the one complaint whose
# query code's hash was given in this transaction, and may add to it. Officers see nothing here: they read by grant.
POLICIES = """
CREATE FUNCTION huiyin_code() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT decode(NULLIF(current_setting('huiyin.code', true), ''), 'hex') $$;
ALTER TABLE complaints ENABLE ROW LEVEL SECURITY;
ALTER TABLE complaints FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON complaints USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
CREATE POLICY public_own ON complaints FOR SELECT
    USING (huiyin_role() = 'public' AND query_code_hash = huiyin_code());
"""
OWN = "huiyin_role() = 'public' AND EXISTS (SELECT 1 FROM complaints c WHERE c.complaint_id = {table}.complaint_id)"
OWN_CASE = "huiyin_role() = 'public' AND EXISTS (SELECT 1 FROM complaint_cases cc WHERE cc.case_id = {table}.case_id)"

VAULT = """
CREATE SCHEMA vault;
CREATE TABLE vault.sealed_identities (
    contact_token uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE vault.access_log (
    access_id bigserial PRIMARY KEY,
    contact_token uuid NOT NULL,
    caller text NOT NULL,
    purpose text NOT NULL,
    notice_id uuid,
    jti text NOT NULL,
    found boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT USAGE ON SCHEMA vault TO complaints, vault;
GRANT INSERT ON vault.sealed_identities TO complaints;
GRANT SELECT ON vault.sealed_identities TO vault;
GRANT INSERT ON vault.access_log TO vault;
GRANT USAGE ON SEQUENCE vault.access_log_access_id_seq TO vault;
"""

GRANTS = """
GRANT SELECT, INSERT ON complaints, complaint_cases, idempotency, supplements, evidence, ratings, timeline,
    narrative_access TO complaints;
GRANT SELECT, INSERT, UPDATE ON cases, api_clients TO complaints;
GRANT SELECT, INSERT, DELETE ON api_nonces TO complaints;
"""


def upgrade() -> None:
    op.execute(CHASSIS_DDL)
    op.execute(TABLES)
    op.execute(POLICIES)
    for table in ("complaint_cases", "supplements", "evidence", "ratings"):
        protect(table, OWN, writable=table != "complaint_cases")
    for table in ("cases", "timeline"):
        protect(table, OWN_CASE, writable=False)
    protect("narrative_access", None, writable=False)
    op.execute(VAULT)
    op.execute(GRANTS)
    op.execute(chassis_grants("complaints"))


def protect(table: str, public: str | None, *, writable: bool) -> None:
    """Row-level security of one table: the system all, the public by its condition."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY system_all ON {table} USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system')"
    )
    if public is not None:
        condition = public.format(table=table)
        op.execute(f"CREATE POLICY public_own ON {table} FOR SELECT USING ({condition})")
        if writable:
            op.execute(f"CREATE POLICY public_add ON {table} FOR INSERT WITH CHECK ({condition})")


def downgrade() -> None:
    raise NotImplementedError("the first migration is not undone: restore a backup, or drop the database")
