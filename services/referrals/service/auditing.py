"""Reading the audit, which is itself on the audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.chassis import audit
from services.chassis.db import SYSTEM, Database, Principal
from services.referrals.repository import auditing
from services.referrals.service.identity import Identity


@dataclass(frozen=True)
class Happened:
    """An act on an account. ``by_another``: not its officer's."""

    at: datetime
    action: str
    by_another: bool


class Auditing:
    """The chains of this service."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def own(self, who: Identity, limit: int = 20) -> list[Happened]:
        """What happened to the officer's own account lately, the latest first."""
        own = who.account.account_id
        async with self._db.read(Principal("auditor", own)) as session:
            found = await auditing.latest(session, audit.of_account(own), limit)
        return [Happened(row["at"], row["action"], row["actor"] != audit.officer(own)) for row in found]

    async def chain(self, who: Identity, name: str, after: int, limit: int) -> list[dict[str, Any]]:
        """Rows of a chain after a number. The caller has checked who asks; it is on record before it is answered."""
        entry = audit.Entry(
            chain=audit.of_area("audit"),
            actor=audit.officer(who.account.account_id),
            action="AUDIT_READ",
            subject=name,
            details={"after": after, "limit": limit},
        )
        async with self._db.session(SYSTEM) as session:
            await audit.record(session, entry)
        async with self._db.read(Principal("auditor", who.account.account_id)) as session:
            return await auditing.chain(session, name, after, limit)
