"""The vault's one door: notifications opens an address for a notice."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict

from contracts.model import Code
from services.chassis.auth import ServiceTokens, Unauthenticated, bearer
from services.chassis.db import Database
from services.chassis.http import Problem
from services.complaints.vault.repository import sealed_code, take_once
from services.complaints.vault.service import Contacts

CALLER = "notifications"
PURPOSE = "contacts.open"

router = APIRouter(tags=["contacts"])
_scheme = HTTPBearer(auto_error=False, scheme_name="service", description="A service token of notifications")


class Opening(BaseModel):
    """Which address, what for, and for which notice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact_token: UUID
    purpose: Code
    notice_id: UUID
    reissue_id: UUID | None = None
    """A new query code that the notice brings."""

    def claims(self) -> dict[str, str]:
        """What the token has to say of it."""
        named = self.model_dump(mode="json", exclude={"purpose"}, exclude_none=True)
        return {"aim": self.purpose, **named}


class Opened(BaseModel):
    """The address, for the ways the reporter wants."""

    email: str | None = None
    phone: str | None = None
    openid: str | None = None
    language: str
    code: str | None = None


@router.post("/v1/contacts/open", response_model=Opened, summary="Open an address for one notice")
async def open_contact(
    request: Request, _token: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)], body: Opening
) -> Response:
    """The token names the address, the notice, what for and the code that it brings, and is taken once."""
    tokens: ServiceTokens = request.app.state.tokens
    db: Database = request.app.state.db
    contacts: Contacts = request.app.state.contacts
    claims = tokens.verify(bearer(request.headers.get("authorization")), issuer=CALLER, purpose=PURPOSE)
    if dict(claims.extra) != body.claims():
        raise Unauthenticated("the token is for another opening")
    async with db.session() as session:
        await take_once(session, claims)
        sealed = await contacts.record(
            session, body.contact_token, claims.issuer, body.purpose, body.notice_id, claims.jti
        )
        code = None if body.reissue_id is None else await sealed_code(session, body.contact_token, body.reissue_id)
    if sealed is None or (body.reissue_id is not None and code is None):
        raise Problem(404, "CONTACT_NOT_FOUND", "没有这个联系方式。", "There is no such contact.")
    contact = contacts.open(sealed)
    opened = Opened(
        email=contact.email,
        phone=contact.phone,
        openid=contact.openid,
        language=contact.language,
        code=contacts.open_code(body.reissue_id, code) if body.reissue_id is not None and code is not None else None,
    )
    return Response(opened.model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")
