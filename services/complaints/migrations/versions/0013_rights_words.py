"""The signed word beside each officer's answer to a reporter's request about the own data."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# As 0011 did for the openings.
WORDS = """
SET LOCAL TimeZone = 'UTC';
ALTER TABLE vault.rights_decisions ADD COLUMN word text;
SELECT vault.audit_append('admin/rights', 'service/vault', 'RIGHTS_BEFORE_WORDS', NULL, NULL, (
    SELECT json_build_object('rights_decisions', count(line) || ' ' || encode(sha256(convert_to(
        coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex'))::text
    FROM (SELECT jsonb_build_array(request_id, complaint_id, case_id, kind, granted, officer, at, jti)::text AS line
        FROM vault.rights_decisions) AS unsigned
), NULL, NULL);
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(WORDS)


def downgrade() -> None:
    """What was signed is not thrown away."""
    raise NotImplementedError("restore the database from before the upgrade instead")
