"""Opening an identity for one officer, one purpose and a limited time, after a second person's yes.

The vault believes who an officer is and that he may ask, decide or look (referrals knows units, roles and recusal).
That a second person agreed it believes nobody: it has that person's own word, or there is no opening.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from contracts.openings import (
    ORIGINALS,
    OWN_DENIALS,
    Ask,
    Decide,
    Denial,
    Opening,
    OpeningState,
    OriginalOpen,
    Read,
    ReadOriginal,
    Revealed,
)
from contracts.reference import opening_purposes
from services.chassis import audit
from services.chassis.settings import Settings
from services.chassis.vault_keys import VaultPrivate
from services.complaints.vault import repository_openings as repository
from services.complaints.vault import words
from services.complaints.vault.repository import SealedIdentity, identity_of


class NotOpened(Exception):
    """What was asked is refused; ``code`` says why. It is on record."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Caller:
    """The officer whom the token names, the token's id, and the token itself: his word, which is kept."""

    officer: str
    jti: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Sealed:
    """An identity that may be opened now, for these fields."""

    identity: SealedIdentity
    fields: tuple[str, ...]
    open_until: datetime


class Openings:
    """Methods run in their caller's transaction. A refusal is returned, not raised: its record is to be committed."""

    def __init__(
        self, key: VaultPrivate, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._key = key
        self._settings = settings
        self.now = clock

    async def ask(self, session: AsyncSession, caller: Caller, ask: Ask) -> Opening | NotOpened:
        """Put a request on record; it is refused at once where nobody can be asked or there is no name.

        The same request again is the same opening.
        """
        known = await repository.opening(session, ask.opening_id)
        if known is not None:
            same = (known.officer, known.case_id, known.complaint_id, known.aim) == (
                caller.officer, ask.case_id, ask.complaint_id, ask.aim
            )  # fmt: skip
            return known if same else await self._refuse(session, caller, ask.opening_id, ask.case_id, "ASK", "REUSED")
        purpose, now = opening_purposes().get(ask.aim), self.now()
        refusal = None
        if purpose is None:
            refusal = "UNKNOWN_PURPOSE"
        elif await repository.waits(session, caller.officer, ask, now):
            refusal = "ALREADY_ASKED"
        if refusal is not None or purpose is None:
            return await self._refuse(session, caller, ask.opening_id, ask.case_id, "ASK", refusal or "")
        row = {
            **ask.model_dump(),
            "officer": caller.officer,
            "fields": list(purpose.fields),
            "open_minutes": purpose.open_minutes,
            "asked_at": now,
            "lapses_at": now + timedelta(minutes=purpose.decide_minutes),
            "jti": caller.jti,
        }
        if not await repository.add(session, "openings", self._signed("openings", row, caller.token)):
            return await self._refuse(session, caller, ask.opening_id, ask.case_id, "ASK", "USED_TOKEN")
        denial = await self._own_denial(session, ask)
        if denial is not None:
            own = self._decision(ask.opening_id, caller.officer, now, denial)
            await repository.add(session, "decisions", self._signed("decisions", own, None))
        await _on_record(session, caller, ask.case_id, "IDENTITY_ASKED", ask.opening_id, ask.aim, denial=denial)
        return await self._found(session, ask.opening_id)

    async def decide(self, session: AsyncSession, caller: Caller, decide: Decide) -> Opening | NotOpened:
        """A second person's word, which is final. The same word again changes nothing."""
        opening, now = await repository.opening(session, decide.opening_id), self.now()
        refusal = None
        if opening is None or opening.case_id != decide.case_id:
            refusal = "UNKNOWN_OPENING"
        elif opening.officer == caller.officer:
            refusal = "OWN_REQUEST"
        elif opening.decides_unit != decide.unit_id:
            refusal = "OTHER_UNIT"
        elif decide.granted != (decide.denial is None) or decide.denial in OWN_DENIALS:
            refusal = "UNFIT_DECISION"
        elif (decided := opening.decision) is not None:
            if (decided.officer, decided.granted, decided.denial) == (caller.officer, decide.granted, decide.denial):
                return opening
            refusal = "DECIDED"
        elif opening.state(now) is OpeningState.LAPSED:
            refusal = "LAPSED"
        if opening is None or refusal is not None:
            return await self._refuse(session, caller, decide.opening_id, decide.case_id, "DECIDE", refusal or "")
        minutes = await repository.open_minutes(session, decide.opening_id)
        row = self._decision(decide.opening_id, opening.officer, now, decide.denial) | {
            "officer": caller.officer,
            "unit_id": decide.unit_id,
            "open_until": now + timedelta(minutes=minutes) if decide.granted else None,
            "jti": caller.jti,
        }
        if not await repository.add(
            session, "decisions", self._signed("decisions", row, caller.token)
        ):  # somebody else was faster, or the token was used before
            return await self._refuse(session, caller, decide.opening_id, decide.case_id, "DECIDE", "DECIDED")
        action = "IDENTITY_GRANTED" if decide.granted else "IDENTITY_DENIED"
        await _on_record(session, caller, decide.case_id, action, decide.opening_id, opening.aim, denial=decide.denial)
        return await self._found(session, decide.opening_id)

    async def read(self, session: AsyncSession, caller: Caller, read: Read) -> Sealed | NotOpened:
        """Put a look on record, and give what `reveal` opens once that is committed."""
        found = await self._look(session, caller, read, "READ")
        return found if isinstance(found, NotOpened) else found[1]

    async def original(self, session: AsyncSession, caller: Caller, read: ReadOriginal) -> OriginalOpen | NotOpened:
        """Put the saving of a file as it came on record; what the vault's word to complaints then says."""
        found = await self._look(session, caller, read, "ORIGINAL", original=str(read.evidence_id))
        if isinstance(found, NotOpened):
            return found
        return OriginalOpen(case_id=read.case_id, complaint_id=found[0].complaint_id, evidence_id=read.evidence_id)

    async def _look(
        self, session: AsyncSession, caller: Caller, read: Read, act: str, **details: str
    ) -> tuple[Opening, Sealed] | NotOpened:
        opening, now = await repository.opening(session, read.opening_id), self.now()
        refusal, found = None, None
        if opening is None or opening.case_id != read.case_id:
            refusal = "UNKNOWN_OPENING"
        elif opening.officer != caller.officer:
            refusal = "OTHER_OFFICER"
        elif (state := opening.state(now)) is not OpeningState.GRANTED:
            refusal = state.value
        elif not await self._stands(session, read.opening_id):
            refusal = "NOT_SIGNED"
        elif act == "ORIGINAL" and ORIGINALS not in await repository.fields_of(session, read.opening_id):
            refusal = "NO_ORIGINAL"
        elif (found := await identity_of(session, opening.complaint_id)) is None:
            refusal = Denial.NO_IDENTITY
        else:
            row = {"opening_id": read.opening_id, "officer": caller.officer, "at": now, "jti": caller.jti}
            if not await repository.add(session, "readings", self._signed("readings", row, caller.token)):
                refusal = "USED_TOKEN"
        if opening is None or found is None or refusal is not None:
            return await self._refuse(session, caller, read.opening_id, read.case_id, act, refusal or "")
        assert opening.decision is not None
        assert opening.decision.open_until is not None
        fields = await repository.fields_of(session, read.opening_id)
        await _on_record(session, caller, read.case_id, "IDENTITY_READ", read.opening_id, opening.aim, **details)
        return opening, Sealed(found, fields, opening.decision.open_until)

    def reveal(self, sealed: Sealed) -> Revealed:
        """The fields that the purpose shows; raises SealBroken."""
        identity = self._open(sealed.identity)
        shown = {name: str(identity[name]) for name in sealed.fields if identity.get(name)}
        return Revealed(fields=shown, open_until=sealed.open_until)

    async def _stands(self, session: AsyncSession, opening_id: UUID) -> bool:
        """Whether request and yes are signed as they stand: rows alone, whoever put them there, open nothing."""
        known = words.Words.of_today(self._settings.keys_dir)
        for table in ("openings", "decisions"):
            row = await repository.signed(session, table, opening_id)
            if row is None or known.trouble(table, row) is not None:
                return False
        return True

    def _signed(self, table: str, row: dict[str, Any], said: str | None) -> dict[str, Any]:
        """The row with its word."""
        return row | {"word": words.keep(self._settings, table, row, said)}

    @staticmethod
    def _decision(opening_id: UUID, asked_by: str, at: datetime, denial: Denial | None) -> dict[str, Any]:
        """The vault's own no, of which a second person's word says more."""
        return {
            "opening_id": opening_id,
            "asked_by": asked_by,
            "granted": denial is None,
            "denial": denial,
            "officer": None,
            "unit_id": None,
            "at": at,
            "open_until": None,
            "jti": None,
        }

    async def _own_denial(self, session: AsyncSession, ask: Ask) -> Denial | None:
        """Who gave an address and no name stays anonymous, whoever says yes."""
        found = await identity_of(session, ask.complaint_id)
        if found is None or not self._open(found).get("name"):
            return Denial.NO_IDENTITY
        return Denial.NOBODY_TO_ASK if ask.decides_unit is None else None

    def _open(self, found: SealedIdentity) -> Mapping[str, object]:
        opened = self._key.open_identity(found.sealed, found.contact_token, found.complaint_id)
        identity: Mapping[str, object] = json.loads(opened)
        return identity

    async def _refuse(
        self, session: AsyncSession, caller: Caller, opening_id: UUID, case_id: UUID, act: str, refusal: str
    ) -> NotOpened:
        await repository.add_attempt(session, opening_id, case_id, caller.officer, act, refusal, self.now(), caller.jti)
        await _on_record(session, caller, case_id, "IDENTITY_REFUSED", opening_id, None, act=act, refusal=refusal)
        return NotOpened(refusal)

    @staticmethod
    async def _found(session: AsyncSession, opening_id: UUID) -> Opening:
        found = await repository.opening(session, opening_id)
        if found is None:
            raise LookupError("the opening was not kept")
        return found


async def _on_record(
    session: AsyncSession,
    caller: Caller,
    case_id: UUID,
    action: str,
    opening_id: UUID,
    purpose: str | None,
    **details: str | None,
) -> None:
    entry = audit.Entry(
        chain=audit.of_case(case_id),
        actor=audit.officer(caller.officer),
        action=action,
        subject=str(opening_id),
        purpose=purpose,
        details=details,
    )
    await audit.record(session, entry, schema="vault")
