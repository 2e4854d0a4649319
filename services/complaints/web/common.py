"""What all pages of the site share: how they are answered, and the cookies of a reporter."""

import secrets
from typing import Any, cast

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from services.chassis.problems import Lang
from services.chassis.web.forms import SealedCookie
from services.chassis.web.pages import Pages, page_lang
from services.complaints.runtime import runtime

_SECONDS = 30 * 60


def language(request: Request) -> Lang:
    """The language that the reader chose."""
    return page_lang(request)


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page of the site."""
    return _pages(request).answer(request, template, status, **context)


def see(path: str) -> Response:
    """Go on with another page, which a reload then repeats instead of the form."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


def new_key() -> str:
    """What makes two submissions of one page the same."""
    return secrets.token_urlsafe(24)


def receipt_cookie(request: Request) -> SealedCookie:
    """Number and code of a complaint that was just filed."""
    return _cookie(request, "receipt")


def filed_cookie(request: Request) -> SealedCookie:
    """What this browser filed last: a digest of it, and the key that it was filed under."""
    return _cookie(request, "filed")


def tracking_cookie(request: Request) -> SealedCookie:
    """Number and code of the complaint that is being followed."""
    return _cookie(request, "tracking")


def _cookie(request: Request, name: str) -> SealedCookie:
    return SealedCookie(runtime(request).keyring, name, seconds=_SECONDS, secure=_pages(request).secure)


def _pages(request: Request) -> Pages:
    return cast(Pages, request.app.state.pages)
