"""What the complaints process holds while it runs, and how a request reaches it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from services.chassis.auth import ServiceTokens
from services.chassis.crypto import Keyring, load_blind_key
from services.chassis.db import Database, Principal
from services.chassis.settings import Settings
from services.complaints.attempts import Attempts
from services.complaints.clients import Clients
from services.complaints.documents import Documents
from services.complaints.evidence import EvidenceStore
from services.complaints.likeness import Likeness
from services.complaints.proof import Proofs
from services.complaints.readings import Readings
from services.complaints.reporters import Reporters
from services.complaints.schemas import Receipt
from services.complaints.sealing import Sealer
from services.complaints.service import Intake, NumberTaken
from services.complaints.wakeup import Wakeup

PUBLIC = Principal("public")
_NUMBERS_TRIED = 5


@dataclass(frozen=True)
class Runtime:
    """The use cases and what they need."""

    db: Database
    intake: Intake
    reporters: Reporters
    readings: Readings
    clients: Clients
    documents: Documents
    wakeup: Wakeup
    keyring: Keyring
    tokens: ServiceTokens
    proofs: Proofs
    attempts: Attempts

    @classmethod
    def start(cls, settings: Settings, db: Database) -> "Runtime":
        """Load the keys. Raises OSError or ValueError when one is missing."""
        sealer = Sealer.load(settings.keys_dir)
        tokens = ServiceTokens("complaints", settings.keys_dir)
        store = EvidenceStore(settings.evidence_dir)
        return cls(
            db=db,
            intake=Intake(sealer, Likeness(load_blind_key(settings.keys_dir))),
            reporters=Reporters(sealer, store),
            readings=Readings(sealer, tokens, store),
            clients=Clients(sealer.keyring),
            documents=Documents(settings.referrals_url, tokens),
            wakeup=Wakeup(db),
            keyring=sealer.keyring,
            tokens=tokens,
            proofs=Proofs(settings.proof_cost),
            attempts=Attempts(settings),
        )

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
