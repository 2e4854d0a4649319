"""Looks at a case, on the audit before the page is shown."""

from collections.abc import Collection
from time import monotonic
from uuid import UUID

from services.chassis import audit
from services.chassis.db import SYSTEM, Database
from services.referrals.service.identity import Identity

_KEPT = 20_000


class Viewings:
    """A page that is fetched again, by a reload or a poll, is one look as long as it shows the same texts in the same
    session within ``repeat_seconds``; of several processes each counts its own."""

    def __init__(self, db: Database, repeat_seconds: float) -> None:
        self._db = db
        self._repeat_seconds = repeat_seconds
        self._seen: dict[tuple[UUID, UUID, frozenset[UUID]], float] = {}

    async def record(self, who: Identity, case_id: UUID, sequence: int, texts: Collection[UUID]) -> None:
        """The officer sees the case as of its step ``sequence``, with these of its texts."""
        key, now = (who.jti, case_id, frozenset(texts)), monotonic()
        if self._seen.get(key, now) > now:
            return
        entry = audit.Entry(
            chain=audit.of_case(case_id),
            actor=audit.officer(who.account.account_id),
            action="CASE_VIEWED",
            details={"step": sequence, "texts": len(texts), "unit": who.account.unit_id},
        )
        async with self._db.session(SYSTEM) as session:
            await audit.record(session, entry)
        if len(self._seen) >= _KEPT:
            self._seen.clear()
        self._seen[key] = now + self._repeat_seconds
