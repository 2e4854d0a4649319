"""The supervisor's page: open work by unit, and the cases behind every number."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.lifecycle import Role
from services.referrals.api.common import decode_cursor, encode_cursor
from services.referrals.watch import Watch
from services.referrals.web.queues import ROWS, After
from services.referrals.web.session import HOME, Officer

router = APIRouter(include_in_schema=False)


def url(watch: Watch, unit: str | None = None, after: str | None = None) -> str:
    """The address of one of the board's lists."""
    asked = {"watch": watch.value, "unit": unit, "after": after}
    return f"{HOME}/board?{urlencode({name: value for name, value in asked.items() if value})}"


@router.get(f"{HOME}/board")
async def board(
    visit: Officer,
    watch: Watch = Watch.OVERDUE,
    unit: Annotated[str | None, Query(max_length=40)] = None,
    after: After = None,
) -> Response:
    """For supervisors. Raises Refused FORBIDDEN."""
    visit.who.require(Role.SUPERVISOR)
    shown = await visit.uses.watching.board(visit.who)
    listed = await visit.uses.watching.listed(visit.who, watch, ROWS, decode_cursor(after), unit)
    following = encode_cursor(listed.following)
    name = next((found.unit_name for found in shown.units if found.unit_id == unit), unit)
    return await visit.page(
        "board.html",
        board=shown,
        watches=list(Watch),
        watch=watch,
        unit=unit,
        unit_name=name,
        items=listed.items,
        url=url,
        here=url(watch, unit, after),
        first=after is None,
        next=url(watch, unit, following) if following else None,
    )
