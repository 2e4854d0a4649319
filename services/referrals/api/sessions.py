"""Logging in and out."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from contracts.lifecycle import Role
from services.referrals.api.common import Enrolling, Uses
from services.referrals.service.identity import Identity

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


class LogIn(BaseModel):
    """User name and password; the code of the second factor, or a recovery code, for who has one."""

    username: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=200)
    code: str = Field(default="", max_length=40)


class AccountView(BaseModel):
    """An account without its secrets."""

    account_id: str
    username: str
    name: str
    unit_id: str | None
    unit_name: str | None
    roles: list[Role]


class Session(BaseModel):
    """An access token for the `Authorization: Bearer` header, valid for `expires_in` seconds unless unused for long.

    `must_enrol`: it opens nothing but the set-up of a second factor (`/v1/second-factor`)."""

    access_token: str
    token_type: str = "bearer"
    expires_in: int
    account: AccountView
    must_enrol: bool = False


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
    """401 alike for an unknown name, a wrong password, a wrong code, and in the pause after several failures."""
    token, who = await uses.identities.log_in(body.username, body.password, body.code)
    seconds = int(uses.identities.policy.longest.total_seconds())
    return Session(access_token=token, expires_in=seconds, account=account_view(who), must_enrol=who.must_enrol)


@router.get("/current", response_model=AccountView, summary="Who am I")
async def current(who: Enrolling) -> AccountView:
    """The account that the token stands for."""
    return account_view(who)


@router.delete("/current", status_code=204, summary="Log out")
async def log_out(uses: Uses, who: Enrolling) -> None:
    """The token is refused from now on."""
    await uses.identities.log_out(who)
