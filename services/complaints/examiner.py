"""Looks at evidence that came in: a virus scan, then the copy without metadata that officers are given.

One process does it at a time, one file after the other, and no file is held in this process: it passes through the one
that strips it. A killed one's work is done again by the next, and shows only in the row's one update.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import structlog

from services.chassis.backoff import Backoff
from services.chassis.crypto import SealBroken
from services.chassis.db import Database, connect
from services.chassis.listen import close_quietly
from services.chassis.outages import engine_away
from services.complaints.clamd import Clamd
from services.complaints.domain import EvidenceState
from services.complaints.evidence import EvidenceStore, copy_name, streamed
from services.complaints.repository_evidence import Unexamined, examine_later, next_unexamined, set_examined
from services.complaints.sealing import ComplaintCipher, Sealer
from services.complaints.stripping.apart import strip_apart
from services.complaints.stripping.shapes import CannotStrip

_LOCK = 4_846_121_703
_AGAIN = timedelta(minutes=10)
"""Until a file is tried again that the disk did not give, or that failed in a way we did not foresee."""
_UNANSWERED = timedelta(seconds=30)
"""Until a file is tried again to which the scanner gave no verdict: the others come first."""
_log = structlog.get_logger("huiyin.examiner")


class Examiner:
    """The background task. Run as many as you like: one works, the others wait to take over."""

    def __init__(
        self, db: Database, sealer: Sealer, store: EvidenceStore, clamd: Clamd | None, *, poll_seconds: float
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._store = store
        self._clamd = clamd
        self._poll_seconds = poll_seconds
        self._wanted = asyncio.Event()

    def soon(self) -> None:
        """There is something to look at."""
        self._wanted.set()

    async def run(self) -> None:
        """For ever; waits with back-off while PostgreSQL or the scanner is away."""
        backoff = Backoff(0.5, 30.0)
        while True:
            try:
                connection = await connect(self._db.dsn, server_settings={"application_name": "complaints-examiner"})
                try:
                    # The lock lives as long as this connection.
                    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110
                        await asyncio.sleep(self._poll_seconds)
                    while True:
                        self._wanted.clear()
                        while await self.step():
                            backoff.reset()
                        try:
                            await asyncio.wait_for(self._wanted.wait(), self._poll_seconds)
                        except TimeoutError:
                            await connection.fetchval("SELECT 1")
                finally:
                    await close_quietly(connection)
            except Exception as error:
                engine = engine_away(error)
                if engine is None:
                    raise
                wait = backoff.next()
                _log.warning("engine_away", engine=engine, wait_seconds=wait, exc_info=error)
                await asyncio.sleep(wait)

    async def step(self) -> bool:
        """Look at the file that has waited longest; False when none waits. Raises what says that an engine is away."""
        async with self._db.read() as session:
            file = await next_unexamined(session, scanner=self._clamd is not None)
        if file is None:
            return False
        try:
            await self._examine(file)
        except Exception as error:
            away = engine_away(error) is not None
            async with self._db.session() as session:
                await examine_later(session, file.evidence_id, _UNANSWERED if away else _AGAIN)
            if away:
                raise
            _log.error("evidence_not_examined", evidence_id=str(file.evidence_id), exc_info=error)
        return True

    async def _examine(self, file: Unexamined) -> None:
        try:
            cipher = self._sealer.cipher(file.case_key_wrapped, file.complaint_id)
            if self._clamd is not None:
                verdict = await self._clamd.scan(streamed(self._chunks(file, cipher)))
                if not verdict.clean:
                    return await self._found(file, EvidenceState.INFECTED, verdict.signature)
            description = cipher.open(file.description_sealed, f"evidence/{file.evidence_id}/description")
            content = _Counted()
            chunks = streamed(self._chunks(file, cipher))
            async with strip_apart(json.loads(description)["media_type"], chunks) as made:
                seal = cipher.frames(file.evidence_id, "copy")
                draft = await self._store.draft_of(file.complaint_id, seal, content.of(made.content))
                kind, extension = made.kind, made.extension
        except SealBroken:
            _log.error("evidence_does_not_open", evidence_id=str(file.evidence_id))
            return await self._found(file, EvidenceState.UNREADABLE, "seal")
        except CannotStrip as error:
            return await self._found(file, EvidenceState.UNREADABLE, error.reason)
        try:
            await self._store.settle(draft, copy_name(file.evidence_id))
        finally:
            await self._store.discard(draft)
        copy = {"media_type": kind, "extension": extension, "sha256": content.sha256.hexdigest(), "size": content.size}
        state = EvidenceState.CLEAN if self._clamd is not None else EvidenceState.NOT_SCANNED
        await self._found(file, state, None, cipher.seal(json.dumps(copy), f"evidence/{file.evidence_id}/copy"))
        return None

    def _chunks(self, file: Unexamined, cipher: ComplaintCipher) -> Iterator[bytes]:
        return self._store.chunks(file.complaint_id, file.file_name, cipher, file.evidence_id, "original")

    async def _found(
        self, file: Unexamined, state: EvidenceState, finding: str | None, copy_sealed: bytes | None = None
    ) -> None:
        async with self._db.session() as session:
            await set_examined(session, file.evidence_id, state, finding, copy_sealed)
        _log.info("evidence_examined", evidence_id=str(file.evidence_id), state=state.value)


class _Counted:
    """The hash and size of what passes."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.size = 0

    async def of(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.sha256.update(chunk)
            self.size += len(chunk)
            yield chunk
