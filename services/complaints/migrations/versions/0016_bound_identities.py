"""An identity is sealed to its complaint besides its token; what comes without is refused, and what was there is found.

The vault seals those of before anew when it starts (vault/binding.py).
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# \x034856 is vault_keys.BOUND. Updates are let through: a correction that waited at the upgrade takes its identity's
# place unbound, and the vault binds it with the officer's word.
BOUND = """
CREATE FUNCTION vault.refuse_unbound() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'an identity is sealed to its complaint' USING ERRCODE = 'check_violation';
    END $$;
CREATE TRIGGER bound BEFORE INSERT ON vault.sealed_identities FOR EACH ROW
    WHEN (substring(NEW.sealed FROM 1 FOR 3) <> '\\x034856') EXECUTE FUNCTION vault.refuse_unbound();
CREATE TRIGGER bound BEFORE INSERT ON vault.corrections FOR EACH ROW
    WHEN (substring(NEW.sealed FROM 1 FOR 3) <> '\\x034856') EXECUTE FUNCTION vault.refuse_unbound();

-- For the audit's verification, as the system: complaints keeps which token is whose.
CREATE FUNCTION vault.misplaced() RETURNS TABLE (contact_token uuid, chains text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
    SELECT i.contact_token, ARRAY(
        SELECT 'case/' || cc.case_id FROM complaint_cases cc WHERE cc.complaint_id = i.complaint_id ORDER BY 1)
    FROM vault.sealed_identities i LEFT JOIN complaints c USING (complaint_id)
    WHERE c.contact_token IS DISTINCT FROM i.contact_token $$;
REVOKE ALL ON FUNCTION vault.misplaced() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.misplaced() TO vault;
"""


def upgrade() -> None:
    """Add triggers and function."""
    op.execute(BOUND)


def downgrade() -> None:
    """What is bound opens in no earlier version."""
    raise NotImplementedError("restore the database from before the upgrade instead")
