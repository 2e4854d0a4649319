"""The vault seals identities anew to its current key, a batch at a time, for the operator's command line."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from services.chassis.auth import ServiceTokens, bearer
from services.chassis.db import Database
from services.chassis.vault_keys import BOUND, VaultPrivate, header
from services.complaints.vault import binding, repository

CALLER = "cli"
PURPOSE = "keys"

router = APIRouter(tags=["keys"])
_scheme = HTTPBearer(auto_error=False, scheme_name="service", description="A service token of the command line")
_Token = Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]


class Batch(BaseModel):
    """Which identities: those after a token, in the tokens' order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: UUID | None = None
    limit: int = Field(default=200, ge=1, le=1_000)


class Resealed(BaseModel):
    """How the batch went. ``last`` is where the next one begins; None: there are no more."""

    last: UUID | None
    done: int
    broken: int


class Use(BaseModel):
    """How many identities are sealed to each key, by fingerprint; the first ones carry none. ``codes``: new query codes
    on their way, which end by themselves."""

    identities: dict[str, int]
    codes: dict[str, int]


@router.post("/v1/keys/reseal", response_model=Resealed, summary="Seal a batch of identities to the current key")
async def reseal(request: Request, _token: _Token, body: Batch) -> Resealed:
    _check(request)
    db: Database = request.app.state.db
    keys: VaultPrivate = request.app.state.keys
    async with db.session() as session:
        batch = await repository.sealed_otherwise(session, header(keys.current, BOUND), body.after, body.limit)
        done, broken = await binding.reseal(session, keys, batch)
    return Resealed(last=batch[-1].contact_token if batch else None, done=done, broken=broken)


@router.get("/v1/keys", response_model=Use, summary="How many identities are sealed to which key")
async def use(request: Request, _token: _Token) -> Use:
    _check(request)
    db: Database = request.app.state.db
    async with db.read() as session:
        return Use(
            identities=await repository.sealed_to(session, "sealed_identities"),
            codes=await repository.sealed_to(session, "sealed_codes", "expires_at > clock_timestamp()"),
        )


def _check(request: Request) -> None:
    tokens: ServiceTokens = request.app.state.tokens
    tokens.verify(bearer(request.headers.get("authorization")), issuer=CALLER, purpose=PURPOSE)
