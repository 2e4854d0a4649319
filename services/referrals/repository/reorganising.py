"""Units that have a successor and officers who have left: what moves at once, and the cases that are still to be told.

The cases to tell are found from what they still are: nothing is forgotten, whenever a process ends.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.referrals.domain import Unit
from services.referrals.repository import units
from services.referrals.repository.sql import Row, execute, rows

_ASK = """
UPDATE units SET successor_asked = $2, successor_asked_by = $3
WHERE unit_id = $1 AND successor_asked IS DISTINCT FROM $2
"""
_CONFIRM = """
UPDATE units SET successor_asked = NULL, successor_asked_by = NULL
WHERE unit_id = $1 AND successor_asked = $2 AND successor_asked_by <> $3
"""
_CLOSE = """
UPDATE units SET active = false, successor_id = $2, successor_asked = NULL, successor_asked_by = NULL WHERE unit_id = $1
"""
_MOVE_UNITS = """
UPDATE units SET parent_id = CASE WHEN parent_id = $1 THEN $2 ELSE parent_id END,
    path = $3::text[] || path[array_position(path, $1) + 1:]
WHERE path @> ARRAY[$1::text] AND unit_id <> $1
"""
_STAND_FOR = """
WITH RECURSIVE gone(unit_id) AS (
    SELECT $1::text UNION SELECT u.unit_id FROM units AS u JOIN gone ON u.successor_id = gone.unit_id
)
UPDATE units SET stands_for = ARRAY(
    SELECT unnest(stands_for) UNION SELECT unit_id FROM gone ORDER BY 1
) WHERE path @> ARRAY[$2::text]
"""
_MOVE_ACCOUNTS = """
UPDATE accounts AS a SET unit_id = $2 WHERE unit_id = $1 AND active
RETURNING account_id,
    ARRAY(SELECT role FROM account_roles AS r WHERE r.account_id = a.account_id ORDER BY role) AS roles
"""
_SHOW_PAST = """
INSERT INTO case_units (case_id, unit_id, part) SELECT case_id, $2, 'PAST' FROM case_units WHERE unit_id = $1
ON CONFLICT DO NOTHING
"""
_SUCCESSIONS = """
WITH gone AS (SELECT unit_id, successor_id FROM units WHERE successor_id IS NOT NULL), touched AS (
    SELECT cu.case_id, g.unit_id, g.successor_id
    FROM gone AS g JOIN case_units AS cu ON cu.unit_id = g.unit_id WHERE cu.part <> 'PAST'
    UNION
    SELECT r.case_id, g.unit_id, g.successor_id
    FROM gone AS g JOIN case_respondents AS r ON r.unit_id = g.unit_id WHERE NOT EXISTS (
        SELECT 1 FROM case_respondents AS heir WHERE heir.case_id = r.case_id AND heir.unit_id = g.successor_id)
)
SELECT t.* FROM touched AS t JOIN cases AS c ON c.case_id = t.case_id WHERE c.stage <> 'ARCHIVED'
ORDER BY t.case_id, t.unit_id LIMIT $1
"""
_DEPARTURES = """
SELECT t.case_id, t.assignee, h.account_id AS heir_id
FROM accounts AS a JOIN tasks AS t ON t.assignee = a.account_id
LEFT JOIN accounts AS h ON h.account_id = a.heir_id AND h.active AND h.unit_id = t.unit_id AND EXISTS (
    SELECT 1 FROM account_roles AS r WHERE r.account_id = h.account_id AND r.role = t.role)
WHERE NOT a.active ORDER BY t.case_id LIMIT $1
"""


async def ask_successor(session: AsyncSession, unit_id: str, successor_id: str, by: str) -> bool:
    """Note who asks that the unit be succeeded, in place of another successor that was asked for; False when it is
    asked already."""
    return bool(await execute(session, _ASK, unit_id, successor_id, by))


async def confirm_successor(session: AsyncSession, unit_id: str, successor_id: str, by: str) -> bool:
    """Use up what another asked for; False when nobody else asked for this."""
    return bool(await execute(session, _CONFIRM, unit_id, successor_id, by))


async def succeed(session: AsyncSession, old: Unit, new: Unit) -> None:
    """Close a unit in favour of its successor: units below it and the sight of its cases move at once."""
    units.forget(session)
    await execute(session, _CLOSE, old.unit_id, new.unit_id)
    await execute(session, _MOVE_UNITS, old.unit_id, new.unit_id, list(new.path))
    for statement in (_STAND_FOR, _SHOW_PAST):
        await execute(session, statement, old.unit_id, new.unit_id)


async def move_officers(session: AsyncSession, unit_id: str, to: str) -> Sequence[Row]:
    """Let the officers of a closed unit work in another, in the roles that they have; their ids and roles."""
    return sorted(await rows(session, _MOVE_ACCOUNTS, unit_id, to), key=lambda row: row["account_id"])


async def successions(session: AsyncSession, limit: int) -> Sequence[Row]:
    """Open cases in which a closed unit still has a part, or is a respondent without its successor beside it."""
    return await rows(session, _SUCCESSIONS, limit)


async def departures(session: AsyncSession, limit: int) -> Sequence[Row]:
    """Open tasks of closed accounts; ``heir_id`` where a colleague of the task's unit and role takes them."""
    return await rows(session, _DEPARTURES, limit)
