"""Codes that were issued anew: asked for, waiting for their first use; and sealed to the vault until they are sent."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A waiting code opens its complaint beside the old one; with its first use it takes the old one's place. Who may see
# what is still decided by the hash that the transaction gave: the functions look at nothing else. They are the owner's,
# whose own policies let it find a waiting code and put that very code in the place of the old one.
REISSUED = """
CREATE TABLE reissue_asks (
    ask_id uuid PRIMARY KEY,
    marks bytea[] NOT NULL,
    case_number text,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE reissued_codes (
    reissue_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL REFERENCES complaints,
    code_hash bytea NOT NULL UNIQUE,
    issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX reissued_codes_complaint ON reissued_codes (complaint_id);
GRANT SELECT, INSERT, DELETE ON reissue_asks TO complaints;
GRANT SELECT, INSERT ON reissued_codes TO complaints;

CREATE TABLE vault.sealed_codes (
    reissue_id uuid PRIMARY KEY,
    complaint_id uuid NOT NULL,
    contact_token uuid NOT NULL,
    sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sealed_codes_complaint ON vault.sealed_codes (complaint_id);
GRANT INSERT ON vault.sealed_codes TO complaints;
GRANT SELECT ON vault.sealed_codes TO vault;

CREATE FUNCTION huiyin_reissued() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT complaint_id FROM reissued_codes
    WHERE code_hash = huiyin_code() AND ended_at IS NULL AND expires_at > clock_timestamp() $$;

CREATE FUNCTION huiyin_use_reissued() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    DECLARE own uuid := huiyin_reissued();
    BEGIN
        UPDATE complaints SET query_code_hash = huiyin_code() WHERE complaint_id = own AND huiyin_reissued() = own;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        UPDATE reissued_codes SET ended_at = clock_timestamp() WHERE complaint_id = own AND ended_at IS NULL;
        DELETE FROM vault.sealed_codes WHERE complaint_id = own;
        RETURN true;
    END $$;

CREATE FUNCTION huiyin_forget_codes() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = vault, pg_temp
    AS $$ DELETE FROM sealed_codes WHERE expires_at <= clock_timestamp() $$;
REVOKE ALL ON FUNCTION huiyin_reissued(), huiyin_use_reissued(), huiyin_forget_codes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION huiyin_reissued(), huiyin_use_reissued(), huiyin_forget_codes() TO complaints;

ALTER POLICY public_own ON complaints USING (
    huiyin_role() = 'public' AND (query_code_hash = huiyin_code() OR complaint_id = (SELECT huiyin_reissued()))
);
CREATE POLICY owner_finds ON reissued_codes TO CURRENT_USER USING (true);
CREATE POLICY first_use ON complaints FOR UPDATE TO CURRENT_USER
    USING (complaint_id = (SELECT huiyin_reissued())) WITH CHECK (query_code_hash = huiyin_code());
"""


def upgrade() -> None:
    """Add the tables, and let a waiting code open its complaint."""
    op.execute(REISSUED)
    for table in ("reissue_asks", "reissued_codes"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY system_all ON {table} USING (huiyin_role() = 'system')"
            " WITH CHECK (huiyin_role() = 'system')"
        )


def downgrade() -> None:
    """Codes that were used stay; those that wait open nothing any more."""
    op.execute(
        "ALTER POLICY public_own ON complaints USING (huiyin_role() = 'public' AND query_code_hash = huiyin_code())"
    )
    op.execute("DROP POLICY first_use ON complaints")
    op.execute("DROP FUNCTION huiyin_use_reissued, huiyin_reissued, huiyin_forget_codes")
    op.execute("DROP TABLE vault.sealed_codes, reissued_codes, reissue_asks")
