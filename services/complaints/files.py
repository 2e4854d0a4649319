"""Files that reporters add: sealed under the complaint's key and on the disk, then on record, each once."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.complaints import repository
from services.complaints.evidence import EvidenceStore
from services.complaints.reporters import Added, Reporters, View, check_open, now, supplemented, tell
from services.complaints.repository_evidence import add_evidence
from services.complaints.schemas import Credentials
from services.complaints.sealing import Sealer
from services.complaints.staging import Staged


@dataclass(frozen=True)
class Upload:
    """A file of a form: its name and kind, and its content while the form is there."""

    name: str
    kind: str
    staged: Staged


@dataclass(frozen=True)
class Received:
    """A whole file, sealed: the name of its file, and what is said of it."""

    evidence_id: UUID
    file: str
    name: str
    kind: str
    sha256: str
    size: int


class Files:
    """The use cases of files. `seal` comes before the transaction of `add`, which must not wait for a disk."""

    def __init__(self, sealer: Sealer, store: EvidenceStore, reporters: Reporters) -> None:
        self._sealer = sealer
        self._store = store
        self._reporters = reporters

    async def seal(self, view: View, upload: Upload, key: str) -> Path:
        """Seal a form's file under the complaint's key: a draft for `add`. Raises OSError."""
        own = view.rows[0]
        cipher = self._sealer.cipher(own.case_key_wrapped, own.complaint_id)
        seal = cipher.frames(self._evidence_id(own.complaint_id, key), "original")
        return await self._store.draft(own.complaint_id, seal, upload.staged.chunks())

    async def add(
        self, session: AsyncSession, credentials: Credentials, upload: Upload, draft: Path, key: str
    ) -> Added:
        """Take a draft over as evidence, once for the same key. Raises Refusal as `Reporters.add_text`, and OSError."""
        view = await self._reporters.open(session, credentials)
        own = view.rows[0].complaint_id
        evidence_id = self._evidence_id(own, key)
        claim = self._reporters.claim("evidence", own, key, bytes.fromhex(upload.staged.sha256))
        if not await repository.claim(session, claim, evidence_id):
            return await self._reporters.again(session, claim, "evidence")
        # Named by its content: a repeat after a crash writes over what it left, another content never does.
        name = f"{evidence_id}.{claim.request_hash.hex()[:16]}"
        staged = upload.staged
        received = Received(evidence_id, name, upload.name, upload.kind, staged.sha256, staged.size)
        at = await self.record(session, view, received)
        await self._store.settle(draft, name)
        return Added(evidence_id, at)

    async def record(self, session: AsyncSession, view: View, received: Received) -> datetime:
        """Put a file on record, and tell its cases; when that was. Raises Refusal when the case has ended."""
        check_open(view)
        own = view.rows[0]
        at = await now(session)
        cipher = self._sealer.cipher(own.case_key_wrapped, own.complaint_id)
        description = {"name": received.name, "media_type": received.kind, "sha256": received.sha256}
        await repository.in_turn(session, own.complaint_id)
        await add_evidence(
            session,
            received.evidence_id,
            own.complaint_id,
            received.file,
            cipher.seal(json.dumps(description, ensure_ascii=False), f"evidence/{received.evidence_id}/description"),
            received.size,
            at,
        )
        digest = self._sealer.digest("content", bytes.fromhex(received.sha256)).hex()
        await tell(session, view, supplemented(view, at, received.evidence_id, digest, files=1))
        return at

    def _evidence_id(self, complaint_id: UUID, key: str) -> UUID:
        return self._sealer.derived_id("evidence", str(complaint_id), key)
