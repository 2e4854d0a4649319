"""The activities that the case workflow asks for: names and signatures. The referrals service implements them."""

from temporalio import activity

from contracts.cases import Deadline
from contracts.clock import BusinessClock
from contracts.messages import (
    ArbiterRequest,
    BypassRequest,
    ClockChange,
    ClockRequest,
    ClockVerdict,
    GroundCheck,
    GroundVerdict,
    LinkCheck,
    LinkVerdict,
    MergeCheck,
    Recorded,
    RouteCheck,
    RouteRequest,
    RouteVerdict,
    RunningClock,
    Transition,
)

ROUTE_INTAKE = "route_intake"
CHECK_ROUTE = "check_route"
CHECK_GROUND = "check_ground"
CHECK_RESPONDENTS = "check_respondents"
CHECK_MERGE = "check_merge"
FIND_ARBITER = "find_arbiter"
FIND_BYPASS = "find_bypass"
CHANGE_CLOCK = "change_clock"
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


@activity.defn(name=CHECK_GROUND)
async def check_ground(check: GroundCheck) -> GroundVerdict:
    """Is the legal ground of the table, and does it serve the act?"""
    raise _Elsewhere(CHECK_GROUND)


@activity.defn(name=CHECK_RESPONDENTS)
async def check_respondents(check: LinkCheck) -> LinkVerdict:
    """Can all these units be linked as respondents, and is the holder accused then?"""
    raise _Elsewhere(CHECK_RESPONDENTS)


@activity.defn(name=CHECK_MERGE)
async def check_merge(check: MergeCheck) -> RouteVerdict:
    """May the case be joined to the main one (并案)?"""
    raise _Elsewhere(CHECK_MERGE)


@activity.defn(name=FIND_ARBITER)
async def find_arbiter(request: ArbiterRequest) -> RouteVerdict:
    """The common superior of the units that returned the case, else the joint conference (信访工作条例 art. 24)."""
    raise _Elsewhere(FIND_ARBITER)


@activity.defn(name=FIND_BYPASS)
async def find_bypass(request: BypassRequest) -> RouteVerdict:
    """The nearest restricted desk above the case's desk that is not accused."""
    raise _Elsewhere(FIND_BYPASS)


@activity.defn(name=CHANGE_CLOCK)
async def change_clock(change: ClockChange) -> ClockVerdict:
    """A clock after a suspension, resumption or extension, within what its rule allows."""
    raise _Elsewhere(CHANGE_CLOCK)


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
