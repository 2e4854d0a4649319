"""Recipients, the delivery ledger, and officers' in-app notices."""

from alembic import op

from services.chassis.schema import CHASSIS_DDL, chassis_grants

revision = "notifications_0001"
down_revision = None
branch_labels = None
depends_on = None

ROLE = "notifications"

RECIPIENTS = """
CREATE TABLE recipients (
    complaint_id uuid PRIMARY KEY,
    case_number text NOT NULL,
    contact_token uuid,
    ways text[] NOT NULL,
    language text NOT NULL CHECK (language IN ('zh', 'en')),
    named boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""

NOTICES = """
CREATE TABLE notices (
    notice_id uuid PRIMARY KEY,
    event_id uuid NOT NULL,
    case_id uuid NOT NULL,
    complaint_id uuid,
    unit_id text,
    sequence integer NOT NULL CHECK (sequence >= 0),
    template text NOT NULL,
    recipient text NOT NULL,
    way text,
    data jsonb NOT NULL,
    state text NOT NULL
        CHECK (state IN ('PENDING_RECIPIENT', 'PENDING', 'SENDING', 'DELIVERED', 'FAILED', 'SKIPPED')),
    reason text,
    attempts integer NOT NULL DEFAULT 0,
    refusals integer NOT NULL DEFAULT 0,
    last_code integer,
    possibly_repeated boolean NOT NULL DEFAULT false,
    attempt_id uuid,
    lease_until timestamptz,
    first_attempt_at timestamptz,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    settled_wall timestamptz,
    CHECK ((complaint_id IS NULL) <> (unit_id IS NULL)),
    CHECK ((state IN ('DELIVERED', 'FAILED', 'SKIPPED')) = (settled_at IS NOT NULL)),
    CHECK ((settled_at IS NULL) = (settled_wall IS NULL)),
    CHECK (state NOT IN ('FAILED', 'SKIPPED') OR reason IS NOT NULL),
    CHECK (state <> 'SENDING' OR (attempt_id IS NOT NULL AND lease_until IS NOT NULL)),
    UNIQUE (case_id, sequence, recipient, template)
);
COMMENT ON COLUMN notices.settled_at IS 'business time; settled_wall is the wall clock';
CREATE INDEX notices_due ON notices (next_attempt_at) WHERE state = 'PENDING';
CREATE INDEX notices_sending ON notices (lease_until) WHERE state = 'SENDING';
CREATE INDEX notices_unsettled ON notices (recipient, sequence, notice_id) WHERE settled_at IS NULL;
CREATE INDEX notices_waiting ON notices (complaint_id) WHERE state = 'PENDING_RECIPIENT';
CREATE INDEX notices_complaint ON notices (complaint_id);

CREATE FUNCTION notices_settled_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a settled notice does not change' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER notices_settled_stay BEFORE UPDATE OR DELETE ON notices
    FOR EACH ROW WHEN (OLD.settled_at IS NOT NULL) EXECUTE FUNCTION notices_settled_stay();
"""

OFFICER_NOTICES = """
CREATE TABLE officer_notices (
    id bigserial PRIMARY KEY,
    notice_id uuid NOT NULL UNIQUE REFERENCES notices,
    unit_id text NOT NULL,
    case_id uuid NOT NULL,
    template text NOT NULL,
    data jsonb NOT NULL,
    at timestamptz NOT NULL,
    read_at timestamptz,
    read_by text
);
CREATE INDEX officer_notices_unit ON officer_notices (unit_id, id);
CREATE INDEX officer_notices_case ON officer_notices (case_id);
"""

# The service's own role sees rows only in a transaction that says on whose behalf it runs.
ROW_LEVEL_SECURITY = f"""
ALTER TABLE recipients ENABLE ROW LEVEL SECURITY;
ALTER TABLE recipients FORCE ROW LEVEL SECURITY;
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE notices FORCE ROW LEVEL SECURITY;
ALTER TABLE officer_notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE officer_notices FORCE ROW LEVEL SECURITY;
CREATE POLICY recipients_system ON recipients USING (huiyin_role() = 'system');
CREATE POLICY notices_system ON notices USING (huiyin_role() = 'system');
CREATE POLICY officer_notices_system ON officer_notices USING (huiyin_role() = 'system');
CREATE POLICY officer_notices_read ON officer_notices FOR SELECT
    USING (huiyin_role() = 'officer' AND unit_id = ANY (huiyin_units()));
CREATE POLICY officer_notices_mark ON officer_notices FOR UPDATE
    USING (huiyin_role() = 'officer' AND unit_id = ANY (huiyin_units()));
GRANT SELECT, INSERT ON recipients TO {ROLE};
GRANT SELECT, INSERT, UPDATE ON notices TO {ROLE};
GRANT SELECT, INSERT ON officer_notices TO {ROLE};
GRANT UPDATE (read_at, read_by) ON officer_notices TO {ROLE};
GRANT USAGE ON SEQUENCE officer_notices_id_seq TO {ROLE};
"""


def upgrade() -> None:
    """Create everything; the service's role owns nothing."""
    for ddl in (CHASSIS_DDL, RECIPIENTS, NOTICES, OFFICER_NOTICES, ROW_LEVEL_SECURITY, chassis_grants(ROLE)):
        op.execute(ddl)


def downgrade() -> None:
    """There is no way back from the first migration but an empty database."""
    raise NotImplementedError("drop the database instead")
