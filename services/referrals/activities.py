"""The activities of workflows/ports.py: thin adapters on service/steps.py."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from contracts.cases import Deadline
from contracts.clock import BusinessClock
from contracts.messages import (
    CONFLICTING_CONTENT,
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
from services.referrals import verdicts
from services.referrals.service.steps import Conflict, NoDesk, Steps
from workflows import ports

NO_DESK = "NoDesk"
_NO_DESK_RETRY, _NO_DESK_LONGEST = timedelta(seconds=5), timedelta(minutes=1)
"""It is asked again after so long times the tries made: soon at first, and seldom while thousands wait."""


class Activities:
    """What the worker on the queue ``referrals`` serves."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def all(self) -> list[Callable[..., Any]]:
        """The activities to register."""
        return [
            self.route_intake,
            self.check_route,
            self.check_ground,
            self.check_respondents,
            self.check_merge,
            self.find_arbiter,
            self.find_bypass,
            self.change_clock,
            self.set_clocks,
            self.recount,
            self.read_clock,
            self.record_transition,
        ]

    @activity.defn(name=ports.ROUTE_INTAKE)
    async def route_intake(self, request: RouteRequest) -> RouteVerdict:
        """Tried again until somebody serves the region: no accepted complaint is lost for want of a desk."""
        try:
            return await self._steps.route_intake(request)
        except NoDesk as error:
            wait = min(_NO_DESK_RETRY * activity.info().attempt, _NO_DESK_LONGEST)
            raise ApplicationError("no desk serves the region", type=NO_DESK, next_retry_delay=wait) from error

    @activity.defn(name=ports.CHECK_ROUTE)
    async def check_route(self, check: RouteCheck) -> RouteVerdict:
        """May the unit receive the case?"""
        return await self._steps.check_route(check)

    @activity.defn(name=ports.CHECK_GROUND)
    async def check_ground(self, check: GroundCheck) -> GroundVerdict:
        """Does the ground serve the act?"""
        return verdicts.ground(check)

    @activity.defn(name=ports.CHECK_RESPONDENTS)
    async def check_respondents(self, check: LinkCheck) -> LinkVerdict:
        """May these units be linked as respondents?"""
        return await self._steps.check_respondents(check)

    @activity.defn(name=ports.CHECK_MERGE)
    async def check_merge(self, check: MergeCheck) -> RouteVerdict:
        """May the case be joined to the main one?"""
        return await self._steps.check_merge(check)

    @activity.defn(name=ports.FIND_ARBITER)
    async def find_arbiter(self, request: ArbiterRequest) -> RouteVerdict:
        """Who designates?"""
        return await self._steps.find_arbiter(request)

    @activity.defn(name=ports.FIND_BYPASS)
    async def find_bypass(self, request: BypassRequest) -> RouteVerdict:
        """Which desk above takes it?"""
        return await self._steps.find_bypass(request)

    @activity.defn(name=ports.CHANGE_CLOCK)
    async def change_clock(self, change: ClockChange) -> ClockVerdict:
        """Where does the clock stand after it?"""
        return await self._steps.change_clock(change)

    @activity.defn(name=ports.SET_CLOCKS)
    async def set_clocks(self, requests: list[ClockRequest]) -> list[Deadline]:
        """The deadlines of record."""
        return await self._steps.set_clocks(requests)

    @activity.defn(name=ports.RECOUNT)
    async def recount(self, running: list[RunningClock]) -> list[Deadline]:
        """The deadlines by the present calendar."""
        return await self._steps.recount(running)

    @activity.defn(name=ports.READ_CLOCK)
    async def read_clock(self) -> BusinessClock:
        """The business clock."""
        return await self._steps.read_clock()

    @activity.defn(name=ports.RECORD_TRANSITION)
    async def record_transition(self, transition: Transition) -> Recorded:
        """One commit for all of a step; a conflict is never retried."""
        try:
            return await self._steps.record(transition)
        except Conflict as error:
            raise ApplicationError(str(error), type=CONFLICTING_CONTENT, non_retryable=True) from error
