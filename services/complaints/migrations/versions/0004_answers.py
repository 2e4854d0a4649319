"""Who is joined to a case that was answered before reads its answer."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Of a case that has the complaint now, the answers too, whenever they were given; of other steps those alone that were
# about the complaint. ``cases`` and ``complaints`` are read under policies of their own: they show the reporter's.
ANSWERS = """
DROP POLICY public_own ON timeline;
CREATE POLICY public_own ON timeline FOR SELECT USING (huiyin_role() = 'public' AND (
    EXISTS (SELECT 1 FROM complaints AS c WHERE c.complaint_id = ANY (timeline.complaint_ids))
    OR (act IN ('REVIEW_PASS', 'REPLY') AND EXISTS (
        SELECT 1 FROM cases AS k JOIN complaints AS c ON c.complaint_id = ANY (k.complaint_ids)
        WHERE k.case_id = timeline.case_id))));
"""


def upgrade() -> None:
    """Let the policy through what the reporter is answered."""
    for statement in ANSWERS.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """As before: who was joined after the answer does not read it."""
    op.execute("DROP POLICY public_own ON timeline")
    op.execute(
        "CREATE POLICY public_own ON timeline FOR SELECT USING (huiyin_role() = 'public' AND EXISTS ("
        "SELECT 1 FROM complaints AS c WHERE c.complaint_id = ANY (timeline.complaint_ids)))"
    )
