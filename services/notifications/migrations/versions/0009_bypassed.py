"""Cases that were sent past an accused desk are guarded as INTEGRITY ones are: also those of before this revision."""

from alembic import op

revision = "notifications_0009"
down_revision = "notifications_0008"
branch_labels = None
depends_on = None

# The ledger names the step; its seats come with the case's next one. Until then whom it last gave a task sees the case,
# and nobody where it gave none.
SEATED = """
SELECT set_config('huiyin.role', 'system', true);
INSERT INTO restricted_cases (case_id, sequence, unit_ids)
SELECT past.case_id, past.sequence, coalesce((
    SELECT ARRAY[n.unit_id] FROM notices AS n
    WHERE n.case_id = past.case_id AND n.sequence >= past.sequence AND n.template = 'NEW_TASK'
    ORDER BY n.sequence DESC LIMIT 1), '{}')
FROM (SELECT case_id, max(sequence) AS sequence FROM notices WHERE data->>'act' = 'BYPASS' GROUP BY case_id) AS past
ON CONFLICT (case_id) DO NOTHING;
SELECT set_config('huiyin.role', '', true);
"""


def upgrade() -> None:
    """From what the ledger says of the step."""
    op.execute(SEATED)


def downgrade() -> None:
    """There is no way back to notices that the accused may see."""
    raise NotImplementedError("drop the database instead")
