"""Who was let read a case's texts and what papers went out stand on the audit; a history's hash covers when it was
recorded, and its head is anchored."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The officers of a case see who read its texts and which papers went out, as before; where those were is in columns
# that the application doesn't read for them.
SEEN = """
CREATE POLICY audit_log_officer ON audit_log FOR SELECT TO referrals USING (
    CASE WHEN huiyin_role() = 'officer' AND left(chain, 5) = 'case/' AND action IN ('TEXTS_GRANTED', 'PAPER_ISSUED')
         THEN case_visible(substr(chain, 6)::uuid) ELSE false END);
"""

# What was on record goes over in its order; `at` in the details is when it was, the row's own when it was taken over.
# Nobody else writes meanwhile: a lock for each case would be more than the server keeps for one transaction.
TAKEN_OVER = """
LOCK TABLE audit_log IN EXCLUSIVE MODE;
DO $$
DECLARE
    kept record;
    whole text := pg_get_functiondef('audit_append'::regproc);
BEGIN
    EXECUTE regexp_replace(whole, 'PERFORM pg_advisory_xact_lock[^;]*;', '');
    FOR kept IN
        SELECT case_id, account_id, at, 'TEXTS_GRANTED' AS action, grant_id AS subject, purpose,
            json_build_object('unit', unit_id, 'fields', to_json(fields), 'at', at) AS details
        FROM grants_log
        UNION ALL
        SELECT case_id, account_id, recorded_at, 'PAPER_ISSUED', export_id, NULL,
            json_build_object('step', sequence, 'kind', kind, 'signed', signed, 'unit', unit_id,
                'receiver', receiver_id, 'sha256', sha256, 'at', at)
        FROM exports
        ORDER BY at, subject
    LOOP
        PERFORM audit_append('case/' || kept.case_id, 'account/' || kept.account_id, kept.action, kept.subject::text,
            kept.purpose, kept.details::text, NULL, NULL);
    END LOOP;
    EXECUTE whole;
END
$$;
DROP TABLE grants_log;
DROP TABLE exports;
"""

HISTORY = """
ALTER TABLE case_history ADD COLUMN form smallint NOT NULL DEFAULT 1;
INSERT INTO audit_pending (chain, sequence, hash) SELECT 'history/' || case_id, sequence, last_hash FROM cases;
"""


def upgrade() -> None:
    """Nothing that was on record is lost."""
    op.execute(SEEN)
    op.execute(TAKEN_OVER)
    op.execute(HISTORY)


def downgrade() -> None:
    """It would take the record of readings apart."""
    raise NotImplementedError("restore the database from before the upgrade instead")
