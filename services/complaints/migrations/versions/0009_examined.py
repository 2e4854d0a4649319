"""What is known of each evidence file, with its copy without metadata; and uploads that are not whole yet."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Files from before are looked at like new ones.
EXAMINED = """
ALTER TABLE evidence
    ADD COLUMN state text NOT NULL DEFAULT 'RECEIVED'
        CHECK (state IN ('RECEIVED', 'CLEAN', 'NOT_SCANNED', 'INFECTED', 'UNREADABLE')),
    ADD COLUMN finding text,
    ADD COLUMN copy_sealed bytea,
    ADD COLUMN examined_at timestamptz,
    ADD COLUMN examine_after timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD CHECK (state NOT IN ('CLEAN', 'NOT_SCANNED') OR copy_sealed IS NOT NULL);
CREATE INDEX evidence_unexamined ON evidence (examine_after, evidence_id) WHERE state IN ('RECEIVED', 'NOT_SCANNED');
GRANT UPDATE (state, finding, copy_sealed, examined_at, examine_after) ON evidence TO complaints;
"""
UPLOADS = """
CREATE TABLE uploads (
    upload_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL REFERENCES complaints,
    length bigint NOT NULL,
    received bigint NOT NULL DEFAULT 0,
    stored bigint NOT NULL DEFAULT 0,
    frames integer NOT NULL DEFAULT 0,
    name_sealed bytea NOT NULL,
    done boolean NOT NULL DEFAULT false,
    expires_at timestamptz NOT NULL,
    CHECK (received BETWEEN 0 AND length AND done = (received = length))
);
CREATE INDEX uploads_complaint ON uploads (complaint_id);
CREATE INDEX uploads_expiry ON uploads (expires_at);
ALTER TABLE uploads ENABLE ROW LEVEL SECURITY;
ALTER TABLE uploads FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON uploads USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
CREATE POLICY public_own ON uploads
    USING (huiyin_role() = 'public'
        AND EXISTS (SELECT 1 FROM complaints AS c WHERE c.complaint_id = uploads.complaint_id))
    WITH CHECK (huiyin_role() = 'public'
        AND EXISTS (SELECT 1 FROM complaints AS c WHERE c.complaint_id = uploads.complaint_id));
GRANT SELECT, INSERT, UPDATE, DELETE ON uploads TO complaints;
"""


def upgrade() -> None:
    """Add the columns and the table."""
    for statements in (EXAMINED, UPLOADS):
        op.execute(statements)


def downgrade() -> None:
    """The copies stay on the disk; uploads that are not whole are given up."""
    op.execute("DROP TABLE uploads")
    op.execute("DROP INDEX evidence_unexamined")
    for column in ("state", "finding", "copy_sealed", "examined_at", "examine_after"):
        op.execute(f"ALTER TABLE evidence DROP COLUMN {column}")
