"""The activities that the case workflow asks for: names and signatures. The referrals service implements them."""

from temporalio import activity

from contracts.cases import Deadline
from contracts.clock import BusinessClock
from contracts.messages import (
    ClockRequest,
    LinkCheck,
    LinkVerdict,
    Recorded,
    RouteCheck,
    RouteRequest,
    RouteVerdict,
    RunningClock,
    Transition,
)

ROUTE_INTAKE = "route_intake"
CHECK_ROUTE = "check_route"
CHECK_RESPONDENTS = "check_respondents"
SET_CLOCKS = "set_clocks"
RECOUNT = "recount"
READ_CLOCK = "read_clock"
RECORD_TRANSITION = "record_transition"


class _Elsewhere(RuntimeError):
    """A port was called instead of its implementation: the worker registered the wrong function."""


@activity.defn(name=ROUTE_INTAKE)
async def route_intake(request: RouteRequest) -> RouteVerdict:
    """The desk that registers a case of this track in this region; an INTEGRITY case goes to the restricted desk."""
    raise _Elsewhere(ROUTE_INTAKE)


@activity.defn(name=CHECK_ROUTE)
async def check_route(check: RouteCheck) -> RouteVerdict:
    """May the unit receive the case: it exists, is competent by category and place, is not accused nor below who is?"""
    raise _Elsewhere(CHECK_ROUTE)


@activity.defn(name=CHECK_RESPONDENTS)
async def check_respondents(check: LinkCheck) -> LinkVerdict:
    """Can all these units be linked as respondents, and is the holder accused then?"""
    raise _Elsewhere(CHECK_RESPONDENTS)


@activity.defn(name=SET_CLOCKS)
async def set_clocks(requests: list[ClockRequest]) -> list[Deadline]:
    """The deadline of record for each requested clock, in order, from rule × calendar version."""
    raise _Elsewhere(SET_CLOCKS)


@activity.defn(name=RECOUNT)
async def recount(running: list[RunningClock]) -> list[Deadline]:
    """The deadlines of running clocks, in order, by the present calendar and the wording that each started with."""
    raise _Elsewhere(RECOUNT)


@activity.defn(name=READ_CLOCK)
async def read_clock() -> BusinessClock:
    """The business clock as it runs now."""
    raise _Elsewhere(READ_CLOCK)


@activity.defn(name=RECORD_TRANSITION)
async def record_transition(transition: Transition) -> Recorded:
    """Write case row, task, history and outbox event in one commit, idempotent on (case_id, sequence).

    Raises a non-retryable ApplicationError of type ConflictingContent when the sequence holds another content.
    """
    raise _Elsewhere(RECORD_TRANSITION)
