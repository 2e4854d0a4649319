"""The workbench as part of the application."""

from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from services.chassis.crypto import Keyring
from services.chassis.settings import Settings
from services.chassis.web.assets import Assets
from services.chassis.web.forms import SealedCookie
from services.chassis.web.pages import Pages
from services.chassis.web.problems import ProblemPages
from services.referrals.web import (
    accounts,
    acts,
    auditing,
    board,
    case_page,
    events,
    identity,
    kin,
    login,
    openid,
    papers,
    password,
    queues,
    rights,
    second_factor,
    transfer_records,
)
from services.referrals.web.session import (
    COOKIE,
    HOME,
    LEAVING,
    LEAVING_SECONDS,
    Bench,
    LoggedOut,
    MustBeVouched,
    MustEnrol,
    MustSetPassword,
    Ways,
    logged_out,
    must_enrol,
    must_set_password,
)

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_ASSETS = {"workbench.css": _STATIC / "workbench.css", "workbench.js": _STATIC / "workbench.js"}


def make_pages(settings: Settings) -> Pages:
    """The templates. Raises MissingAsset when npm's files were not fetched."""
    return Pages(_HERE / "templates", secure=settings.over_https, assets=Assets(_ASSETS))


def make_bench(pages: Pages, keyring: Keyring, settings: Settings) -> Bench:
    """What the routes stand on, for `app.state.bench`."""
    seconds = settings.session_hours * 3600
    leaving = SealedCookie(keyring, LEAVING, seconds=LEAVING_SECONDS, secure=pages.secure, samesite="lax")
    ways = Ways(settings.password_login, bool(settings.openid_issuer))
    return Bench(pages, SealedCookie(keyring, COOKIE, seconds=seconds, secure=pages.secure), leaving, ways)


def install(app: FastAPI, pages: Pages) -> None:
    """Add the pages."""
    pages.mount(app)
    app.add_exception_handler(LoggedOut, logged_out)
    app.add_exception_handler(MustSetPassword, must_set_password)
    app.add_exception_handler(MustBeVouched, must_set_password)
    app.add_exception_handler(MustEnrol, must_enrol)
    app.add_route("/", _home, methods=["GET"], include_in_schema=False)
    for module in (
        login,
        openid,
        password,
        second_factor,
        queues,
        case_page,
        identity,
        papers,
        rights,
        transfer_records,
        kin,
        acts,
        board,
        accounts,
        auditing,
        events,
    ):
        app.include_router(module.router)
    app.add_middleware(ProblemPages, pages=pages)


async def _home(request: Request) -> Response:
    return RedirectResponse(HOME, 303)
