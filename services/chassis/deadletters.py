"""Messages that could not be handled, in the consumer's own database, with the later ones of their key behind them.

States: DEAD (the poison; blocks its key), WAITING (behind it, in order), REQUEUED (an operator wants it handled again;
the running consumer does), DISCARDED (an operator gave it up; blocks nothing). A row that was handled is deleted.
All of a key's changes happen under its advisory lock, so that a live message can't slip past a waiting one.
"""

# ruff: noqa: S608 the statements are put together from constants only

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import rows

CHANNEL = "huiyin_dead_letters"
RELAY = "relay"

State = Literal["DEAD", "WAITING", "REQUEUED", "DISCARDED"]
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Letter:
    """A message as it came. `place` is Kafka's offset (or an outbox row's id). `key` None: no order to keep."""

    consumer: str
    topic: str
    partition: int
    place: int
    key: str | None
    headers: Headers
    payload: bytes | None
    event_id: str | None = None
    type: str | None = None

    @property
    def digest(self) -> str:
        """Tells this message from another at the same place, after a topic was made anew."""
        digest = hashlib.sha256(repr(list(self.headers)).encode())
        digest.update(b"null" if self.payload is None else b"value" + self.payload)
        return digest.hexdigest()


@dataclass(frozen=True)
class Parked:
    """A row of dead_letters."""

    id: int
    letter: Letter
    state: State
    reason: str
    attempts: int
    created_at: datetime
    updated_at: datetime


_COLUMNS = """id, consumer, topic, partition, place, key, event_id, type, headers, payload, state, reason, attempts,
    created_at, updated_at"""

_PARK = """
INSERT INTO dead_letters
    (consumer, topic, partition, place, key, event_id, type, headers, payload, digest, state, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json, $9, $10, $11, $12)
ON CONFLICT (consumer, topic, partition, place, digest) DO NOTHING
"""
_BLOCKED = """
SELECT DISTINCT key FROM dead_letters
WHERE consumer = $1 AND topic = $2 AND key = ANY($3::text[]) AND state <> 'DISCARDED'
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 4846121))"
# Heads: the oldest row of each key. A DEAD head blocks; a WAITING one has nothing before it any more.
_READY = f"""
SELECT {_COLUMNS} FROM (
    SELECT DISTINCT ON (topic, key) * FROM dead_letters
    WHERE consumer = $1 AND state <> 'DISCARDED' AND key IS NOT NULL
    ORDER BY topic, key, id
) heads WHERE state IN ('REQUEUED', 'WAITING')
UNION ALL
SELECT {_COLUMNS} FROM dead_letters WHERE consumer = $1 AND state = 'REQUEUED' AND key IS NULL
ORDER BY id LIMIT 200
"""
_HEAD = f"""
SELECT {_COLUMNS} FROM dead_letters
WHERE consumer = $1 AND topic = $2 AND key = $3 AND state <> 'DISCARDED' ORDER BY id LIMIT 1
"""
_ONE = f"SELECT {_COLUMNS} FROM dead_letters WHERE id = $1"
_LIST = f"""
SELECT {_COLUMNS} FROM dead_letters
WHERE ($1::text IS NULL OR consumer = $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR key = $3)
ORDER BY id LIMIT $4
"""
_COUNT = "SELECT consumer, state, count(*) FROM dead_letters GROUP BY consumer, state"


async def _run(session: AsyncSession, statement: str, *parameters: Any) -> Any:
    connection = await session.connection()
    return await connection.exec_driver_sql(statement, parameters)


def encode_headers(headers: Headers) -> str:
    """Headers may be any bytes: base64 in JSON, in order, duplicates kept."""
    return json.dumps([[name, None if value is None else base64.b64encode(value).decode()] for name, value in headers])


def _parked(row: Row[Any]) -> Parked:
    listed = json.loads(row.headers) if isinstance(row.headers, str) else row.headers
    headers = tuple((name, None if value is None else base64.b64decode(value)) for name, value in listed)
    letter = Letter(
        row.consumer, row.topic, row.partition, row.place, row.key, headers, row.payload, row.event_id, row.type
    )
    return Parked(row.id, letter, row.state, row.reason, row.attempts, row.created_at, row.updated_at)


def storable(text: str | None, limit: int = 300) -> str | None:
    """A text that PostgreSQL takes, whatever a sender put there."""
    if text is None:
        return None
    return text.replace("\x00", "\\0").encode("utf-8", "replace").decode()[:limit]


async def park(session: AsyncSession, letter: Letter, reason: str, *, state: State = "DEAD") -> None:
    """Write the message down with its reason. The same message at the same place twice is one row."""
    await _run(
        session,
        _PARK,
        letter.consumer,
        letter.topic,
        letter.partition,
        letter.place,
        letter.key,
        storable(letter.event_id),
        storable(letter.type),
        encode_headers(letter.headers),
        letter.payload,
        letter.digest,
        state,
        storable(reason, 1000),
    )


async def lock_key(session: AsyncSession, consumer: str, topic: str, key: str) -> None:
    """Hold the key's order until this transaction ends."""
    await _run(session, _LOCK, f"{consumer}\x1f{topic}\x1f{key}".replace("\x00", ""))


async def blocked(session: AsyncSession, consumer: str, topic: str, keys: Iterable[str]) -> set[str]:
    """Those of the keys that have parked messages."""
    found = await rows(session, _BLOCKED, consumer, topic, sorted(set(keys)))
    return {row[0] for row in found}


async def ready(session: AsyncSession, consumer: str) -> list[Parked]:
    """Messages to handle now, oldest first: at most one per key."""
    return [_parked(row) for row in await _run(session, _READY, consumer)]


async def head(session: AsyncSession, consumer: str, topic: str, key: str) -> Parked | None:
    """The oldest parked message of a key."""
    row = (await _run(session, _HEAD, consumer, topic, key)).first()
    return _parked(row) if row else None


async def get(session: AsyncSession, letter_id: int, *, lock: bool = False) -> Parked | None:
    """One row; with `lock` no other transaction may change it meanwhile."""
    row = (await _run(session, _ONE + (" FOR UPDATE" if lock else ""), letter_id)).first()
    return _parked(row) if row else None


async def settled(session: AsyncSession, letter_id: int) -> None:
    """The message was handled: forget it."""
    await _run(session, "DELETE FROM dead_letters WHERE id = $1", letter_id)


async def failed_again(session: AsyncSession, letter_id: int, reason: str) -> None:
    """The message was handled again, in vain."""
    await _run(
        session,
        "UPDATE dead_letters SET state = 'DEAD', reason = $2, attempts = attempts + 1, updated_at = now() "
        "WHERE id = $1",
        letter_id,
        storable(reason, 1000),
    )


async def listed(
    session: AsyncSession,
    *,
    consumer: str | None = None,
    state: State | None = None,
    key: str | None = None,
    limit: int = 200,
) -> list[Parked]:
    """Parked messages, oldest first."""
    return [_parked(row) for row in await _run(session, _LIST, consumer, state, key, limit)]


async def counts(session: AsyncSession) -> dict[tuple[str, str], int]:
    """How many there are by consumer and state."""
    return {(row[0], row[1]): row[2] for row in await _run(session, _COUNT)}


async def requeue(
    session: AsyncSession, *, letter_id: int | None = None, key: str | None = None, dry_run: bool = False
) -> list[Parked]:
    """Have messages handled again: one by id, or all of a key. Returns them in the order they will be handled,
    with the WAITING ones that follow by themselves. With `dry_run` nothing changes.

    Raises LookupError when there is none.
    """
    if letter_id is not None:
        chosen = await get(session, letter_id, lock=True)
        if chosen is None:
            raise LookupError(f"no dead letter {letter_id}")
        rows = [chosen]
    else:
        rows = [row for row in await listed(session, key=key, limit=10_000) if row.state != "DISCARDED"]
        if not rows:
            raise LookupError("no dead letter of this key")
    for row in rows:
        if not dry_run and row.state in ("DEAD", "DISCARDED"):
            await _run(session, "UPDATE dead_letters SET state = 'REQUEUED', updated_at = now() WHERE id = $1", row.id)
    if not dry_run:
        await wake(session)
    if letter_id is not None and rows[0].letter.key is not None:
        rows += [row for row in await _followers(session, rows[0]) if row.state == "WAITING"]
    return rows


async def _followers(session: AsyncSession, first: Parked) -> list[Parked]:
    found = await listed(session, consumer=first.letter.consumer, key=first.letter.key, limit=10_000)
    behind: list[Parked] = []
    for row in found:
        if row.id > first.id and row.letter.topic == first.letter.topic:
            if row.state == "DEAD":
                break
            behind.append(row)
    return behind


async def discard(session: AsyncSession, letter_id: int, reason: str) -> Parked:
    """Give a message up: it stays on record with the reason, and what waits behind it goes on.

    Raises LookupError when there is none.
    """
    chosen = await get(session, letter_id, lock=True)
    if chosen is None:
        raise LookupError(f"no dead letter {letter_id}")
    await _run(
        session,
        "UPDATE dead_letters SET state = 'DISCARDED', reason = reason || ' | discarded: ' || $2, updated_at = now() "
        "WHERE id = $1",
        letter_id,
        storable(reason, 300),
    )
    await wake(session)
    return chosen


async def wake(session: AsyncSession) -> None:
    """Tell the running consumers to look (they look by themselves after a while, too)."""
    await _run(session, f"SELECT pg_notify('{CHANNEL}', '')")
