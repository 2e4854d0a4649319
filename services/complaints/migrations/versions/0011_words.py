"""The signed word beside each row of the openings; the vault's first log, which nobody writes, goes into the audit."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# What is there already has no word. How many rows, and their hash, go on the audit: none can be added to them later.
# The expressions are those of vault/words.py.
WORDS = """
SET LOCAL TimeZone = 'UTC';
ALTER TABLE vault.openings ADD COLUMN word text;
ALTER TABLE vault.decisions ADD COLUMN word text;
ALTER TABLE vault.readings ADD COLUMN word text;

CREATE FUNCTION pg_temp.digest(lines text[]) RETURNS text LANGUAGE sql AS $$
    SELECT count(line) || ' ' || encode(sha256(convert_to(
        coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex') FROM unnest(lines) AS line
$$;
SELECT vault.audit_append('admin/openings', 'service/vault', 'OPENINGS_BEFORE_WORDS', NULL, NULL, json_build_object(
    'openings', pg_temp.digest(ARRAY(SELECT jsonb_build_array(opening_id, case_id, complaint_id, officer, unit_id,
        decides_unit, aim, fields, open_minutes, asked_at, lapses_at, jti)::text FROM vault.openings)),
    'decisions', pg_temp.digest(ARRAY(SELECT jsonb_build_array(opening_id, asked_by, granted, denial, officer, unit_id,
        at, open_until, jti)::text FROM vault.decisions)),
    'readings', pg_temp.digest(ARRAY(SELECT jsonb_build_array(opening_id, officer, at, jti)::text FROM vault.readings))
)::text, NULL, NULL);
DROP FUNCTION pg_temp.digest(text[]);
"""
# On one chain: each chain that a transaction writes to holds a lock until its end.
FIRST_LOG = """
SELECT vault.audit_append('admin/contacts', 'service/' || caller, 'ADDRESS_OPENED', contact_token::text, purpose,
    json_build_object('at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'found', found,
        'notice', notice_id, 'token', jti)::text, NULL, NULL)
FROM (SELECT * FROM vault.access_log ORDER BY access_id) AS logged;
DROP TABLE vault.access_log;
"""


def upgrade() -> None:
    """Add the columns, and move the log."""
    op.execute(WORDS)
    op.execute(FIRST_LOG)


def downgrade() -> None:
    """What was signed is not thrown away."""
    raise NotImplementedError("restore the database from before the upgrade instead")
