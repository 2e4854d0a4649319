"""Values that are sealed under a service's keyring: how many under which key, and all of them under the current one.

Runs beside the service: a value is replaced only while it is the one that was read. What is done is committed with each
batch, and found done when the work begins again.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.crypto import Keyring, SealBroken, header
from services.chassis.db import SYSTEM, Database, execute, rows

BATCH = 500

# Names of tables and columns are filled in; they are constants of the services.
_UNDER = """SELECT substring({value} FROM 3 FOR get_byte({value}, 1)) AS key, count(*) AS values
    FROM {table} WHERE length({value}) > 2 GROUP BY 1 ORDER BY 1"""
_OTHERS = """SELECT {id} AS id, {value} AS value FROM {table}
    WHERE ($1::{id_type} IS NULL OR {id} > $1) AND length({value}) > 2
    AND substring({value} FROM 1 FOR $2) <> $3 ORDER BY {id} LIMIT $4"""
_REPLACE = """UPDATE {table} AS t SET {value} = n.sealed
    FROM unnest($1::{id_type}[], $2::bytea[], $3::bytea[]) AS n (id, was, sealed)
    WHERE t.{id} = n.id AND t.{value} = n.was"""


@dataclass(frozen=True)
class SealedColumn:
    """A column of values that `Keyring.encrypt` gave; ``aad`` makes what a value is bound to from its row's id."""

    table: str
    id: str
    id_type: str
    value: str
    aad: Callable[[str], bytes]

    @property
    def name(self) -> str:
        """table.column"""
        return f"{self.table}.{self.value}"

    @property
    def sql(self) -> dict[str, str]:
        """Its names, for statements."""
        return {"table": self.table, "id": self.id, "id_type": self.id_type, "value": self.value}


@dataclass
class Tally:
    """How far it is: ``broken`` ones no key of the ring opens, and they stay as they were."""

    done: int = 0
    broken: int = 0


async def under(session: AsyncSession, column: SealedColumn) -> dict[str, int]:
    """How many values stand under each key's id."""
    found = await rows(
        session,
        _UNDER.format(**column.sql),
    )
    return {bytes(row["key"]).decode(errors="replace"): row["values"] for row in found}


async def rewrap(db: Database, ring: Keyring, column: SealedColumn) -> AsyncIterator[Tally]:
    """Seal each value anew under the ring's current key; yields how far it is after each batch."""
    tally, last = Tally(), None
    head = header(ring.suite, ring.current)
    while True:
        async with db.session(SYSTEM) as session:
            batch = await rows(
                session,
                _OTHERS.format(**column.sql),
                last,
                len(head),
                head,
                BATCH,
            )
            if not batch:
                return
            last = batch[-1]["id"]
            sealed = [(row["id"], row["value"], _again(ring, column, row["id"], row["value"])) for row in batch]
            changed = [each for each in sealed if each[2] is not None]
            await execute(
                session,
                _REPLACE.format(**column.sql),
                *([each[part] for each in changed] for part in range(3)),
            )
        tally.done += len(changed)
        tally.broken += len(sealed) - len(changed)
        yield tally


def _again(ring: Keyring, column: SealedColumn, row_id: object, value: bytes) -> bytes | None:
    aad = column.aad(str(row_id))
    try:
        return ring.encrypt(ring.decrypt(value, aad), aad)
    except SealBroken:
        return None
