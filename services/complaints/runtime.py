"""What the complaints process holds while it runs, and how a request reaches it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from services.chassis.auth import ServiceTokens
from services.chassis.crypto import Keyring, load_blind_key
from services.chassis.db import Database, Principal
from services.chassis.settings import Settings
from services.complaints.attempts import Attempts
from services.complaints.clamd import Clamd
from services.complaints.clients import Clients
from services.complaints.documents import Documents
from services.complaints.evidence import EvidenceStore
from services.complaints.examiner import Examiner
from services.complaints.files import Files
from services.complaints.likeness import Likeness
from services.complaints.proof import Proofs
from services.complaints.readings import Readings
from services.complaints.reissues import Reissues
from services.complaints.reporters import Reporters, View
from services.complaints.rights import Rights
from services.complaints.schemas import Credentials, Receipt
from services.complaints.sealing import Sealer
from services.complaints.service import Intake, NumberTaken
from services.complaints.uploads import Limits, Uploads
from services.complaints.wakeup import Wakeup

PUBLIC = Principal("public")
_NUMBERS_TRIED = 5


@dataclass(frozen=True)
class Runtime:
    """The use cases and what they need."""

    settings: Settings
    db: Database
    intake: Intake
    reporters: Reporters
    reissues: Reissues
    rights: Rights
    http: httpx.AsyncClient
    files: Files
    uploads: Uploads
    store: EvidenceStore
    examiner: Examiner
    readings: Readings
    clients: Clients
    documents: Documents
    wakeup: Wakeup
    sealer: Sealer
    keyring: Keyring
    tokens: ServiceTokens
    proofs: Proofs
    attempts: Attempts

    @classmethod
    def start(cls, settings: Settings, db: Database) -> "Runtime":
        """Load the keys. Raises OSError or ValueError when one is missing."""
        sealer = Sealer.load(settings.keys_dir)
        tokens = ServiceTokens("complaints", settings)
        store = EvidenceStore(settings.evidence_dir)
        reporters = Reporters(sealer)
        likeness = Likeness(load_blind_key(settings.keys_dir))
        files = Files(sealer, store, reporters)
        limits = Limits(
            settings.evidence_max_bytes, timedelta(hours=settings.evidence_upload_hours), settings.evidence_open_uploads
        )
        http = httpx.AsyncClient(timeout=5, trust_env=False)
        clamd = Clamd(settings.clamd_address) if settings.clamd_address else None
        return cls(
            settings=settings,
            db=db,
            intake=Intake(sealer, likeness),
            reporters=reporters,
            reissues=Reissues(
                db,
                sealer,
                likeness,
                every=timedelta(hours=settings.reissue_hours),
                valid=timedelta(hours=settings.reissue_valid_hours),
                most=settings.reissue_tries,
            ),
            rights=Rights(
                db,
                sealer,
                likeness,
                reporters,
                tokens,
                http,
                settings.vault_url,
                settings.referrals_url,
                tries=settings.rights_tries,
            ),
            http=http,
            files=files,
            uploads=Uploads(db, sealer, store, reporters, files, limits),
            store=store,
            examiner=Examiner(db, sealer, store, clamd, poll_seconds=settings.evidence_poll_seconds),
            readings=Readings(sealer, tokens, store, unscanned=settings.evidence_unscanned == "allow"),
            clients=Clients(sealer.keyring),
            documents=Documents(settings.referrals_url, tokens),
            wakeup=Wakeup(db),
            sealer=sealer,
            keyring=sealer.keyring,
            tokens=tokens,
            proofs=Proofs(settings.proof_cost),
            attempts=Attempts(settings),
        )

    async def enter(self, credentials: Credentials) -> View:
        """Open a complaint with number and code; a new code that is used first takes the old one's place.

        Raises Refusal.
        """
        async with self.db.read(PUBLIC) as session:
            view = await self.reporters.open(session, credentials)
        if view.reissued:
            async with self.db.session(PUBLIC) as session:
                view = await self.reporters.open(session, credentials)
        return view

    async def accept(self, work: Callable[[AsyncSession], Awaitable[Receipt]]) -> Receipt:
        """Run an intake in one transaction; a random case number that is in use is drawn again."""
        for attempt in range(_NUMBERS_TRIED):
            try:
                async with self.db.session() as session:
                    receipt = await work(session)
                break
            except NumberTaken:
                if attempt == _NUMBERS_TRIED - 1:
                    raise
        self.wakeup.soon()
        return receipt


def runtime(request: Request) -> Runtime:
    """The runtime of the application that serves this request."""
    return cast(Runtime, request.app.state.runtime)
