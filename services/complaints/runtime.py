"""What the complaints process holds while it runs, and how a request reaches it."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from services.chassis.auth import ServiceTokens
from services.chassis.db import Database, Principal
from services.chassis.settings import Settings
from services.complaints.clients import Clients
from services.complaints.documents import Documents
from services.complaints.evidence import EvidenceStore
from services.complaints.readings import Readings
from services.complaints.reporters import Reporters
from services.complaints.sealing import Sealer
from services.complaints.service import Intake
from services.complaints.wakeup import Wakeup

PUBLIC = Principal("public")


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

    @classmethod
    def start(cls, settings: Settings, db: Database) -> "Runtime":
        """Load the keys. Raises OSError or ValueError when one is missing."""
        sealer = Sealer.load(settings.keys_dir)
        tokens = ServiceTokens("complaints", settings.keys_dir)
        store = EvidenceStore(settings.evidence_dir)
        return cls(
            db=db,
            intake=Intake(sealer),
            reporters=Reporters(sealer, store),
            readings=Readings(sealer, tokens, store),
            clients=Clients(sealer.keyring),
            documents=Documents(settings.referrals_url, tokens),
            wakeup=Wakeup(db),
        )


def runtime(request: Request) -> Runtime:
    """The runtime of the application that serves this request."""
    return cast(Runtime, request.app.state.runtime)
