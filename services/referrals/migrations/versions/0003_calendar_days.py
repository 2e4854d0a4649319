"""Own calendar days, a full table for every import, so that a deadline's calendar version stays readable."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE calendar_versions (
    ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{12}$'),
    years integer[] NOT NULL,
    file_name text NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE calendar_days (
    ordinal bigint NOT NULL REFERENCES calendar_versions,
    day date NOT NULL,
    working boolean NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (ordinal, day)
);
GRANT SELECT, INSERT ON calendar_versions, calendar_days TO referrals;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Take them away; deadlines that rest on them keep their dates."""
    op.execute("DROP TABLE calendar_days; DROP TABLE calendar_versions")
