"""Who is let in how often: a bucket for each client, whose name stays in this process, and none for the whole site.

A client is a browser that did some work (proof.py), else the address that it comes from, which may stand for a whole
hospital: its bucket is wide, and a proof leads out of it at any time. What is refused is refused by its headers alone.
"""

import asyncio
import ipaddress
import math

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis import metrics
from services.chassis.buckets import Buckets, Rate
from services.chassis.problems import Problem, lang
from services.chassis.settings import Settings
from services.chassis.web.forms import SealedCookie

ASSETS = "/assets/"
PROOF = "/proof"
PROOF_COOKIE = "visitor"
PROOF_COOKIE_SECONDS = 3600
VISITOR = "visitor"
"""In a request's state: the name of a client that did its work, else absent."""

_PROGRAMS = "/v1/"
_SIGNED = ("/v1/operator/", "/v1/platform/")
"""Where each request is signed: counted are those whose signature was wrong."""
_OWN = ("/v1/narratives", "/v1/evidence/", "/internal/", "/health", "/ready", "/metrics")
"""Asked by services with a token, and by operators."""
_SIDE_RATE = Rate(burst=1200, per_second=40)
"""Of an address, for what a page needs before it can do its work: styles, scripts and the work itself."""
_PACE = Rate(burst=30, per_second=20)
"""At which a client gets what its bucket holds, so that it takes the processor from nobody: later, not refused. Twice
the bucket's own rate where that is more."""
_HOLD_SECONDS = 0.5
_MOST_HELD = 256

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Admission:
    """Pure ASGI. An answer 429 tells when to come again; it is given after a moment, so that a flood waits for it."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._visitors = Buckets(Rate(settings.visitor_burst, settings.visitor_per_second))
        self._addresses = Buckets(Rate(settings.address_burst, settings.address_per_second))
        self._side = Buckets(_SIDE_RATE)
        self._pace = Buckets(Rate(_PACE.burst, max(_PACE.per_second, 2 * settings.address_per_second)))
        self._free = tuple(
            ipaddress.ip_network(item.strip()) for item in settings.uncounted_networks.split(",") if item.strip()
        )
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_OWN):
            await self._app(scope, receive, send)
            return
        address = client_address(scope)
        if scope["path"].startswith(_SIGNED):
            wait, pause = self._addresses.wait(_name(address)), 0.0
            send = self._counting(_name(address), send)
        else:
            wait, pause = self._take(scope, address)
        if wait:
            await self._refuse(wait, scope, receive, send)
            return
        if pause:
            await asyncio.sleep(pause)
        await self._app(scope, receive, send)

    def _take(self, scope: Scope, address: Address | None) -> tuple[float, float]:
        """The seconds for which a request is refused, else those that it is let in later; what it takes is taken."""
        path: str = scope["path"]
        if path.startswith(_PROGRAMS) and address and any(address in network for network in self._free):
            return 0.0, 0.0
        if path.startswith((ASSETS, PROOF)):
            return self._side.take(_name(address)), 0.0
        visitor = _visitor(scope)
        if visitor is not None:
            scope.setdefault("state", {})[VISITOR] = visitor
            wait = self._visitors.take(visitor)
        else:
            wait = self._addresses.take(_name(address))
        return wait, 0.0 if wait else self._pace.reserve(visitor or _name(address))

    def _counting(self, name: str, send: Send) -> Send:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (400, 401):
                self._addresses.take(name)
            await send(message)

        return count

    async def _refuse(self, wait: float, scope: Scope, receive: Receive, send: Send) -> None:
        metrics.throttled_total.inc()
        if self._held < _MOST_HELD:
            self._held += 1
            try:
                await asyncio.sleep(_HOLD_SECONDS)
            finally:
                self._held -= 1
        answer = too_often(wait).response(lang(Request(scope)))
        if scope["method"] not in ("GET", "HEAD"):
            answer.headers["Connection"] = "close"  # what else was sent is not read
        await answer(scope, receive, send)


def client_address(scope: Scope) -> Address | None:
    """Where a request comes from: as its proxy says, if it is one that is trusted (`trusted_proxies`)."""
    try:
        address = ipaddress.ip_address(scope["client"][0])
    except (TypeError, ValueError):
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _name(address: Address | None) -> str:
    """What shares a bucket: an address; of IPv6 the network, /64, of which one customer has all addresses."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def proof_cookie(request: Request) -> SealedCookie:
    """What a browser keeps of its work: a name without meaning, for an hour, or until it is closed."""
    state = request.app.state
    return SealedCookie(state.runtime.keyring, PROOF_COOKIE, seconds=PROOF_COOKIE_SECONDS, secure=state.pages.secure)


def too_often(wait: float) -> Problem:
    """The refusal of a client whose bucket is empty for so many seconds."""
    seconds = max(1, math.ceil(wait))
    return Problem(
        429,
        "too_often",
        f"请求太频繁，没有处理。请过 {seconds} 秒再试。",
        f"Too many requests: nothing was done. Try again in {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
        wait_seconds=seconds,
    )


def _visitor(scope: Scope) -> str | None:
    if not any(name == b"cookie" and PROOF_COOKIE.encode() in value for name, value in scope["headers"]):
        return None
    request = Request(scope)
    session = proof_cookie(request).read(request)
    return session.values["name"] if session is not None else None
