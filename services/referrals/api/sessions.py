"""Logging in and out."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from contracts.lifecycle import Role
from services.referrals.api.common import Enrolling, Entering, Uses
from services.referrals.service.identity import Identity
from services.referrals.service.passwords import LONGEST, SHORTEST

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


class LogIn(BaseModel):
    """User name and password; the code of the second factor, or a recovery code, for who has one; `device`, as an
    earlier log-in answered it: the failures of others hold this device up no more."""

    username: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=200)
    code: str = Field(default="", max_length=40)
    device: str = Field(default="", max_length=1000)


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

    `must_set_password`: it opens nothing but the setting of an own password (`PUT /v1/sessions/current/password`);
    `must_enrol`: nothing but the set-up of a second factor (`/v1/second-factor`); `must_be_vouched`: nothing but these
    two until the security administrator says whose account it is (`GET /v1/sessions/current/vouching-code`).
    `device`: keep it, and show it at the next log-in under this name."""

    access_token: str
    token_type: str = "bearer"
    expires_in: int
    account: AccountView
    must_enrol: bool = False
    must_set_password: bool = False
    must_be_vouched: bool = False
    device: str | None = None


class VouchingCode(BaseModel):
    """What to tell the security administrator in person or by telephone; none for whom nobody has to vouch."""

    code: str | None


class OwnPassword(BaseModel):
    """The password in use, and the officer's own from now on."""

    current: str = Field(min_length=1, max_length=LONGEST)
    new: str = Field(min_length=SHORTEST, max_length=LONGEST)


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
    token, who = await uses.identities.log_in(body.username, body.password, body.code, body.device)
    device = uses.identities.devices.token(who.account.username)
    return _session(uses, token, who).model_copy(update={"device": device})


@router.put("/current/password", response_model=Session, summary="Set my own password")
async def set_password(uses: Uses, who: Entering, body: OwnPassword, response: Response) -> Session:
    """Every session of the account ends; this one goes on with a new token. A password that an administrator set is
    good for this alone. 403 when `current` is wrong."""
    response.headers["Cache-Control"] = "no-store"
    return _session(uses, *await uses.passwords.set_own(who, body.current, body.new))


def _session(uses: Uses, token: str, who: Identity) -> Session:
    return Session(
        access_token=token,
        expires_in=int(uses.identities.policy.longest.total_seconds()),
        account=account_view(who),
        must_enrol=who.must_enrol,
        must_set_password=who.must_set_password,
        must_be_vouched=who.must_be_vouched,
    )


@router.get("/current", response_model=AccountView, summary="Who am I")
async def current(who: Entering) -> AccountView:
    """The account that the token stands for."""
    return account_view(who)


@router.get("/current/vouching-code", response_model=VouchingCode, summary="My code for the security administrator")
async def vouching_code(uses: Uses, who: Enrolling, response: Response) -> VouchingCode:
    """An account whose password an administrator set sees and does nothing before the security administrator says whose
    it is (`POST /v1/accounts/{username}/vouching`): who makes an account, or resets it, is not its officer by that."""
    response.headers["Cache-Control"] = "no-store"
    return VouchingCode(code=await uses.vouching.code(who))


@router.delete("/current", status_code=204, summary="Log out")
async def log_out(uses: Uses, who: Entering) -> None:
    """The token is refused from now on."""
    await uses.identities.log_out(who)
