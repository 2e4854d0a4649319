"""Logging in by the agency's OpenID provider: there, and back."""

from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.chassis.outages import EngineAway
from services.chassis.web.pages import BLANK
from services.referrals.api.common import Services
from services.referrals.refusal_text import Text
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.openid import Begun
from services.referrals.web.login import own
from services.referrals.web.session import HOME, LOG_IN, TOKEN, bench

router = APIRouter(include_in_schema=False)

_AWAY = Text(
    503, "统一身份认证暂时连接不上，请稍后重试。", "The identity provider can't be reached: try again shortly."
)


@router.get(f"{LOG_IN}/openid")
async def leave(request: Request, next: str = HOME) -> Response:
    """To the provider; what will come back is remembered in a cookie of ten minutes."""
    provider = cast(Services, request.app.state.services).openid
    if provider is None:
        raise Refused("NOT_FOUND")
    try:
        there, begun = await provider.begin()
    except EngineAway:
        return _said(request, _AWAY)
    except Refused as refused:
        return _said(request, TEXTS[refused.code])
    response = RedirectResponse(there, 303)
    values = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "next": own(next)}
    bench(request).leaving.write(response, values)
    return response


@router.get(f"{LOG_IN}/openid/back")
async def come_back(request: Request) -> Response:
    """From the provider: the session in a cookie, and on by a page of ours, since the browser keeps that cookie from a
    redirect that began on another site. Whose account it is not yet is shown a code, and logged in to nothing."""
    uses, own_bench = cast(Services, request.app.state.services), bench(request)
    left = own_bench.leaving.read(request)
    if uses.openid is None:
        raise Refused("NOT_FOUND")
    if left is None:
        return _said(request, TEXTS["OPENID_FAILED"])
    begun = Begun(left.values["state"], left.values["nonce"], left.values["verifier"])
    try:
        person = await uses.openid.finish(request.query_params, begun)
        token = await uses.identities.of_provider(person)
        code = await uses.vouching.claim(person) if token is None else ""
    except EngineAway:
        return _said(request, _AWAY)
    except Refused as refused:
        return _said(request, TEXTS[refused.code])
    if token is None:
        response = own_bench.pages.answer(
            request, "openid_code.html", 403, code=code, username=person.username, ways=own_bench.ways
        )
    else:
        response = own_bench.pages.answer(request, "logged_in.html", next=own(left.values["next"]))
        own_bench.cookie.write(response, {TOKEN: token})
    own_bench.leaving.clear(response)
    return response


def _said(request: Request, text: Text) -> Response:
    """The log-in page, with what went wrong."""
    response = bench(request).pages.answer(
        request, "login.html", text.status, cache=BLANK, next=HOME, username="", refused=text, ways=bench(request).ways
    )
    bench(request).leaving.clear(response)
    return response
