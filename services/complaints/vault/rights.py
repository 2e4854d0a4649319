"""What the vault does for a reporter's request about the own data, on an officer's word: replace, remove, copy.

A correction was sealed by the reporter's own request and replaces the identity unopened; the old value is destroyed
(个人信息保护法 arts. 19, 46: no longer needed once it is known to be wrong). A copy is opened for the reporter alone.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ValidationError

from contracts.model import Contract
from contracts.rights import COPY, DECIDE, NOT_THEIRS, OF_IDENTITY, Decided, Given, Held, Right, Wanted
from services.chassis import audit
from services.chassis.auth import Claims, ServiceTokens, Unauthenticated, bearer
from services.chassis.crypto import SealBroken
from services.chassis.db import Database, one, rows
from services.chassis.http import Problem
from services.chassis.settings import Settings
from services.chassis.vault_keys import VaultPrivate
from services.complaints.vault import repository_openings, words
from services.complaints.vault.binding import bind_corrected
from services.complaints.vault.repository import SealedIdentity, identity_of, right_asked, take_once
from services.complaints.vault.words import Words
from services.complaints.whose import is_of

TABLE = "rights_decisions"
router = APIRouter(prefix="/v1/rights", tags=["rights"])
_scheme = HTTPBearer(auto_error=False, scheme_name="service", description="A service token")
Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]
Claimed = TypeVar("Claimed", bound=Contract)


class Noted(BaseModel):
    """The officer's word that stands."""

    request_id: UUID
    granted: bool


def _claims(request: Request, issuer: str, purpose: str, kind: type[Claimed]) -> tuple[Claims, Claimed]:
    tokens: ServiceTokens = request.app.state.tokens
    claims = tokens.verify(_token_of(request), issuer=issuer, purpose=purpose)
    try:
        return claims, kind.model_validate(dict(claims.extra))
    except ValidationError as error:
        raise Unauthenticated("the token lacks a claim") from error


def _token_of(request: Request) -> str:
    return bearer(request.headers.get("authorization"))


@router.post("/decisions", response_model=Noted, summary="An officer's word on a request about an identity")
async def decide(request: Request, _token: Shown) -> Noted:
    """Claims: Decided, from referrals; of a request that complaints has told of, as it has. The first word stands, and
    is carried out with it; 409 for another one."""
    claims, said = _claims(request, "referrals", DECIDE, Decided)
    if not claims.subject or said.kind not in OF_IDENTITY:
        raise Unauthenticated("the token names no officer, or no right in an identity")
    db: Database = request.app.state.db
    row = {**said.model_dump(), "officer": claims.subject, "at": datetime.now(UTC), "jti": claims.jti}
    row["word"] = words.keep(request.app.state.settings, TABLE, row, _token_of(request))
    async with db.session() as session:
        if not await right_asked(session, said.request_id, said.complaint_id, said.kind):
            raise Problem(404, "UNKNOWN", "没有这个请求。", "There is no such request.")
        if await repository_openings.add(session, TABLE, row):
            await one(session, "SELECT vault.carry_out($1)", said.request_id)
            if said.granted and said.kind is Right.CORRECTION:
                await bind_corrected(session, request.app.state.keys, said.complaint_id)
            entry = audit.Entry(
                chain=audit.of_case(said.case_id),
                actor=audit.officer(claims.subject),
                action="RIGHT_GRANTED" if said.granted else "RIGHT_REFUSED",
                subject=str(said.request_id),
                purpose=said.kind.value,
            )
            await audit.record(session, entry, schema="vault")
        stands = await one(session, "SELECT granted FROM vault.rights_decisions WHERE request_id = $1", said.request_id)
    if stands is None or stands["granted"] is not said.granted:
        raise Problem(409, "DECIDED", "该请求已有决定。", "The request is decided.")
    return Noted(request_id=said.request_id, granted=said.granted)


@router.post("/copies", response_model=Held, summary="What is held of a reporter, for the reporter's own copy")
async def copy(request: Request, _token: Shown, body: Given | None = None) -> Response:
    """Claims: Wanted, from complaints; only after an officer's yes, whose signed word is there, and for a time. Shown
    to whoever gives what the opened identity itself says, for the marks outside could have been moved; on record either
    way, before anything is shown."""
    claims, wanted = _claims(request, "complaints", COPY, Wanted)
    db: Database = request.app.state.db
    key: VaultPrivate = request.app.state.keys
    settings: Settings = request.app.state.settings
    async with db.session() as session:
        await take_once(session, claims)
        said = await repository_openings.signed(session, TABLE, wanted.request_id)
        since = datetime.now(UTC) - timedelta(days=settings.rights_copy_days)
        granted = said is not None and said["granted"] and said["at"] > since
        own = said is not None and said["complaint_id"] == wanted.complaint_id and said["kind"] == Right.ACCESS.value
        asked = own and await right_asked(session, wanted.request_id, wanted.complaint_id, Right.ACCESS)
        if said is None or not granted or not asked or Words.of_today(settings.keys_dir).trouble(TABLE, said):
            raise Problem(
                403, "NOT_GRANTED", "该请求没有获准，或领取期限已过。", "It was not granted, or its time is over."
            )
        sealed = await identity_of(session, wanted.complaint_id)
        opened = await rows(
            session,
            "SELECT o.aim, r.at FROM vault.readings r JOIN vault.openings o USING (opening_id)"
            " WHERE o.complaint_id = $1 ORDER BY r.at",
            said["complaint_id"],
        )
        identity = {} if sealed is None else _opened(key, sealed)
        theirs = sealed is None or is_of(identity, (body or Given()).model_dump())
        entry = audit.Entry(
            chain=audit.of_case(said["case_id"]),
            actor=audit.service("complaints"),
            action="IDENTITY_COPIED" if theirs else "IDENTITY_WITHHELD",
            subject=str(wanted.request_id),
            purpose=Right.ACCESS.value,
        )
        await audit.record(session, entry, schema="vault")
    if not theirs:
        raise Problem(403, NOT_THEIRS, "与留下的信息不一致。", "This is not what was left.")
    held = Held(
        identity={
            name: value if isinstance(value, str) else "、".join(map(str, value)) for name, value in identity.items()
        },
        opened=tuple((row["aim"], row["at"]) for row in opened),
    )
    return Response(held.model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")


def _opened(key: VaultPrivate, sealed: SealedIdentity) -> dict[str, Any]:
    """The identity; empty, so nobody's, where the seal is of another token or complaint."""
    try:
        opened: dict[str, Any] = json.loads(key.open_identity(sealed.sealed, sealed.contact_token, sealed.complaint_id))
    except SealBroken:
        return {}
    return opened
