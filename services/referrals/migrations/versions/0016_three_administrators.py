"""Three administrators in place of one: system, security, audit. Nobody holds two of the roles."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Who administered everything keeps units and accounts; roles are granted, and the audit is read, by other people, whom
# `huiyin admin create --duty` sets up.
SEPARATE = """
INSERT INTO account_roles (account_id, role)
    SELECT account_id, 'SYSTEM_ADMIN' FROM account_roles WHERE role = 'ADMIN' ON CONFLICT DO NOTHING;
DELETE FROM account_roles WHERE role = 'ADMIN';
-- An administrator works on no case: who did both keeps the administration; the rest is granted to another account.
DELETE FROM account_roles AS r WHERE role <> 'SYSTEM_ADMIN'
    AND EXISTS (SELECT 1 FROM account_roles AS a WHERE a.account_id = r.account_id AND a.role = 'SYSTEM_ADMIN');
CREATE UNIQUE INDEX account_roles_one_administration ON account_roles (account_id)
    WHERE role IN ('SYSTEM_ADMIN', 'SECURITY_ADMIN', 'AUDIT_ADMIN');
"""


def upgrade() -> None:
    """Rename the role and keep the three apart."""
    op.execute(SEPARATE)


def downgrade() -> None:
    """One administrator for everything is what this ends."""
    raise NotImplementedError("restore the database from before the upgrade instead")
