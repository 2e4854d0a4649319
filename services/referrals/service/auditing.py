"""Reading the audit, which is itself on the audit."""

from typing import Any

from services.chassis import audit
from services.chassis.db import SYSTEM, Database, Principal
from services.referrals.repository import auditing
from services.referrals.service.identity import Identity


class Auditing:
    """The chains of this service."""

    def __init__(self, db: Database) -> None:
        self._db = db

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
