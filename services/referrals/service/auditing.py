"""Reading the audit, which is itself on the audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.chassis import audit
from services.chassis.db import SYSTEM, Database, Principal
from services.referrals.repository import accounts, auditing
from services.referrals.repository.auditing import Sought as Sought
from services.referrals.service.identity import Identity


@dataclass(frozen=True)
class Happened:
    """An act on an account. ``by_another``: not its officer's."""

    at: datetime
    action: str
    by_another: bool


@dataclass(frozen=True)
class Looked:
    """Rows of a chain, the latest first; the names of the accounts in them, by id; before which number more follow."""

    rows: list[dict[str, Any]]
    names: dict[str, str]
    following: int | None


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
        await self._on_record(who, name, {"after": after, "limit": limit})
        async with self._db.read(Principal("auditor", who.account.account_id)) as session:
            return await auditing.chain(session, name, after, limit)

    async def back(self, who: Identity, sought: Sought, before: int | None, limit: int) -> Looked:
        """Rows of a chain before a number, the latest first; on record as `chain`."""
        asked = {"subject": sought.subject, "action": sought.action}
        days = {"since": sought.since, "until": sought.until}
        told = {name: at.isoformat(timespec="minutes") if at is not None else None for name, at in days.items()}
        await self._on_record(who, sought.chain, {"before": before, "limit": limit, **asked, **told})
        async with self._db.read(Principal("auditor", who.account.account_id)) as session:
            found = await auditing.back(session, sought, before, limit + 1)
        people = {name for row in found for name in (row["actor"].removeprefix("account/"), row["subject"]) if name}
        async with self._db.read(SYSTEM) as session:
            names = await accounts.names(session, people)
        rows = found[:limit]
        return Looked(rows, names, rows[-1]["sequence"] if len(found) > limit else None)

    async def _on_record(self, who: Identity, name: str, details: dict[str, Any]) -> None:
        entry = audit.Entry(
            chain=audit.of_area("audit"),
            actor=audit.officer(who.account.account_id),
            action="AUDIT_READ",
            subject=name,
            details=details,
        )
        async with self._db.session(SYSTEM) as session:
            await audit.record(session, entry)
