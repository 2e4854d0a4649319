"""Marks of a correction go when it is answered: what finds a reporter is kept in one place, which a deletion clears."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CHANGE = """
CREATE OR REPLACE FUNCTION huiyin_change_contact(request uuid) RETURNS void
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
        UPDATE rights_requests SET marks = NULL
        WHERE complaint_id = asked.complaint_id AND (request_id = request OR asked.kind = 'DELETION');
    END $$;
"""
# A correction that waits while its complaint's identity goes has nothing left to correct.
GO = """
GRANT UPDATE (marks) ON rights_requests TO complaints;
SELECT set_config('huiyin.role', 'system', true);
UPDATE rights_requests SET marks = NULL WHERE state <> 'WAITING' AND marks IS NOT NULL;
SELECT set_config('huiyin.role', '', true);
"""


def upgrade() -> None:
    """Replace the function, and remove the marks of what was answered."""
    op.execute(CHANGE)
    op.execute(GO)


def downgrade() -> None:
    """Marks that went are not made again."""
    raise NotImplementedError("restore the database from before the upgrade instead")
