"""SQL of guesses at who a reporter is: so many a day for one name, number or complaint. As the system, in the caller's
transaction."""

from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.db import execute, one


class Guess(StrEnum):
    """What is guessed at: codes by a name or a case number as typed, rights by a complaint's id."""

    REISSUE_NAME = "REISSUE_NAME"
    REISSUE_NUMBER = "REISSUE_NUMBER"
    RIGHTS = "RIGHTS"


async def left(session: AsyncSession, kind: Guess, mark: bytes, most: int) -> bool:
    """Whether fewer than ``most`` were counted within 24 hours; until this transaction ends nobody else counts any."""
    await one(session, "SELECT pg_advisory_xact_lock(hashtextextended($1 || encode($2, 'hex'), 0))", kind.value, mark)
    row = await one(
        session,
        "SELECT count(*) < $3::bigint FROM guesses"
        " WHERE kind = $1 AND mark = $2 AND at > clock_timestamp() - interval '24 hours'",
        kind.value,
        mark,
        most,
    )
    return row is not None and bool(row[0])


async def count(session: AsyncSession, kind: Guess, mark: bytes) -> None:
    """Count one."""
    await execute(session, "INSERT INTO guesses (kind, mark) VALUES ($1, $2)", kind.value, mark)


async def forget(session: AsyncSession) -> None:
    """Remove those that count no more."""
    await execute(session, "DELETE FROM guesses WHERE at <= clock_timestamp() - interval '24 hours'")
