"""Logging in and out."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from contracts.lifecycle import Role
from services.referrals.api.common import Caller, Uses
from services.referrals.service.identity import ACCESS_SECONDS, Identity

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


class LogIn(BaseModel):
    """User name and password."""

    username: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=200)


class AccountView(BaseModel):
    """An account without its secrets."""

    account_id: str
    username: str
    name: str
    unit_id: str | None
    unit_name: str | None
    roles: list[Role]


class Session(BaseModel):
    """An access token for the `Authorization: Bearer` header, valid for `expires_in` seconds."""

    access_token: str
    token_type: str = "bearer"
    expires_in: int
    account: AccountView


def account_view(who: Identity) -> AccountView:
    """The caller's own account."""
    account = who.account
    return AccountView(
        account_id=account.account_id,
        username=account.username,
        name=account.name,
        unit_id=account.unit_id,
        unit_name=account.unit_name,
        roles=sorted(account.roles),
    )


@router.post("", response_model=Session, status_code=201, summary="Log in")
async def log_in(uses: Uses, body: LogIn) -> Session:
    """401 alike for an unknown name and a wrong password."""
    token, who = await uses.identities.log_in(body.username, body.password)
    return Session(access_token=token, expires_in=ACCESS_SECONDS, account=account_view(who))


@router.get("/current", response_model=AccountView, summary="Who am I")
async def current(who: Caller) -> AccountView:
    """The account that the token stands for."""
    return account_view(who)


@router.delete("/current", status_code=204, summary="Log out")
async def log_out(uses: Uses, who: Caller) -> None:
    """The token is refused from now on."""
    await uses.identities.log_out(who)
