"""The vault's SQL: it reads sealed identities and writes its log, and may do nothing else."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession


async def sealed_identity(session: AsyncSession, contact_token: UUID) -> bytes | None:
    """The sealed identity behind a token."""
    connection = await session.connection()
    row = (
        await connection.exec_driver_sql(
            "SELECT sealed FROM vault.sealed_identities WHERE contact_token = $1", (contact_token,)
        )
    ).first()
    return bytes(row[0]) if row else None


async def log_access(
    session: AsyncSession, contact_token: UUID, caller: str, purpose: str, notice_id: UUID, jti: str, *, found: bool
) -> None:
    """One line of the access log."""
    connection = await session.connection()
    await connection.exec_driver_sql(
        "INSERT INTO vault.access_log (contact_token, caller, purpose, notice_id, jti, found)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        (contact_token, caller, purpose, notice_id, jti, found),
    )
