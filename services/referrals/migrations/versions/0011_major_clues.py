"""The authority above to which a major clue was reported has a part in the case."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

PARTS = """
ALTER TABLE case_units DROP CONSTRAINT case_units_part_check;
ALTER TABLE case_units ADD CONSTRAINT case_units_part_check
    CHECK (part IN ('DESK', 'HOLDER', 'SUPPORT', 'ARBITER', 'RECEIVER', 'SUPERIOR', 'PAST'));
"""


def upgrade() -> None:
    """Allow the part."""
    op.execute(PARTS)


def downgrade() -> None:
    """Cases that were reported upward have no place in the tables before."""
    raise NotImplementedError("restore the database from before the upgrade instead")
