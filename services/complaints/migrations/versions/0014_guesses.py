"""Guesses at who a reporter is, counted for a day whatever process, browser or address they come by."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# `mark`: of the name that was typed (keyed), the case number that was typed, or the complaint's id, by `kind`.
GUESSES = """
CREATE TABLE guesses (
    kind text NOT NULL,
    mark bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX guesses_of ON guesses (kind, mark, at);
CREATE INDEX guesses_at ON guesses (at);
ALTER TABLE guesses ENABLE ROW LEVEL SECURITY;
ALTER TABLE guesses FORCE ROW LEVEL SECURITY;
CREATE POLICY system_all ON guesses USING (huiyin_role() = 'system') WITH CHECK (huiyin_role() = 'system');
GRANT SELECT, INSERT, DELETE ON guesses TO complaints;
ALTER TABLE reissue_asks ADD COLUMN name_mark bytea;
"""


def upgrade() -> None:
    """Add the table, and the mark of the name that is asked with."""
    op.execute(GUESSES)


def downgrade() -> None:
    """Nothing is counted any more."""
    op.execute("ALTER TABLE reissue_asks DROP COLUMN name_mark")
    op.execute("DROP TABLE guesses")
