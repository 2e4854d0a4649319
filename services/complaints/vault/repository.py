"""The vault's SQL: it reads sealed identities and writes its log, and may do nothing else."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.rights import Right
from services.chassis import audit
from services.chassis.auth import Claims, Unauthenticated
from services.chassis.db import execute, one, rows
from services.chassis.vault_keys import BOUND, MARK


@dataclass(frozen=True)
class SealedIdentity:
    """An identity as it is kept, with what it is bound to."""

    contact_token: UUID
    complaint_id: UUID
    sealed: bytes = field(repr=False)


_IDENTITY = "SELECT contact_token, complaint_id, sealed FROM vault.sealed_identities"


async def sealed_identity(session: AsyncSession, contact_token: UUID) -> SealedIdentity | None:
    """The sealed identity behind a token."""
    row = await one(session, f"{_IDENTITY} WHERE contact_token = $1", contact_token)
    return SealedIdentity(*row) if row else None


async def identity_of(session: AsyncSession, complaint_id: UUID) -> SealedIdentity | None:
    """The sealed identity of a complaint."""
    row = await one(session, f"{_IDENTITY} WHERE complaint_id = $1", complaint_id)
    return SealedIdentity(*row) if row else None


async def sealed_code(session: AsyncSession, contact_token: UUID, reissue_id: UUID) -> bytes | None:
    """A new query code that is to go to this address, while it may be used."""
    row = await one(
        session,
        "SELECT sealed FROM vault.sealed_codes"
        " WHERE reissue_id = $1 AND contact_token = $2 AND expires_at > clock_timestamp()",
        reissue_id,
        contact_token,
    )
    return bytes(row[0]) if row else None


async def log_access(
    session: AsyncSession, contact_token: UUID, caller: str, purpose: str, notice_id: UUID, jti: str, *, found: bool
) -> None:
    """Put an opening on the audit, found or not, in the address's own chain."""
    entry = audit.Entry(
        chain=audit.of_contact(contact_token),
        actor=audit.service(caller),
        action="ADDRESS_OPENED",
        subject=str(notice_id),
        purpose=purpose,
        details={"found": found, "token": jti},
    )
    await audit.record(session, entry, schema="vault")


async def take_once(session: AsyncSession, claims: Claims) -> None:
    """Take a token for this transaction and never again; raises Unauthenticated when it was taken before.

    Those that have ended go: the clock's leeway is a small part of the minutes that they are kept beyond.
    """
    await execute(
        session,
        "DELETE FROM vault.used_tokens WHERE jti IN (SELECT jti FROM vault.used_tokens"
        " WHERE expires_at < clock_timestamp() - interval '5 minutes' LIMIT 100 FOR UPDATE SKIP LOCKED)",
    )
    new = await one(
        session,
        "INSERT INTO vault.used_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING jti",
        claims.jti,
        datetime.fromtimestamp(claims.expires, UTC),
    )
    if new is None:
        raise Unauthenticated("the token was used before")


async def right_asked(session: AsyncSession, request_id: UUID, complaint_id: UUID, kind: Right) -> bool:
    """Whether complaints has told of this request about an identity."""
    row = await one(
        session,
        "SELECT 1 FROM vault.rights_asked WHERE request_id = $1 AND complaint_id = $2 AND kind = $3",
        request_id,
        complaint_id,
        kind.value,
    )
    return row is not None


async def sealed_otherwise(
    session: AsyncSession, header: bytes, after: UUID | None, limit: int
) -> list[SealedIdentity]:
    """Sealed identities that do not begin like this, in the order of their tokens."""
    found = await rows(
        session,
        f"{_IDENTITY} WHERE ($1::uuid IS NULL OR contact_token > $1) AND substring(sealed FROM 1 FOR $2) <> $3"
        " ORDER BY contact_token LIMIT $4",
        after,
        len(header),
        header,
        limit,
    )
    return [SealedIdentity(*row) for row in found]


async def replace_sealed(session: AsyncSession, contact_token: UUID, was: bytes, sealed: bytes) -> int:
    """Put a sealed identity in the place of the one that was read; 0 when it is another by now."""
    row = await one(session, "SELECT vault.reseal($1, $2, $3) AS replaced", contact_token, was, sealed)
    assert row is not None
    return int(row["replaced"])


async def sealed_to(session: AsyncSession, table: str, which: str = "true") -> dict[str, int]:
    """How many sealed values carry which key's fingerprint; those that carry none under the empty word."""
    found = await rows(
        session,
        "SELECT CASE WHEN substring(sealed FROM 1 FOR $1) IN ($2, $3)"  # noqa: S608
        " THEN encode(substring(sealed FROM $1 + 1 FOR 8), 'hex') ELSE '' END AS key, count(*) AS values"
        f" FROM vault.{table} WHERE {which} GROUP BY 1",
        len(MARK),
        MARK,
        BOUND,
    )
    return {row["key"]: row["values"] for row in found}
