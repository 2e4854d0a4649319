"""The histories of all cases as chains of the audit, for `huiyin audit verify`."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from services.chassis.audit.verifying import HISTORY, Link
from services.referrals.repository.history import chained, chained_untimed

_FETCH = 500
# Every case has a history; the foreign key gives every history a case.
_ROWS = """
SELECT c.case_id, c.sequence AS case_sequence, c.last_hash, c.updated_at, s.sequence, s.act, s.account_id, s.unit_id,
    s.at, s.recorded_at, s.command_id, s.transition, s.content_hash, s.prev_hash, s.hash, s.form,
    lead(s.sequence) OVER (PARTITION BY s.case_id ORDER BY s.sequence) IS NULL AS is_last
FROM cases AS c LEFT JOIN case_history AS s ON s.case_id = c.case_id
WHERE $1::text IS NULL OR c.case_id = substr($1, 9)::uuid
ORDER BY c.case_id, s.sequence
"""


class HistorySource:
    """The chain of a case is its history; its last hash stands on the case too."""

    prefix = HISTORY

    async def links(self, connection: "asyncpg.Connection[Any]", chain: str | None) -> AsyncIterator[Link]:
        async for row in connection.cursor(_ROWS, chain, prefetch=_FETCH):
            name = f"{HISTORY}{row['case_id']}"
            if row["sequence"] is None:
                yield Link(name, 0, row["updated_at"], "", "", "", "the case has no history: it is gone")
                continue
            yield Link(
                chain=name,
                sequence=row["sequence"],
                at=row["recorded_at"],
                previous=row["prev_hash"],
                hash=row["hash"],
                computed=_computed(row),
                trouble=_beside(row) or _against_case(row),
            )

    async def count(self, connection: "asyncpg.Connection[Any]") -> int:
        return int(await connection.fetchval("SELECT count(*) FROM case_history"))


def _computed(row: Mapping[str, Any]) -> str:
    content = hashlib.sha256(row["transition"].encode()).hexdigest()
    try:
        if row["form"] == 1:
            return chained_untimed(row["prev_hash"], content)
        return chained(row["prev_hash"], content, row["recorded_at"])
    except ValueError:
        return "the previous hash is none"


def _beside(row: Mapping[str, Any]) -> str | None:
    """What stands beside the step must be what the step says; its hash covers the step."""
    try:
        step = json.loads(row["transition"])
        said = {
            "case_id": step["facts"]["case_id"],
            "sequence": step["sequence"],
            "act": step["act"],
            "account_id": step["actor"].get("account_id"),
            "unit_id": step["actor"].get("unit_id"),
            "command_id": step.get("command_id"),
        }
        at = datetime.fromisoformat(step["at"])
    except (ValueError, KeyError, TypeError):
        return "the step can't be read"
    stored = {name: str(row[name]) if name in ("case_id", "command_id") and row[name] else row[name] for name in said}
    wrong = [name for name in said if said[name] != stored[name]]
    wrong += ["at"] * (at != row["at"]) + ["form"] * (row["form"] not in (1, 2))
    wrong += ["content_hash"] * (row["content_hash"] != hashlib.sha256(row["transition"].encode()).hexdigest())
    return f"{', '.join(wrong)} was changed" if wrong else None


def _against_case(row: Mapping[str, Any]) -> str | None:
    if row["is_last"] and (row["case_sequence"], row["last_hash"]) != (row["sequence"], row["hash"]):
        return "the case does not stand where its history ends"
    return None
