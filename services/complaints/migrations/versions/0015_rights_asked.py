"""The vault knows each request about an identity from complaints; an officer's word alone does nothing to any."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ASKED = """
CREATE TABLE vault.rights_asked (
    request_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    kind text NOT NULL
);
CREATE INDEX rights_asked_complaint ON vault.rights_asked (complaint_id);
GRANT INSERT ON vault.rights_asked TO complaints;
GRANT SELECT ON vault.rights_asked TO vault;
SELECT set_config('huiyin.role', 'system', true);
INSERT INTO vault.rights_asked (request_id, complaint_id, kind)
    SELECT request_id, complaint_id, kind FROM rights_requests WHERE kind IN ('ACCESS', 'CORRECTION', 'DELETION');

CREATE OR REPLACE FUNCTION vault.carry_out(request uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = vault, pg_temp
    AS $$
    DECLARE said rights_decisions;
    BEGIN
        SELECT d.* INTO STRICT said FROM rights_decisions d JOIN rights_asked a
            ON a.request_id = d.request_id AND a.complaint_id = d.complaint_id AND a.kind = d.kind
        WHERE d.request_id = request;
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
"""


def upgrade() -> None:
    """Add the table with what was asked before, and let the function look at it."""
    op.execute(ASKED)


def downgrade() -> None:
    """What was asked and answered by law is not thrown away."""
    raise NotImplementedError("restore the database from before the upgrade instead")
