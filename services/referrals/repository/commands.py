"""Officers' commands and the sealed texts that come with them; grants to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import audit
from services.chassis.db import unbegun
from services.referrals.repository.sql import Row, execute, loaded, one, rows


@dataclass(frozen=True)
class CommandRow:
    """A command and how it ended. ``body`` is the Command as sent; ``result`` an ActResult, or a refusal's code."""

    command_id: UUID
    case_id: UUID
    account_id: str
    act: str
    content_hash: str
    body: dict[str, Any]
    state: str
    result: dict[str, Any] | None


async def get(session: AsyncSession, command_id: UUID) -> CommandRow | None:
    """A command by its id."""
    row = await one(
        session,
        "SELECT command_id, case_id, account_id, act, content_hash, body, state, result FROM commands"
        " WHERE command_id = $1",
        command_id,
    )
    if row is None:
        return None
    return CommandRow(**{**row, "body": loaded(row["body"]), "result": loaded(row["result"])})


# It says itself on whose behalf it writes (row-level security looks at that).
_INSERT = """
WITH principal AS MATERIALIZED (SELECT set_config('huiyin.role', 'system', true) AS role)
INSERT INTO commands (command_id, case_id, account_id, act, content_hash, body, state)
SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::jsonb, 'PENDING' FROM principal WHERE role = 'system'
ON CONFLICT (command_id) DO NOTHING
"""


async def insert(
    session: AsyncSession,
    *,
    command_id: UUID,
    case_id: UUID,
    account_id: str,
    act: str,
    content_hash: str,
    body: str,
) -> bool:
    """Note a command before it is sent; False when its id is known already."""
    return bool(await execute(session, _INSERT, command_id, case_id, account_id, act, content_hash, body))


async def insert_alone(
    session: AsyncSession,
    *,
    command_id: UUID,
    case_id: UUID,
    account_id: str,
    act: str,
    content_hash: str,
    body: str,
) -> bool:
    """As `insert`, for a session that has begun nothing: commits by itself, in one round trip instead of three."""
    status = await unbegun(session).execute(_INSERT, command_id, case_id, account_id, act, content_hash, body)
    return status == "INSERT 0 1"


async def refuse(session: AsyncSession, command_id: UUID, result: str) -> None:
    """Settle a command as refused, unless it is settled already."""
    await execute(
        session,
        "UPDATE commands SET state = 'REFUSED', result = $2::jsonb, settled_at = now()"
        " WHERE command_id = $1 AND state = 'PENDING'",
        command_id,
        result,
    )


async def promise(session: AsyncSession, command_id: UUID) -> None:
    """Note that the officer was told to follow the command: it is sent until it is settled."""
    await execute(session, "UPDATE commands SET promised = true WHERE command_id = $1 AND NOT promised", command_id)


async def promised(session: AsyncSession) -> list[dict[str, Any]]:
    """The bodies of promised commands that are not settled, with their cases, oldest first; at most a day old."""
    found = await rows(
        session,
        "SELECT case_id, body FROM commands WHERE promised AND state = 'PENDING'"
        " AND created_at BETWEEN now() - interval '1 day' AND now() - interval '5 seconds'"
        " ORDER BY created_at LIMIT 100",
    )
    return [{"case_id": row["case_id"], "body": loaded(row["body"])} for row in found]


async def case_key(session: AsyncSession, case_id: UUID) -> bytes | None:
    """The wrapped key of a case's texts."""
    row = await one(session, "SELECT wrapped FROM case_keys WHERE case_id = $1", case_id)
    return bytes(row["wrapped"]) if row else None


async def add_case_key(session: AsyncSession, case_id: UUID, wrapped: bytes) -> bytes:
    """Keep a new key for the case, unless it has one; returns the one that holds."""
    await execute(
        session, "INSERT INTO case_keys (case_id, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING", case_id, wrapped
    )
    kept = await case_key(session, case_id)
    if kept is None:
        raise LookupError("the case's key was not kept")
    return kept


async def add_document(
    session: AsyncSession,
    *,
    document_id: UUID,
    case_id: UUID,
    command_id: UUID,
    field: str,
    sha256: str,
    sealed: bytes,
    account_id: str,
    unit_id: str,
) -> None:
    """Keep a sealed text; the same (command, field) again changes nothing."""
    await execute(
        session,
        "INSERT INTO documents (document_id, case_id, command_id, field, sha256, sealed, account_id, unit_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (command_id, field) DO NOTHING",
        document_id,
        case_id,
        command_id,
        field,
        sha256,
        sealed,
        account_id,
        unit_id,
    )


async def document_by_hash(session: AsyncSession, case_id: UUID, field: str, sha256: str) -> Row | None:
    """A case's sealed text of a field, by the hash of its plain form."""
    return await one(
        session,
        "SELECT document_id, sealed, account_id, unit_id FROM documents"
        " WHERE case_id = $1 AND field = $2 AND sha256 = $3 ORDER BY created_at LIMIT 1",
        case_id,
        field,
        sha256,
    )


async def documents(session: AsyncSession, case_id: UUID) -> Sequence[Row]:
    """The sealed texts of a case."""
    return await rows(
        session,
        "SELECT document_id, field, sha256, sealed, unit_id, published_sequence FROM documents WHERE case_id = $1",
        case_id,
    )


async def published_document(session: AsyncSession, document_id: UUID) -> Row | None:
    """A sealed text that the reporter may read."""
    return await one(
        session,
        "SELECT document_id, case_id, field, sha256, sealed FROM documents"
        " WHERE document_id = $1 AND published_sequence IS NOT NULL",
        document_id,
    )


async def log_grant(
    session: AsyncSession,
    *,
    grant_id: UUID,
    case_id: UUID,
    account_id: str,
    unit_id: str,
    purpose: str,
    fields: Sequence[str],
    masked: bool,
) -> None:
    """Record that a text may be read, by whom and for what; ``masked``: without numbers and own names."""
    await audit.record(
        session,
        audit.Entry(
            chain=audit.of_case(case_id),
            actor=audit.officer(account_id),
            action="TEXTS_GRANTED",
            subject=str(grant_id),
            purpose=purpose,
            details={"unit": unit_id, "fields": list(fields), "masked": masked},
        ),
    )
