"""Who is at the browser: the session cookie, the officer behind it, and pages in the officer's frame."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Literal, TypedDict, cast
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from contracts.lifecycle import ADMINISTRATORS, Role
from services.chassis.auth import Unauthenticated
from services.chassis.web.forms import SealedCookie, Session, check_form
from services.chassis.web.pages import Pages, page_lang
from services.referrals.api.common import Services
from services.referrals.openings import AT_DESK
from services.referrals.service.administering import KEEPERS
from services.referrals.service.identity import Identity
from services.referrals.web.words import Words

HOME = "/workbench"
LOG_IN = f"{HOME}/login"
COOKIE = "officer"
DEVICE = "device"
"""Says that somebody logged in here before under a name, and nothing more."""
LEAVING = "leaving"
LEAVING_SECONDS = 600
TOKEN = "token"
DONE = "done"
_DONE_SECONDS = 60
"""Longer than a page takes to come; one that never came is not told of later."""


class _Flags(TypedDict):
    httponly: bool
    secure: bool
    samesite: Literal["strict"]


FACTOR = f"{HOME}/second-factor"
PASSWORD = f"{HOME}/password"
ACCOUNTS = f"{HOME}/accounts"
AUDIT = f"{HOME}/audit"


@dataclass(frozen=True)
class Ways:
    """How officers may log in."""

    passwords: bool
    openid: bool


class LoggedOut(Exception):
    """There is no session behind the request, or it is over."""


class MustSetPassword(Exception):
    """The session may set an own password, and nothing else."""


class MustBeVouched(Exception):
    """The session may change the own password and set up a second factor, and nothing else."""


class MustEnrol(Exception):
    """The session may set up a second factor, and nothing else."""


@dataclass(frozen=True)
class Bench:
    """What the pages of this process stand on."""

    pages: Pages
    cookie: SealedCookie
    leaving: SealedCookie
    """For who was sent to the OpenID provider."""
    ways: Ways


@dataclass(frozen=True)
class Visit:
    """An officer's request."""

    request: Request
    bench: Bench
    uses: Services
    who: Identity
    session: Session

    @property
    def token(self) -> str:
        """The access token of the session."""
        return self.session.values[TOKEN]

    @property
    def fragment(self) -> bool:
        """Whether the page asks for a part of itself."""
        return is_fragment(self.request)

    @cached_property
    def words(self) -> Words:
        """The terms in the page's language."""
        return Words(page_lang(self.request))

    def check(self, form: FormData) -> None:
        """Raises Problem (403) when the form is not of this session's pages."""
        check_form(self.request, self.session, form.get("form_token"))

    async def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page in the officer's frame, with the number of open tasks of the unit."""
        if "queues" not in context:
            context["queues"] = await self.uses.watching.queues(self.who)
        return self.part(template, status, **context)

    def part(self, template: str, status: int = 200, **context: Any) -> Response:
        """A part of a page."""
        account = self.who.account
        return self.bench.pages.answer(
            self.request,
            template,
            status,
            words=self.words,
            account=account,
            unit_id=account.unit_id,
            supervises=Role.SUPERVISOR in account.roles,
            answers=bool(AT_DESK & account.roles),
            audits=Role.AUDIT_ADMIN in account.roles,
            keeps_accounts=bool(KEEPERS & account.roles),
            administers=bool(ADMINISTRATORS & account.roles),
            form_token=self.session.form_token,
            home=HOME,
            shown_at=datetime.now(UTC),
            **context,
        )

    def go(self, path: str, *, done: str | None = None) -> Response:
        """On to another page, after something was done; ``done`` is what the page says, once (`just_done`)."""
        response = go(self.request, path)
        if done is not None:
            response.set_cookie(DONE, done, max_age=_DONE_SECONDS, path=path, **self._cookie)
        return response

    def just_done(self) -> str | None:
        """The act that led to this page, to be said once: say it with `said`."""
        return self.request.cookies.get(DONE)

    def said(self, response: Response) -> Response:
        """The page, after which a reload doesn't say again what was done."""
        if self.just_done() is not None:
            response.delete_cookie(DONE, path=self.request.url.path, **self._cookie)
        return response

    @property
    def _cookie(self) -> "_Flags":
        return {"httponly": True, "secure": self.bench.pages.secure, "samesite": "strict"}


def is_fragment(request: Request) -> bool:
    """Whether HTMX asks, for a part of the page that is open."""
    return "hx-request" in request.headers


def go(request: Request, path: str) -> Response:
    """On to another page: by redirect, or as HTMX is told to."""
    if is_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, 303)


def bench(request: Request) -> Bench:
    """That of the running application."""
    return cast(Bench, request.app.state.bench)


async def arrival(request: Request) -> Visit:
    """The officer who asks, if only to set an own password or a second factor; raises LoggedOut."""
    own, uses = bench(request), cast(Services, request.app.state.services)
    session = own.cookie.read(request)
    if session is None:
        raise LoggedOut
    try:
        who = await uses.identities.of_token(session.values[TOKEN], active=not _by_itself(request))
    except Unauthenticated as error:
        raise LoggedOut from error
    return Visit(request, own, uses, who, session)


async def settled(request: Request) -> Visit:
    """The officer who asks, with an own password; raises LoggedOut or MustSetPassword."""
    found = await arrival(request)
    if found.who.must_set_password:
        raise MustSetPassword
    return found


async def visit(request: Request) -> Visit:
    """The officer who asks; raises LoggedOut, MustSetPassword, MustEnrol or MustBeVouched."""
    found = await settled(request)
    if found.who.must_enrol:
        raise MustEnrol
    if found.who.must_be_vouched:
        raise MustBeVouched
    return found


def _by_itself(request: Request) -> bool:
    """Whether an open page asks without anybody at it: it reads itself anew now and then, and listens for news."""
    return request.method == "GET" and (is_fragment(request) or request.url.path == f"{HOME}/events")


Arrival = Annotated[Visit, Depends(arrival)]
Settled = Annotated[Visit, Depends(settled)]
Officer = Annotated[Visit, Depends(visit)]


async def must_set_password(request: Request, error: Exception) -> Response:
    """To the page that sets the own password, and shows the code for who vouches."""
    return go(request, PASSWORD)


async def must_enrol(request: Request, error: Exception) -> Response:
    """To the page that sets up the second factor."""
    return go(request, FACTOR)


async def logged_out(request: Request, error: Exception) -> Response:
    """To the log-in page and back again. A page that is open stays as it is: what was typed in it is not lost."""
    if is_fragment(request):
        part = bench(request).pages.answer(request, "_logged_out.html", log_in=LOG_IN)
        part.headers.update({"HX-Retarget": "#alerts", "HX-Reswap": "innerHTML"})
        return part
    if request.method != "GET":
        return bench(request).pages.answer(request, "logged_out.html", 401, log_in=LOG_IN)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(LOG_IN if path == HOME else f"{LOG_IN}?next={quote(path, safe='')}", 303)
