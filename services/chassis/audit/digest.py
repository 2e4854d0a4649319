"""The hash of an audit row, computed without the database: audit_append (schema.py) has the same formula in SQL."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

GENESIS: Final = "0" * 64
"""The previous hash of a chain's first row."""

COLUMNS: Final = (
    "chain", "sequence", "at", "actor", "action", "subject", "purpose", "details", "ip", "user_agent"
)  # fmt: skip
"""What the hash covers besides the previous hash, in this order: every column of the row."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def net(value: str | None) -> bytes:
    """A value as a netstring (its length in bytes, a colon, the bytes, a comma), or a dash for none: no two lists of
    values are written alike."""
    if value is None:
        return b"-"
    data = value.encode()
    return b"%d:%b," % (len(data), data)


def microseconds(at: datetime) -> int:
    """A moment as PostgreSQL keeps it: whole microseconds since 1970 in UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def row_hash(previous: str, row: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the previous row's hash and all of the row's columns."""
    parts = [previous.encode()]
    for column in COLUMNS:
        value = row[column]
        parts.append(net(str(microseconds(value)) if isinstance(value, datetime) else _text(value)))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _text(value: object) -> str | None:
    return None if value is None else str(value)
