"""The tables that every service's database has, as SQL for its first migration."""

PRINCIPAL_DDL = """
CREATE FUNCTION huiyin_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT NULLIF(current_setting('huiyin.role', true), '') $$;
CREATE FUNCTION huiyin_account() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT NULLIF(current_setting('huiyin.account', true), '') $$;
CREATE FUNCTION huiyin_units() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT string_to_array(NULLIF(current_setting('huiyin.units', true), ''), ',') $$;
CREATE FUNCTION huiyin_restricted() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT COALESCE(current_setting('huiyin.restricted', true), '') = 'on' $$;
"""

OUTBOX_DDL = """
CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    headers jsonb NOT NULL,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);
"""

INBOX_DDL = """
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, event_id)
);
"""

# A null key has no order to keep: such a row blocks nobody. `place` is Kafka's offset, or the id of an outbox row.
# `headers` is json, not jsonb: that refuses \u0000, and poison may hold anything.
DEAD_LETTERS_DDL = """
CREATE TABLE dead_letters (
    id bigserial PRIMARY KEY,
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    place bigint NOT NULL,
    key text,
    event_id text,
    type text,
    headers json NOT NULL,
    payload bytea,
    digest text NOT NULL,
    state text NOT NULL CHECK (state IN ('DEAD', 'WAITING', 'REQUEUED', 'DISCARDED')),
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (consumer, topic, partition, place, digest)
);
CREATE INDEX dead_letters_blocking ON dead_letters (consumer, topic, key, id) WHERE state <> 'DISCARDED';
"""

CLOCK_DDL = """
CREATE TABLE business_clock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    anchor_wall timestamptz NOT NULL,
    anchor_business timestamptz NOT NULL,
    rate double precision NOT NULL CHECK (rate > 0)
);
INSERT INTO business_clock (anchor_wall, anchor_business, rate) SELECT now(), now(), 1;
"""

CHASSIS_DDL = PRINCIPAL_DDL + OUTBOX_DDL + INBOX_DDL + DEAD_LETTERS_DDL + CLOCK_DDL


def chassis_grants(role: str) -> str:
    """What the service's own role may do with the tables of CHASSIS_DDL."""
    if not role.replace("_", "").isalnum():
        raise ValueError("a role is an identifier")
    return f"""
GRANT SELECT, INSERT, DELETE ON outbox TO {role};
GRANT SELECT, INSERT, DELETE ON inbox TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters TO {role};
GRANT SELECT, INSERT, UPDATE ON business_clock TO {role};
GRANT USAGE ON SEQUENCE outbox_id_seq, dead_letters_id_seq TO {role};
"""
