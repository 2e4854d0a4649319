"""What other services may ask: the text of a document that the reporter was told; whether a session goes on."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from contracts.sessions import PURPOSE, Standing
from services.chassis.auth import Unauthenticated
from services.referrals.api.common import ServiceToken, Uses
from services.referrals.refusals import Refused

router = APIRouter(prefix="/internal/v1", tags=["internal"])


class DocumentView(BaseModel):
    """A text and its hash."""

    document_id: UUID
    sha256: str
    text: str


@router.get("/sessions/current", response_model=Standing, summary="Who an officer's session stands for now")
async def session(uses: Uses, token: ServiceToken) -> Standing:
    """The session that the token of who asks names; 404 when it is over: logged out, unused or locked."""
    if token is None:
        raise Unauthenticated("send an `Authorization: Bearer …` header")
    claims = uses.tokens.verify(token.credentials, issuer="notifications", purpose=PURPOSE)
    found = await uses.identities.standing(UUID(claims.subject or ""))
    if found is None:
        raise Refused("NOT_FOUND")
    return found


@router.get("/documents/{document_id}", response_model=DocumentView, summary="A text that the reporter may read")
async def document(uses: Uses, token: ServiceToken, document_id: UUID) -> DocumentView:
    """A reviewed reply, a question to the reporter, or a refusal's reasons; 404 for any other text."""
    if token is None:
        raise Unauthenticated("send an `Authorization: Bearer …` header")
    uses.tokens.verify(token.credentials, issuer="complaints", purpose="reply")
    found = await uses.texts.published(document_id)
    if found is None:
        raise Refused("NOT_FOUND")
    reference, text = found
    return DocumentView(document_id=document_id, sha256=reference.sha256, text=text)
