"""What other services may ask: which cases look like one that an officer has in hand; what identities are sealed to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from services.chassis.auth import bearer
from services.complaints import duplicates
from services.complaints.runtime import runtime
from services.complaints.schemas import AlikeCases

router = APIRouter(prefix="/internal/v1", tags=["internal"])
_scheme = HTTPBearer(auto_error=False, scheme_name="service", description="A service token")


@router.post("/likeness", response_model=AlikeCases, summary="Cases of the same reporters, or with similar texts")
async def alike(request: Request, _token: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> Response:
    """Ids alone: whoever asks shows an officer those that the officer may see."""
    rt = runtime(request)
    question = duplicates.verify(rt.tokens, bearer(request.headers.get("authorization")))
    async with rt.db.session() as session:
        found = AlikeCases(items=await duplicates.find(session, question))
    return Response(found.model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")


class VaultKey(BaseModel):
    """The fingerprint of a public key."""

    sealed_for: str


@router.get("/vault-key", response_model=VaultKey, summary="The vault's key that identities are sealed to")
async def vault_key(
    request: Request, _token: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]
) -> VaultKey:
    """For the command line, before it takes a key away."""
    rt = runtime(request)
    rt.tokens.verify(bearer(request.headers.get("authorization")), issuer="cli", purpose="keys")
    return VaultKey(sealed_for=rt.sealer.sealed_for)
