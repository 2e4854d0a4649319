"""The audit's tables and the one function that writes them, as SQL for a migration."""

LOG = "audit_log"
PENDING = "audit_pending"
SEALS = "audit_seals"

# A chain's rows are numbered without gaps, and each hash covers every column of its row and the hash before it:
# digest.py has the same formula. The application's role may read and call the function: it can't change, remove or
# number a row. The lock makes writers of one chain wait for each other's end, so that order is the order of commits.
# `audit_pending` holds the heads that the sealer has not anchored yet; `audit_seals` what it knows to be anchored.
_DDL = """
CREATE TABLE {schema}.audit_log (
    chain text COLLATE "C" NOT NULL CHECK (chain ~ '^[a-z]{{1,20}}/[A-Za-z0-9._-]{{1,80}}$'),
    sequence bigint NOT NULL CHECK (sequence >= 1),
    at timestamptz NOT NULL,
    actor text NOT NULL CHECK (length(actor) BETWEEN 3 AND 120),
    action text NOT NULL CHECK (action ~ '^[A-Z][A-Z0-9_]{{1,40}}$'),
    subject text CHECK (length(subject) <= 200),
    purpose text CHECK (length(purpose) <= 80),
    details text NOT NULL CHECK (octet_length(details) <= 8192),
    ip text CHECK (length(ip) <= 64),
    user_agent text CHECK (length(user_agent) <= 200),
    prev_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (chain, sequence)
);
CREATE TABLE {schema}.audit_pending (
    id bigserial PRIMARY KEY,
    chain text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    hash text NOT NULL
);
ALTER TABLE {schema}.audit_pending
    SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);
CREATE TABLE {schema}.audit_seals (
    batch bigint PRIMARY KEY,
    line_hash text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION {schema}.audit_net(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN value IS NULL THEN '-' ELSE octet_length(value) || ':' || value || ',' END $$;

CREATE FUNCTION {schema}.audit_append(
    to_chain text, by_actor text, what text, about text, why text, more text, from_ip text, agent text
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    previous record;
    number bigint;
    moment timestamptz;
    digest text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('{schema}.audit ' || to_chain, 0));
    SELECT l.sequence, l.hash INTO previous FROM audit_log AS l
        WHERE l.chain = to_chain ORDER BY l.sequence DESC LIMIT 1;
    number := coalesce(previous.sequence, 0) + 1;
    moment := clock_timestamp();
    digest := encode(sha256(convert_to(
        coalesce(previous.hash, repeat('0', 64)) || audit_net(to_chain) || audit_net(number::text)
        || audit_net((extract(epoch FROM moment) * 1000000)::bigint::text) || audit_net(by_actor) || audit_net(what)
        || audit_net(about) || audit_net(why) || audit_net(more) || audit_net(from_ip) || audit_net(agent),
        'UTF8')), 'hex');
    INSERT INTO audit_log VALUES (to_chain, number, moment, by_actor, what, about, why, more, from_ip, agent,
        coalesce(previous.hash, repeat('0', 64)), digest);
    INSERT INTO audit_pending (chain, sequence, hash) VALUES (to_chain, number, digest);
    RETURN number;
END
$$;

ALTER TABLE {schema}.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE {schema}.audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_log_owner ON {schema}.audit_log TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY audit_log_read ON {schema}.audit_log FOR SELECT TO {role}
    USING (huiyin_role() IN ('system', 'auditor'));
GRANT SELECT ON {schema}.audit_log TO {role};
GRANT SELECT, INSERT, DELETE ON {schema}.audit_pending TO {role};
GRANT SELECT, INSERT ON {schema}.audit_seals TO {role};
GRANT USAGE ON SEQUENCE {schema}.audit_pending_id_seq TO {role};
REVOKE ALL ON FUNCTION
    {schema}.audit_append(text, text, text, text, text, text, text, text), {schema}.audit_net(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.audit_append(text, text, text, text, text, text, text, text) TO {role};
"""


def audit_ddl(role: str, schema: str = "public") -> str:
    """What a service's audit needs, for the migration of its owner; ``role`` is the running service's.

    Raises ValueError unless both are identifiers.
    """
    if not (role.isidentifier() and schema.isidentifier()):
        raise ValueError("role and schema are identifiers")
    return _DDL.format(role=role, schema=schema)
