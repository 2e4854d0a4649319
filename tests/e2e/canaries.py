"""Searches everything a system keeps for words that must not be there."""

import email
import email.policy
from collections.abc import Iterable, Iterator

import asyncpg

from deploy.config import DATABASES
from deploy.stack import Stack

ELSEWHERE = ("postgres", "keys", "mail")
"""Folders that are not searched byte by byte: the databases and the mails are read as what they are."""


async def dump(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Every table of every database as text, with its name: what a thief of the database has."""
    found: list[tuple[str, bytes]] = []
    for database in DATABASES:
        connection = await asyncpg.connect(stack.config.admin_dsn(database))
        try:
            tables = await connection.fetch(
                "SELECT schemaname, tablename FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
            for schema, table in tables:
                rows = await connection.fetch(f'SELECT t::text AS line FROM "{schema}"."{table}" AS t')
                text = "\n".join(row["line"] for row in rows)
                found.append((f"{database}.{schema}.{table}", text.encode()))
        finally:
            await connection.close()
    return iter(found)


def files(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Every file of the system's state: topics, workflow store, logs, traces, and the sealed evidence as it lies."""
    for path in sorted(stack.state_dir.rglob("*")):
        inside = path.relative_to(stack.state_dir).parts[0]
        if path.is_file() and inside not in ELSEWHERE:
            yield str(path.relative_to(stack.state_dir)), path.read_bytes()


def mails(stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Every mail that was sent, subject and parts decoded."""
    for path in sorted((stack.state_dir / "mail").rglob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        parts = [part.get_payload(decode=True) or b"" for part in message.walk() if not part.is_multipart()]
        yield path.name, b"\n".join((str(message["subject"]).encode(), *(bytes(part) for part in parts)))


def sightings(places: Iterable[tuple[str, bytes]], words: Iterable[str]) -> list[str]:
    """Where one of the words is: «place: word». A word is looked for as UTF-8, as JSON escapes, and in hex."""
    wanted = [(word, needle) for word in words for needle in spellings(word)]
    return sorted({f"{place}: {word}" for place, content in places for word, needle in wanted if needle in content})


def spellings(word: str) -> tuple[bytes, ...]:
    """The bytes that a word may be stored as."""
    plain = word.encode()
    escaped = word.encode("ascii", "backslashreplace")
    return tuple({plain, escaped, plain.hex().encode()})
