"""Merged and split complaints: whose each step was, whose a case is now, and a rating for each case's answer."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Before this revision no case took over another's complaints: every step of a case was about all complaints linked.
# The last statement: a member of the public sees the steps that were about the own complaint and no others, also of a
# case that was joined with others later.
PARTS = """
SELECT set_config('huiyin.role', 'system', true);
ALTER TABLE cases ADD COLUMN complaint_ids uuid[] NOT NULL DEFAULT '{}';
UPDATE cases SET complaint_ids = ARRAY(
    SELECT complaint_id FROM complaint_cases AS cc WHERE cc.case_id = cases.case_id ORDER BY complaint_id);
ALTER TABLE timeline ADD COLUMN complaint_ids uuid[] NOT NULL DEFAULT '{}';
UPDATE timeline SET complaint_ids = ARRAY(
    SELECT complaint_id FROM complaint_cases AS cc WHERE cc.case_id = timeline.case_id ORDER BY complaint_id);

ALTER TABLE ratings ADD COLUMN case_id uuid;
UPDATE ratings SET case_id = (
    SELECT min(case_id::text)::uuid FROM complaint_cases AS cc WHERE cc.complaint_id = ratings.complaint_id);
ALTER TABLE ratings ALTER COLUMN case_id SET NOT NULL;
ALTER TABLE ratings DROP CONSTRAINT ratings_complaint_id_answer_key;
ALTER TABLE ratings ADD UNIQUE (complaint_id, case_id, answer);

DROP POLICY public_own ON timeline;
CREATE POLICY public_own ON timeline FOR SELECT USING (huiyin_role() = 'public' AND EXISTS (
    SELECT 1 FROM complaints AS c WHERE c.complaint_id = ANY (timeline.complaint_ids)));
"""


def upgrade() -> None:
    """Add what tells the parts of a complaint apart."""
    for statement in PARTS.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Ratings of two answers of one complaint have no place in the table before."""
    raise NotImplementedError("restore the database from before the upgrade instead")
