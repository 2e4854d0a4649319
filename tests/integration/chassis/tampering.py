"""What somebody with every right in the database may do to its audit afterwards, each at a random place."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import asyncpg

from services.chassis.audit.digest import row_hash

CHAINS = [f"case/{number:08d}" for number in range(12)] + ["admin/units", "admin/keys", "account/a-1", "account/a-10"]
COLUMNS = ("chain", "sequence", "at", "actor", "action", "subject", "purpose", "details", "ip", "user_agent",
           "prev_hash", "hash")  # fmt: skip

Tampering = Callable[[asyncpg.Connection, random.Random], Awaitable[str]]


async def any_row(owner: asyncpg.Connection, dice: random.Random) -> asyncpg.Record:
    found = await owner.fetch("SELECT * FROM audit_log ORDER BY chain, sequence")
    return dice.choice(found)


def another(value: object, dice: random.Random) -> object:
    """A value of the same type that is not the same."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=dice.choice([-1, 1, 3_600_000_000]))
    if isinstance(value, str) and len(value) == 64:
        place = dice.randrange(64)
        return value[:place] + ("0" if value[place] != "0" else "1") + value[place + 1 :]
    return f"{value or ''}x"


async def edit(owner: asyncpg.Connection, dice: random.Random) -> str:
    row = await any_row(owner, dice)
    column = dice.choice([name for name in COLUMNS if name not in ("chain", "sequence")])
    changed: object = another(row[column], dice)
    if column == "action":
        changed = "OTHER"
    elif column in ("subject", "purpose", "ip", "user_agent") and row[column] is not None and dice.random() < 0.5:
        changed = None
    await owner.execute(
        f"UPDATE audit_log SET {column} = $3 WHERE chain = $1 AND sequence = $2", row["chain"], row["sequence"], changed
    )
    return f"{column} of {row['chain']}#{row['sequence']}"


async def edit_and_hash_anew(owner: asyncpg.Connection, dice: random.Random) -> str:
    """As somebody does who knows the formula: the rest of the chain is written to fit."""
    row = await any_row(owner, dice)
    rest = await owner.fetch(
        "SELECT * FROM audit_log WHERE chain = $1 AND sequence >= $2 ORDER BY sequence", row["chain"], row["sequence"]
    )
    previous, actor = row["prev_hash"], "account/innocent"
    for place, each in enumerate(rest):
        new = {**each, "actor": actor if place == 0 else each["actor"]}
        digest = row_hash(previous, new)
        await owner.execute(
            "UPDATE audit_log SET actor = $3, prev_hash = $4, hash = $5 WHERE chain = $1 AND sequence = $2",
            each["chain"], each["sequence"], new["actor"], previous, digest,
        )  # fmt: skip
        previous = digest
    return f"{row['chain']} from {row['sequence']} on"


async def delete(owner: asyncpg.Connection, dice: random.Random) -> str:
    row = await any_row(owner, dice)
    await owner.execute("DELETE FROM audit_log WHERE chain = $1 AND sequence = $2", row["chain"], row["sequence"])
    return f"{row['chain']}#{row['sequence']}"


async def cut(owner: asyncpg.Connection, dice: random.Random) -> str:
    row = await any_row(owner, dice)
    await owner.execute("DELETE FROM audit_log WHERE chain = $1 AND sequence >= $2", row["chain"], row["sequence"])
    return f"{row['chain']} from {row['sequence']} on"


async def take_away(owner: asyncpg.Connection, dice: random.Random) -> str:
    row = await any_row(owner, dice)
    await owner.execute("DELETE FROM audit_log WHERE chain = $1", row["chain"])
    return str(row["chain"])


async def close_the_gap(owner: asyncpg.Connection, dice: random.Random) -> str:
    """Delete a row and number the later ones anew."""
    row = await any_row(owner, dice)
    await owner.execute("DELETE FROM audit_log WHERE chain = $1 AND sequence = $2", row["chain"], row["sequence"])
    await shift(owner, row["chain"], row["sequence"], -1)
    return f"{row['chain']}#{row['sequence']}"


async def insert(owner: asyncpg.Connection, dice: random.Random) -> str:
    """A copy of any row before, or at the end of, any chain."""
    row, place = await any_row(owner, dice), await any_row(owner, dice)
    at = place["sequence"] if dice.random() < 0.5 else None
    if at is None:
        at = 1 + await owner.fetchval("SELECT max(sequence) FROM audit_log WHERE chain = $1", place["chain"])
    await shift(owner, place["chain"], at - 1, 1)
    await owner.execute(
        f"INSERT INTO audit_log ({', '.join(COLUMNS)}) VALUES ({', '.join(f'${n}' for n in range(1, 13))})",
        place["chain"], at, *(row[name] for name in COLUMNS[2:]),
    )  # fmt: skip
    return f"{row['chain']}#{row['sequence']} as {place['chain']}#{at}"


async def reorder(owner: asyncpg.Connection, dice: random.Random) -> str:
    """Two rows of a chain change places, with or without their hashes."""
    chain = dice.choice(await owner.fetch("SELECT chain FROM audit_log GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"))[0]
    one, other = dice.sample(await owner.fetch("SELECT * FROM audit_log WHERE chain = $1", chain), 2)
    await swap(owner, one, other, dice)
    return f"{chain}: {one['sequence']} and {other['sequence']}"


async def swap_between_chains(owner: asyncpg.Connection, dice: random.Random) -> str:
    one, other = await any_row(owner, dice), await any_row(owner, dice)
    while other["chain"] == one["chain"]:
        other = await any_row(owner, dice)
    await swap(owner, one, other, dice)
    return f"{one['chain']}#{one['sequence']} and {other['chain']}#{other['sequence']}"


async def rename(owner: asyncpg.Connection, dice: random.Random) -> str:
    """A whole chain under another name."""
    row = await any_row(owner, dice)
    await owner.execute("UPDATE audit_log SET chain = 'case/elsewhere' WHERE chain = $1", row["chain"])
    return str(row["chain"])


async def swap(owner: asyncpg.Connection, one: asyncpg.Record, other: asyncpg.Record, dice: random.Random) -> None:
    taken = COLUMNS[2:] if dice.random() < 0.5 else COLUMNS[2:-2]
    for there, here in ((one, other), (other, one)):
        await owner.execute(
            f"UPDATE audit_log SET {', '.join(f'{name} = ${n}' for n, name in enumerate(taken, 3))}"
            " WHERE chain = $1 AND sequence = $2",
            there["chain"], there["sequence"], *(here[name] for name in taken),
        )  # fmt: skip


async def shift(owner: asyncpg.Connection, chain: str, above: int, by: int) -> None:
    """Number the rows above a place anew, the key's uniqueness kept at every moment."""
    await owner.execute(
        "UPDATE audit_log SET sequence = sequence + 10000 WHERE chain = $1 AND sequence > $2", chain, above
    )
    await owner.execute(
        "UPDATE audit_log SET sequence = sequence - 10000 + $2 WHERE chain = $1 AND sequence > 10000", chain, by
    )


TAMPERINGS: tuple[Tampering, ...] = (
    edit, edit, edit, edit_and_hash_anew, delete, delete, cut, take_away, close_the_gap, insert, reorder,
    swap_between_chains, rename,
)  # fmt: skip
