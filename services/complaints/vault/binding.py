"""Identities from before they were sealed to their complaint: sealed anew, once; from then on none of them opens.

Whose identity a row holds was the row's word alone: who could write in the database moved it to another complaint, and
an opening that was agreed to for that one showed it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis import audit
from services.chassis.audit.anchored import Anchored
from services.chassis.backoff import Backoff
from services.chassis.crypto import SealBroken
from services.chassis.db import Database, one
from services.chassis.outages import engine_away
from services.chassis.vault_keys import BOUND, VaultPrivate
from services.complaints.vault import repository

CHAIN, ACTION = audit.of_area("identities"), "IDENTITIES_BOUND"
_BATCH = 200
_log = structlog.get_logger("huiyin.vault")


async def reseal(session: AsyncSession, keys: VaultPrivate, batch: list[repository.SealedIdentity]) -> tuple[int, int]:
    """Seal these to their complaints under the current pair: how many were, and how many didn't open."""
    done = broken = 0
    for row in batch:
        try:
            again = keys.reseal_identity(row.sealed, row.contact_token, row.complaint_id)
        except SealBroken:
            broken += 1
            continue
        done += await repository.replace_sealed(session, row.contact_token, row.sealed, again)
    return done, broken


async def bind_corrected(session: AsyncSession, keys: VaultPrivate, complaint_id: UUID) -> None:
    """Bind an identity that a correction of before has just replaced. Raises SealBroken for one of another complaint's
    token."""
    row = await repository.identity_of(session, complaint_id)
    if row is not None and not row.sealed.startswith(BOUND):
        again = keys.reseal_identity(row.sealed, row.contact_token, row.complaint_id, unbound=True)
        await repository.replace_sealed(session, row.contact_token, row.sealed, again)


class Binder:
    """A task of the vault's process."""

    def __init__(self, db: Database, keys: VaultPrivate) -> None:
        self._db, self._keys = db, keys

    async def run(self) -> None:
        """Bind what is not, and refuse from then on; waits while PostgreSQL is away. Never returns."""
        backoff = Backoff(0.5, 30.0)
        while not self._keys.bound_only:
            try:
                await self._bind()
                self._keys.bound_only = True
            except Exception as error:
                if engine_away(error) is None:
                    raise
                _log.warning("engine_away", engine="postgres", exc_info=error)
                await asyncio.sleep(backoff.next())
        await asyncio.Event().wait()

    async def _bind(self) -> None:
        after, done, broken = None, 0, 0
        async with self._db.read() as session:
            found = await one(session, "SELECT 1 FROM vault.audit_log WHERE chain = $1 AND action = $2", CHAIN, ACTION)
        if found is not None:
            return
        while True:
            async with self._db.session() as session:
                batch = await repository.sealed_otherwise(session, BOUND, after, _BATCH)
                if not batch:
                    break
                counted = await reseal(session, self._keys, batch)
            after, done, broken = batch[-1].contact_token, done + counted[0], broken + counted[1]
        async with self._db.session() as session:
            entry = audit.Entry(
                chain=CHAIN, actor=audit.service("vault"), action=ACTION, details={"bound": done, "broken": broken}
            )
            await audit.record(session, entry, schema="vault")


class Bindings:
    """For the audit's verification: each identity belongs to the complaint whose token it has, and is bound to it."""

    async def findings(
        self, connection: "asyncpg.Connection[Any]", chains: Sequence[str] | None, anchored: Anchored | None = None
    ) -> AsyncIterator[tuple[str, str]]:
        """The chain and the text of everything that is wrong, in all chains or in these."""
        for row in await connection.fetch("SELECT contact_token, chains FROM vault.misplaced() ORDER BY 1"):
            for chain in _shown(row["chains"], row["contact_token"], chains):
                yield chain, f"identity {row['contact_token']}: it is not at the complaint that it was left with"
        if chains is None and await connection.fetchval(
            "SELECT EXISTS (SELECT FROM vault.audit_log WHERE chain = $1 AND action = $2)", CHAIN, ACTION
        ):
            loose = await connection.fetch(
                "SELECT contact_token FROM vault.sealed_identities WHERE substring(sealed FROM 1 FOR $1) <> $2"
                " ORDER BY 1",
                len(BOUND),
                BOUND,
            )
            for row in loose:
                token = row["contact_token"]
                yield audit.of_contact(token), f"identity {token}: it is bound to no complaint, and all of them were"


def _shown(of_row: Sequence[str], token: UUID, chains: Sequence[str] | None) -> list[str]:
    if chains is None:
        return list(of_row[:1]) or [audit.of_contact(token)]
    return [chain for chain in of_row if chain in chains]
