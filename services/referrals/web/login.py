"""Logging in and out."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.chassis.web.forms import check_own_page, form_of
from services.chassis.web.pages import BLANK
from services.referrals.refusals import TEXTS, Refused
from services.referrals.service.identity import Identities
from services.referrals.web.session import DEVICE, HOME, LOG_IN, TOKEN, Arrival, bench

router = APIRouter(include_in_schema=False)

_LIMIT = 4096
_NAME, _PASSWORD, _CODE = 80, 200, 40


@router.get(LOG_IN)
async def log_in_page(request: Request, next: str = HOME) -> Response:
    """Name and password."""
    return bench(request).pages.answer(
        request, "login.html", cache=BLANK, next=own(next), username="", refused=None, ways=bench(request).ways
    )


@router.post(LOG_IN)
async def log_in(request: Request) -> Response:
    """The session in a cookie. Whatever is wrong with name or password, the words are the same."""
    check_own_page(request)
    async with form_of(request, limit=_LIMIT) as form:
        username, password = str(form.get("username", "")).strip(), str(form.get("password", ""))
        code = str(form.get("code", "")).strip()
        following = own(str(form.get("next", HOME)))
    identities: Identities = request.app.state.services.identities
    try:
        if not 1 <= len(username) <= _NAME or not 1 <= len(password) <= _PASSWORD or len(code) > _CODE:
            raise Refused("BAD_CREDENTIALS")
        token, who = await identities.log_in(username, password, code, request.cookies.get(DEVICE, ""))
    except Refused as refused:
        text = TEXTS[refused.code]
        return bench(request).pages.answer(
            request,
            "login.html",
            text.status,
            cache=BLANK,
            next=following,
            username=username,
            refused=text,
            ways=bench(request).ways,
        )
    response = RedirectResponse(following, 303)
    bench(request).cookie.write(response, {TOKEN: token})
    response.set_cookie(
        DEVICE,
        identities.devices.token(who.account.username),
        max_age=identities.devices.seconds,
        path=LOG_IN,
        httponly=True,
        secure=bench(request).pages.secure,
        samesite="strict",
    )
    return response


@router.post(f"{HOME}/logout")
async def log_out(visit: Arrival) -> Response:
    """The session ends, here and for its open event streams."""
    async with form_of(visit.request, limit=_LIMIT) as form:
        visit.check(form)
    await visit.uses.identities.log_out(visit.who)
    visit.uses.news.end_session(visit.who.jti)
    response = visit.go(LOG_IN)
    visit.bench.cookie.clear(response)
    return response


def own(path: str) -> str:
    """A page of the workbench, never another site's."""
    own = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    return path if own and "\\" not in path and path.isprintable() else HOME
