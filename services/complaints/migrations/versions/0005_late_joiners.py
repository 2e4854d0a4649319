"""On a guarded case, who is joined after an answer learns when it was given, and no more of it."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Whether a case from before this revision is guarded (a report, or past its ordinary desk) was not kept: it counts as
# guarded until its next step. Steps other than answers and notes name no text and no outcome any more: theirs was the
# answer's, and a step after the joining is the late reporter's own.
LATE = """
SELECT set_config('huiyin.role', 'system', true);
ALTER TABLE cases ADD COLUMN guarded boolean NOT NULL DEFAULT true;
CREATE TABLE answers_given (
    case_id uuid NOT NULL,
    sequence integer NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (case_id, sequence)
);
INSERT INTO answers_given SELECT case_id, sequence, at FROM timeline WHERE act IN ('REVIEW_PASS', 'REPLY');
ALTER TABLE answers_given ENABLE ROW LEVEL SECURITY;
ALTER TABLE answers_given FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON answers_given USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
CREATE POLICY public_own ON answers_given FOR SELECT USING (huiyin_role() = 'public' AND EXISTS (
    SELECT 1 FROM cases AS k JOIN complaints AS c ON c.complaint_id = ANY (k.complaint_ids)
    WHERE k.case_id = answers_given.case_id));
GRANT SELECT, INSERT ON answers_given TO complaints;

UPDATE timeline SET outcome = NULL, document_id = NULL, document_sha256 = NULL
WHERE act NOT IN ('REVIEW_PASS', 'REPLY', 'REQUEST_SUPPLEMENT', 'REJECT', 'GRANT_EXTENSION');

DROP POLICY public_own ON timeline;
CREATE POLICY public_own ON timeline FOR SELECT USING (huiyin_role() = 'public' AND (
    EXISTS (SELECT 1 FROM complaints AS c WHERE c.complaint_id = ANY (timeline.complaint_ids))
    OR (act IN ('REVIEW_PASS', 'REPLY') AND EXISTS (
        SELECT 1 FROM cases AS k JOIN complaints AS c ON c.complaint_id = ANY (k.complaint_ids)
        WHERE k.case_id = timeline.case_id AND NOT k.guarded))));
"""


def upgrade() -> None:
    """Keep when answers were given beside the answers, and close those of guarded cases."""
    for statement in LATE.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """It would open answers of guarded cases to reporters whom they were not written for."""
    raise NotImplementedError("restore the database from before the upgrade instead")
