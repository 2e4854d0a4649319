"""Log-ins that failed, and second factors: who may try when, what was used already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.referrals.repository.accounts import end_sessions
from services.referrals.repository.sql import execute, one, rows


async def paused(session: AsyncSession, key: bytes) -> bool:
    """Whether log-ins that a counter counts wait; they follow one another until the transaction ends."""
    await execute(session, "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))", key)
    return bool(await one(session, "SELECT 1 FROM login_failures WHERE name_hash = $1 AND paused_until > now()", key))


@dataclass(frozen=True)
class Pauses:
    """How many failures are free, and how long the pause is after them: it doubles up to the longest."""

    attempts: int
    pause: timedelta
    longest: timedelta


async def failed(session: AsyncSession, key: bytes, pauses: Pauses, of_name: bytes | None = None) -> int:
    """Count a failure, and how many were refused in a row, which is the answer. Forgotten in a day."""
    await execute(session, "DELETE FROM login_failures WHERE last_at < now() - interval '1 day'")
    row = await one(
        session,
        "INSERT INTO login_failures AS f (name_hash, failures, last_at, refused, of_name)"
        " VALUES ($1, 1, now(), 1, $5) ON CONFLICT (name_hash) DO UPDATE SET failures = f.failures + 1,"
        " refused = f.refused + 1, last_at = now(), paused_until = CASE WHEN f.failures + 1 >= $2::integer"
        " THEN now() + least($3::interval * power(2, least(f.failures + 1 - $2::integer, 20)), $4::interval) END"
        " RETURNING refused",
        key,
        pauses.attempts,
        pauses.pause,
        pauses.longest,
        of_name,
    )
    return int(row["refused"]) if row else 0


async def refused(session: AsyncSession, key: bytes) -> int:
    """One more was refused in a pause, which grows no longer by that; how many in a row."""
    row = await one(
        session, "UPDATE login_failures SET refused = refused + 1 WHERE name_hash = $1 RETURNING refused", key
    )
    return int(row["refused"]) if row else 0


async def forget(session: AsyncSession, key: bytes) -> None:
    """Forget what a counter counted."""
    await execute(session, "DELETE FROM login_failures WHERE name_hash = $1", key)


async def unlock(session: AsyncSession, name: bytes) -> int:
    """Forget the failures of a name on all devices; how many counters there were."""
    return await execute(session, "DELETE FROM login_failures WHERE name_hash = $1 OR of_name = $1", name)


async def paused_names(session: AsyncSession, names: Sequence[bytes]) -> set[bytes]:
    """Those of the names' counters whose log-ins wait now, on any device."""
    found = await rows(
        session,
        "SELECT coalesce(of_name, name_hash) AS name FROM login_failures"
        " WHERE paused_until > now() AND coalesce(of_name, name_hash) = ANY ($1::bytea[])",
        list(names),
    )
    return {bytes(row["name"]) for row in found}


async def factor(session: AsyncSession, account_id: str, *, confirmed: bool) -> bytes | None:
    """The sealed secret of a second factor that is in use, or that was offered and waits for its first code."""
    row = await one(
        session,
        "SELECT sealed FROM second_factors WHERE account_id = $1 AND (confirmed_at IS NOT NULL) = $2",
        account_id,
        confirmed,
    )
    return bytes(row["sealed"]) if row else None


async def offer(session: AsyncSession, account_id: str, sealed: bytes) -> bool:
    """Keep a new secret until its first code; False when the account has a factor in use."""
    return bool(
        await execute(
            session,
            "INSERT INTO second_factors AS f (account_id, sealed) VALUES ($1, $2) ON CONFLICT (account_id)"
            " DO UPDATE SET sealed = $2, last_step = 0, made_at = now() WHERE f.confirmed_at IS NULL",
            account_id,
            sealed,
        )
    )


async def use_step(session: AsyncSession, account_id: str, step: int) -> bool:
    """Take a code's step; False when it, or a later one, was used already. The first one confirms the factor."""
    return bool(
        await execute(
            session,
            "UPDATE second_factors SET last_step = $2, confirmed_at = coalesce(confirmed_at, now())"
            " WHERE account_id = $1 AND last_step < $2",
            account_id,
            step,
        )
    )


async def use_recovery(session: AsyncSession, account_id: str, code_hash: bytes) -> bool:
    """Take a recovery code; False when there is no such code, or it was used."""
    return bool(
        await execute(
            session,
            "UPDATE recovery_codes SET used_at = now() WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL",
            account_id,
            code_hash,
        )
    )


async def give_recovery(session: AsyncSession, account_id: str, hashes: list[bytes]) -> None:
    """Make these the account's recovery codes."""
    await execute(session, "DELETE FROM recovery_codes WHERE account_id = $1", account_id)
    await rows(
        session,
        "INSERT INTO recovery_codes (account_id, code_hash) SELECT $1, unnest($2::bytea[])",
        account_id,
        hashes,
    )


async def forget_offer(session: AsyncSession, account_id: str) -> None:
    """Forget a secret that waits for its first code: who saw it may be another than who would confirm it."""
    await execute(session, "DELETE FROM second_factors WHERE account_id = $1 AND confirmed_at IS NULL", account_id)


async def forget_factor(session: AsyncSession, account_id: str) -> bool:
    """Take the second factor and its recovery codes away, and end the sessions; False when there was none."""
    await execute(session, "DELETE FROM recovery_codes WHERE account_id = $1", account_id)
    found = bool(await execute(session, "DELETE FROM second_factors WHERE account_id = $1", account_id))
    if found:
        await end_sessions(session, account_id)
    return found
