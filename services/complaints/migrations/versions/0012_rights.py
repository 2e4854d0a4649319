"""Requests of reporters about their own data, what the vault was told to do about them, and how it is done."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

REQUESTS = """
CREATE TABLE rights_requests (
    request_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL REFERENCES complaints,
    kind text NOT NULL CHECK (kind IN ('ACCESS', 'CORRECTION', 'DELETION', 'RESTRICTION', 'EXPLANATION')),
    state text NOT NULL DEFAULT 'WAITING' CHECK (state IN ('WAITING', 'GRANTED', 'REFUSED')),
    asked_at timestamptz NOT NULL,
    due_at timestamptz,
    article text,
    provisional boolean NOT NULL DEFAULT false,
    named boolean,
    ways text[],
    marks bytea[],
    answered_at timestamptz,
    ground text,
    answer_sealed bytea,
    CHECK ((state = 'WAITING') = (answered_at IS NULL)),
    CHECK ((state = 'REFUSED') = (ground IS NOT NULL))
);
CREATE INDEX rights_requests_complaint ON rights_requests (complaint_id);
CREATE UNIQUE INDEX rights_requests_waiting ON rights_requests (complaint_id, kind) WHERE state = 'WAITING';
ALTER TABLE rights_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE rights_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON rights_requests USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
CREATE POLICY public_own ON rights_requests FOR SELECT USING (huiyin_role() = 'public'
    AND EXISTS (SELECT FROM complaints c WHERE c.complaint_id = rights_requests.complaint_id));
CREATE POLICY public_add ON rights_requests FOR INSERT WITH CHECK (huiyin_role() = 'public'
    AND EXISTS (SELECT FROM complaints c WHERE c.complaint_id = rights_requests.complaint_id));
GRANT SELECT, INSERT ON rights_requests TO complaints;
GRANT UPDATE (state, due_at, article, provisional, answered_at, ground, answer_sealed) ON rights_requests TO complaints;

-- What a granted request changes outside the vault, as the system alone: row-level security holds for the owner too.
CREATE FUNCTION huiyin_change_contact(request uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE asked rights_requests;
    BEGIN
        SELECT * INTO STRICT asked FROM rights_requests
        WHERE request_id = request AND state = 'GRANTED' AND kind IN ('CORRECTION', 'DELETION');
        DELETE FROM likeness_marks m USING likeness l
        WHERE l.complaint_id = asked.complaint_id AND m.complaint_id = l.complaint_id AND m.mark = ANY (l.reporter);
        UPDATE likeness SET reporter = COALESCE(asked.marks, '{}') WHERE complaint_id = asked.complaint_id;
        INSERT INTO likeness_marks (mark, complaint_id)
            SELECT DISTINCT unnest(asked.marks), asked.complaint_id ON CONFLICT DO NOTHING;
        IF asked.kind = 'DELETION' THEN
            UPDATE complaints SET contact_token = NULL WHERE complaint_id = asked.complaint_id;
        ELSE
            UPDATE complaints SET named = asked.named WHERE complaint_id = asked.complaint_id;
        END IF;
    END $$;
REVOKE ALL ON FUNCTION huiyin_change_contact(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION huiyin_change_contact(uuid) TO complaints;
"""

# The vault's role still changes and removes no identity by itself: only what an officer granted, and once.
VAULT = """
CREATE TABLE vault.corrections (
    request_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    sealed bytea NOT NULL
);
CREATE INDEX corrections_complaint ON vault.corrections (complaint_id);
GRANT INSERT ON vault.corrections TO complaints;
CREATE TABLE vault.rights_decisions (
    request_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    case_id uuid NOT NULL,
    kind text NOT NULL,
    granted boolean NOT NULL,
    officer text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    jti text NOT NULL UNIQUE
);
GRANT SELECT, INSERT ON vault.rights_decisions TO vault;

CREATE FUNCTION vault.carry_out(request uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp
    AS $$
    DECLARE said rights_decisions;
    BEGIN
        SELECT * INTO STRICT said FROM rights_decisions WHERE request_id = request;
        IF said.granted AND said.kind = 'CORRECTION' THEN
            UPDATE sealed_identities i SET sealed = c.sealed FROM corrections c
            WHERE c.request_id = request AND i.complaint_id = said.complaint_id AND c.complaint_id = said.complaint_id;
            DELETE FROM sealed_codes WHERE complaint_id = said.complaint_id;
        ELSIF said.granted AND said.kind = 'DELETION' THEN
            DELETE FROM sealed_identities WHERE complaint_id = said.complaint_id;
            DELETE FROM sealed_codes WHERE complaint_id = said.complaint_id;
        END IF;
        DELETE FROM corrections WHERE request_id = request;
    END $$;
REVOKE ALL ON FUNCTION vault.carry_out(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.carry_out(uuid) TO vault;
"""


def upgrade() -> None:
    """Add the tables and functions."""
    for statements in (REQUESTS, VAULT):
        op.execute(statements)


def downgrade() -> None:
    """What was asked and answered by law is not thrown away."""
    raise NotImplementedError("restore the database from before the upgrade instead")
