"""The event stream of an officer's open pages: that something changed, never what."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from services.chassis.auth import Unauthenticated
from services.chassis.outages import engine_away
from services.referrals.web.session import HOME, LoggedOut, MustBeVouched, MustEnrol, MustSetPassword, Visit, visit

router = APIRouter(include_in_schema=False)

HEARTBEAT_SECONDS = 15.0
"""How often a quiet stream says that it lives, and looks whether its session still does."""
GATHER_SECONDS = 0.5
"""Changes that follow one another so quickly are told once."""
_RETRY = b"retry: 2000\n\n"
_WORK = b"event: work\ndata:\n\n"
_OVER = b"event: over\ndata:\n\n"
_ALIVE = b":\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get(f"{HOME}/events")
async def events(request: Request) -> Response:
    """`work` when the officer's lists may have changed (first of all at the start), `over` when the session ended."""
    try:
        found = await visit(request)
    except (LoggedOut, MustBeVouched, MustEnrol, MustSetPassword):
        return StreamingResponse(_over(), media_type="text/event-stream", headers=_HEADERS)
    return StreamingResponse(stream(found), media_type="text/event-stream", headers=_HEADERS)


async def _over() -> AsyncIterator[bytes]:
    yield _OVER


async def stream(found: Visit) -> AsyncIterator[bytes]:
    """As long as the page is open, the session lives and the process runs."""
    with found.uses.news.subscribed(found.who) as subscription:
        # The page was made before this subscription: what came in between is told at once.
        yield _RETRY + _WORK
        while True:
            changed = await subscription.changed(HEARTBEAT_SECONDS)
            if subscription.stopping:
                return
            if not await _lives(found):
                yield _OVER
                return
            if changed:
                yield _WORK
                await asyncio.sleep(GATHER_SECONDS)
            else:
                yield _ALIVE


async def _lives(found: Visit) -> bool:
    try:
        subscription = await found.uses.identities.of_token(found.token, active=False)
    except Unauthenticated:
        return False
    except Exception as error:
        if engine_away(error) is None:
            raise
        return True  # the database is away; who may read what is asked again when something is read
    return subscription.jti == found.who.jti
