"""Openings of identities: requests, decisions, readings, refused attempts. The vault adds them, nobody changes them."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Four eyes and the one named officer stand in the keys: a decision repeats its request's officer and is another's; a
# reading repeats that the decision was a yes and who asked. Tokens are used once (jti).
OPENINGS = """
CREATE INDEX sealed_identities_complaint ON vault.sealed_identities (complaint_id);
CREATE TABLE vault.openings (
    opening_id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    complaint_id uuid NOT NULL,
    officer text NOT NULL,
    unit_id text NOT NULL,
    decides_unit text,
    aim text NOT NULL,
    fields text[] NOT NULL,
    open_minutes integer NOT NULL CHECK (open_minutes > 0),
    asked_at timestamptz NOT NULL,
    lapses_at timestamptz NOT NULL CHECK (lapses_at > asked_at),
    jti text NOT NULL UNIQUE,
    UNIQUE (opening_id, officer)
);
CREATE INDEX openings_case ON vault.openings (case_id);
CREATE INDEX openings_unit ON vault.openings (decides_unit, lapses_at);
CREATE TABLE vault.decisions (
    opening_id uuid PRIMARY KEY,
    asked_by text NOT NULL,
    granted boolean NOT NULL,
    denial text,
    officer text,
    unit_id text,
    at timestamptz NOT NULL,
    open_until timestamptz,
    jti text UNIQUE,
    FOREIGN KEY (opening_id, asked_by) REFERENCES vault.openings (opening_id, officer),
    UNIQUE (opening_id, asked_by, granted),
    CHECK (officer IS DISTINCT FROM asked_by),
    CHECK (NOT granted OR officer IS NOT NULL),
    CHECK (granted = (denial IS NULL)),
    CHECK (granted = (open_until IS NOT NULL))
);
CREATE TABLE vault.readings (
    reading_id bigserial PRIMARY KEY,
    opening_id uuid NOT NULL,
    officer text NOT NULL,
    granted boolean NOT NULL DEFAULT true CHECK (granted),
    at timestamptz NOT NULL,
    jti text NOT NULL UNIQUE,
    FOREIGN KEY (opening_id, officer, granted) REFERENCES vault.decisions (opening_id, asked_by, granted)
);
CREATE INDEX readings_opening ON vault.readings (opening_id);
CREATE TABLE vault.attempts (
    attempt_id bigserial PRIMARY KEY,
    opening_id uuid NOT NULL,
    case_id uuid NOT NULL,
    officer text NOT NULL,
    act text NOT NULL,
    refusal text NOT NULL,
    at timestamptz NOT NULL,
    jti text NOT NULL
);
CREATE INDEX attempts_case ON vault.attempts (case_id);
GRANT SELECT, INSERT ON vault.openings, vault.decisions, vault.readings, vault.attempts TO vault;
GRANT USAGE ON SEQUENCE vault.readings_reading_id_seq, vault.attempts_attempt_id_seq TO vault;
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(OPENINGS)


def downgrade() -> None:
    """The record of who looked at an identity is not thrown away."""
    raise NotImplementedError("restore the database from before the upgrade instead")
