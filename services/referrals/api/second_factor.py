"""An officer's second factor: set up by whoever is logged in, reset by an administrator."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from services.referrals.api.common import Enrolling, Uses

router = APIRouter(prefix="/v1/second-factor", tags=["sessions"])


class FactorView(BaseModel):
    """Whether one is in use, and whether one is required."""

    in_use: bool
    required: bool


class OfferView(BaseModel):
    """For the authenticator app: the address of the QR code, and the secret to key in. Shown until the first code."""

    uri: str
    secret: str


class FirstCode(BaseModel):
    """The first code that the app shows."""

    code: str = Field(min_length=6, max_length=12)


class Confirmed(BaseModel):
    """Ten codes, each for one log-in without the app, shown this once; and a session that may do everything."""

    recovery_codes: list[str]
    access_token: str
    token_type: str = "bearer"
    expires_in: int


@router.get("", response_model=FactorView, summary="Do I have a second factor")
async def factor(uses: Uses, who: Enrolling) -> FactorView:
    """Also for a session that can do nothing but set one up."""
    in_use = await uses.factors.in_use(who.account.account_id)
    return FactorView(in_use=in_use, required=uses.identities.policy.factor_required)


@router.post("", response_model=OfferView, status_code=201, summary="Begin to set one up")
async def offer(uses: Uses, who: Enrolling, response: Response) -> OfferView:
    """A new secret each time; it counts from its first code on. 409 when one is in use."""
    made = await uses.factors.offer(who.account.account_id, who.account.username)
    response.headers["Cache-Control"] = "no-store"
    return OfferView(uri=made.uri, secret=made.secret)


@router.post("/confirmation", response_model=Confirmed, summary="Put it to use by its first code")
async def confirm(uses: Uses, who: Enrolling, body: FirstCode, response: Response) -> Confirmed:
    """The session goes on with a new token; the one before is refused."""
    token, codes = await uses.identities.enrol(who, body.code)
    response.headers["Cache-Control"] = "no-store"
    seconds = int(uses.identities.policy.longest.total_seconds())
    return Confirmed(recovery_codes=codes, access_token=token, expires_in=seconds)
