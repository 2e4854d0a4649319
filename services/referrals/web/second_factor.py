"""Setting up the second factor: a QR code and its secret, the first code, the recovery codes once."""

import segno
from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from services.chassis.web.forms import form_of
from services.referrals.refusals import TEXTS, Refused
from services.referrals.web.session import FACTOR, TOKEN, Settled, Visit

router = APIRouter(include_in_schema=False)

_LIMIT = 4096
_CODE = 40


async def _page(visit: Visit, status: int = 200, **context: object) -> Response:
    account = visit.who.account
    in_use = await visit.uses.factors.in_use(account.account_id)
    offer = None if in_use else await visit.uses.factors.offered(account.account_id, account.username)
    # Made by us from what we made: the only text in it is the drawing.
    drawn = Markup(segno.make(offer.uri).svg_inline(scale=5, border=4)) if offer else None  # noqa: S704  # nosec B704
    values = {"in_use": in_use, "offer": offer, "drawn": drawn, "codes": None, "refused": None, **context}
    must = visit.who.must_enrol
    return visit.part("second_factor.html", status, must=must, queues=None, **values)


@router.get(FACTOR)
async def show(visit: Settled) -> Response:
    """Whether one is in use; one that was offered, to be scanned."""
    return await _page(visit)


@router.post(FACTOR)
async def offer(visit: Settled) -> Response:
    """A new secret; back to the page that shows it."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
    await visit.uses.factors.offer(visit.who.account.account_id, visit.who.account.username)
    return visit.go(FACTOR)


@router.post(f"{FACTOR}/confirmation")
async def confirm(visit: Settled) -> Response:
    """In use from now on: the recovery codes, shown this once, and the session goes on with a new token."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
        code = str(form.get("code", ""))[:_CODE]
    try:
        token, codes = await visit.uses.identities.enrol(visit.who, code)
    except Refused as refused:
        text = TEXTS[refused.code]
        return await _page(visit, text.status, refused=text)
    response = visit.part(
        "second_factor.html", must=False, queues=None, in_use=True, offer=None, drawn=None, codes=codes, refused=None
    )
    visit.bench.cookie.write(response, {TOKEN: token}, visit.session.form_token)
    return response
