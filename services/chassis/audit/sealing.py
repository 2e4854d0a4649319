"""The sealer: anchors the heads of the chains that grew, outside the database, within the stated window.

What an act waits for is one row in `audit_pending`; the sealer takes the rows away once their heads are anchored. A
crash between the two is healed by the next round: it finds the anchor and the rows, and goes on.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import asyncpg
import structlog

from services.chassis import metrics
from services.chassis.audit.anchor_keys import DECLARANT, BadAnchor, InForce, Keys
from services.chassis.audit.anchors import (
    KEY,
    RESTORED,
    SEAL,
    AnchorConflict,
    AnchorStore,
    Head,
    Seal,
    anchor_file,
    line_hash,
    newest,
    read_line,
)
from services.chassis.audit.recording import SCHEMAS
from services.chassis.backoff import Backoff
from services.chassis.db import asyncpg_dsn, connect
from services.chassis.listen import close_quietly
from services.chassis.outages import engine_away
from services.chassis.settings import Settings
from services.chassis.signers import fingerprint, signing_key

BATCH = 5_000
"""Pending rows in one line at most."""

_LEADER_SECONDS = 5.0
"""How often one that waits asks whether the leader is gone."""

# ruff: noqa: S608 the schema is one of our own names
_log = structlog.get_logger("huiyin.audit")


class NotOurs(Exception):
    """Anchors and database don't belong together; sealing on would hide it. The text says what to do."""


class Standing(StrEnum):
    """How the database's own record of seals stands to the anchors."""

    LEVEL = "level"
    ANCHORED_ONLY = "anchored only"
    """The last anchor was written, and the database doesn't know yet: a crash between the two."""
    BEHIND = "behind"
    """The database is older than the anchors: it was restored from a backup."""
    AHEAD = "ahead"
    """The database knows of anchors that are not there."""


class Sealer:
    """One per service. Run as many as you like: one seals, the others wait to take over."""

    def __init__(self, dsn: str, settings: Settings, service: str, store: AnchorStore | None = None) -> None:
        self._dsn = asyncpg_dsn(dsn)
        self._settings = settings
        self._service = service
        self._schema = SCHEMAS[service]
        self._store = store or anchor_file(settings.audit_dir, service)
        self._in_force: InForce | None = None

    async def run(self) -> None:
        """For ever; waits out outages of PostgreSQL and of the disk."""
        backoff = Backoff(0.5, 30.0)
        while True:
            try:
                await self._lead(backoff)
            except NotOurs as error:
                _log.error("audit_not_sealed", reason=str(error))
                await asyncio.sleep(self._settings.audit_seal_seconds)
            except Exception as error:
                engine = engine_away(error)
                if engine is None and not isinstance(error, OSError | AnchorConflict):
                    raise
                wait = backoff.next()
                _log.warning("sealer_interrupted", engine=engine, wait_seconds=wait, exc_info=error)
                await asyncio.sleep(wait)

    async def _lead(self, backoff: Backoff) -> None:
        application = {"application_name": f"{self._service}-sealer", "TimeZone": "UTC"}
        connection = await connect(self._dsn, command_timeout=30, server_settings=application)
        try:
            lock = f"huiyin.{self._schema}.sealer"
            take = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
            while not await connection.fetchval(take, lock):  # noqa: ASYNC110
                await asyncio.sleep(min(_LEADER_SECONDS, self._settings.audit_seal_seconds))
            while True:
                while await self.seal(connection):
                    backoff.reset()
                await asyncio.sleep(self._settings.audit_seal_seconds)
        finally:
            await close_quietly(connection)

    async def seal(self, connection: "asyncpg.Connection[Any]") -> bool:
        """Anchor what is pending; returns whether more may be. Raises NotOurs, AnchorConflict and OSError."""
        waiting = await connection.fetch(
            f"SELECT id, chain, sequence, hash FROM {self._schema}.audit_pending ORDER BY id LIMIT $1", BATCH
        )
        metrics.audit_pending.labels(self._service).set(len(waiting))
        keys = Keys(self._settings.keys_dir, self._service)
        if not waiting and keys.now == self._in_force:
            return False
        standing, last = await self.standing(connection)
        if last is not None and standing is Standing.ANCHORED_ONLY:
            await self._note(connection, last[0].batch, last[1])
        elif standing is Standing.BEHIND:
            raise NotOurs("the database is older than its anchors: after a restore say so with `huiyin audit restored`")
        elif standing is Standing.AHEAD:
            raise NotOurs("anchors that the database knows of are gone: put the file back from its copy")
        if last is not None and last[0].keys != keys.now:
            last = await self._add(connection, KEY, last, keys.now)
        self._in_force = keys.now
        if not waiting:
            return False
        heads = newest([Head(row["chain"], row["sequence"], row["hash"]) for row in waiting])
        await self._add(connection, SEAL, last, keys.now, heads, [row["id"] for row in waiting])
        metrics.audit_sealed_batches.labels(self._service).inc()
        return len(waiting) == BATCH

    async def _add(
        self,
        connection: "asyncpg.Connection[Any]",
        kind: str,
        last: tuple[Seal, str] | None,
        keys: InForce,
        heads: tuple[Head, ...] = (),
        done: list[int] | None = None,
    ) -> tuple[Seal, str]:
        """A line of ours behind the last one, on the disk and noted in the database."""
        key = signing_key(self._settings, self._service)
        if fingerprint(key.public_key()) != keys.seal:
            raise NotOurs("the signing key is not that of the public key: run `huiyin keys renew` to its end")
        seal = Seal(
            service=self._service,
            kind=kind,
            batch=last[0].batch + 1 if last is not None else 1,
            at=datetime.now(UTC),
            previous=last[1] if last is not None else line_hash(None),
            keys=keys,
            heads=heads,
        )
        line = seal.line(key)
        await asyncio.to_thread(self._store.append, line, seal.previous)
        await self._note(connection, seal.batch, line_hash(line), done)
        return seal, line_hash(line)

    async def standing(self, connection: "asyncpg.Connection[Any]") -> tuple[Standing, tuple[Seal, str] | None]:
        """How database and anchors stand to each other; the last anchor with its hash. Raises NotOurs."""
        line = await asyncio.to_thread(self._store.last)
        anchored = 0
        last: tuple[Seal, str] | None = None
        if line is not None:
            try:
                last = (read_line(line, Keys(self._settings.keys_dir, self._service)), line_hash(line))
            except BadAnchor as error:
                raise NotOurs(
                    f"the last anchor is not as it was written ({error}): see `huiyin audit verify`"
                ) from error
            anchored = last[0].batch
        noted = await connection.fetchrow(
            f"SELECT batch, line_hash FROM {self._schema}.audit_seals ORDER BY batch DESC LIMIT 1"
        )
        known = noted["batch"] if noted is not None else 0
        if known > anchored:
            return Standing.AHEAD, last
        if last is None or known == anchored:
            if noted is not None and last is not None and noted["line_hash"] != last[1]:
                raise NotOurs("the last anchor is another than the database knows")
            return Standing.LEVEL, last
        if known == anchored - 1 and await self._still_pending(connection, last[0]):
            return Standing.ANCHORED_ONLY, last
        return Standing.BEHIND, last

    async def declare_restored(self, connection: "asyncpg.Connection[Any]", reason: str) -> Seal:
        """Say that the database was restored: its record reaches through the last batch that it knows, and what was
        anchored after that is lost. Raises NotOurs when the two are level."""
        standing, last = await self.standing(connection)
        if standing in (Standing.LEVEL, Standing.ANCHORED_ONLY):
            raise NotOurs("the database has all that was anchored: there is nothing to declare")
        known = await connection.fetchval(f"SELECT coalesce(max(batch), 0) FROM {self._schema}.audit_seals")
        anchored = last[0].batch if last is not None else 0
        keys = Keys(self._settings.keys_dir, self._service).now
        seal = Seal(
            service=self._service,
            kind=RESTORED,
            batch=max(known, anchored) + 1,
            at=datetime.now(UTC),
            previous=last[1] if last is not None else line_hash(None),
            keys=replace(keys, seal=last[0].keys.seal) if last is not None else keys,
            through=known,
            reason=reason,
        )
        line = seal.line(signing_key(self._settings, DECLARANT))
        await asyncio.to_thread(self._store.append, line, seal.previous)
        await self._note(connection, seal.batch, line_hash(line))
        return seal

    async def _still_pending(self, connection: "asyncpg.Connection[Any]", seal: Seal) -> bool:
        """Are the rows of the seal's heads there and marked as not anchored? A change of keys holds none."""
        if seal.kind == KEY:
            return True
        found = await connection.fetchval(
            f"SELECT count(DISTINCT p.chain) FROM {self._schema}.audit_pending AS p"
            " JOIN unnest($1::text[], $2::bigint[], $3::text[]) AS h(chain, sequence, hash)"
            " ON h.chain = p.chain AND h.sequence = p.sequence AND h.hash = p.hash",
            [head.chain for head in seal.heads],
            [head.sequence for head in seal.heads],
            [head.hash for head in seal.heads],
        )
        return bool(seal.heads) and found == len(seal.heads)

    async def _note(
        self, connection: "asyncpg.Connection[Any]", batch: int, digest: str, done: list[int] | None = None
    ) -> None:
        async with connection.transaction():
            await connection.execute(
                f"INSERT INTO {self._schema}.audit_seals (batch, line_hash) VALUES ($1, $2)", batch, digest
            )
            if done:
                await connection.execute(
                    f"DELETE FROM {self._schema}.audit_pending WHERE id = ANY ($1::bigint[])", done
                )
