"""Plays the demonstration: files the samples and lets each case's people act until the reporter is answered."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from contracts.lifecycle import RULE, Act, Seat, Track
from contracts.reference import categories
from deploy.demo.client import Officers, Receipt, Refused, Reporters, patiently
from deploy.demo.plan import ENDED, Memory, Sample, Say, Step, next_move, remember

POLL_SECONDS = 0.25


@dataclass
class Played:
    """One played case: its receipt, its last view, what was refused on the way."""

    sample: Sample
    receipt: Receipt
    case_id: str = ""
    view: dict[str, Any] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    done: bool = False

    @property
    def observer(self) -> str:
        """Who looks on: the supervisor of the desk that registers the case, who keeps sight of it after a hand-over."""
        integrity = categories()[self.sample.category].track is Track.INTEGRITY
        # The county has no restricted desk of its own: its reports go to the city's.
        place = "990100" if integrity and self.sample.region == "990121" else self.sample.region
        return f"supervisor.{'rdesk' if integrity else 'desk'}-{place}"

    @property
    def stage(self) -> str:
        return str(self.view.get("stage", "SUBMITTED"))


Progress = Callable[[Played], None]


class Driver:
    """``concurrent`` bounds how many people act at the same moment, as in an office."""

    def __init__(self, reporters: Reporters, officers: Officers, progress: Progress, concurrent: int = 6) -> None:
        self._reporters = reporters
        self._officers = officers
        self._progress = progress
        self._hands = asyncio.Semaphore(concurrent)

    async def play(self, sample: Sample) -> Played:
        """File one sample and play it to its end."""
        async with self._hands:
            key = uuid4().hex
            played = Played(sample, await patiently(lambda: self._reporters.file(sample, key)))
        self._progress(played)
        observer = played.observer
        number = played.receipt.case_number
        while not played.case_id:
            found = await patiently(lambda: self._officers.find(observer, number))
            played.case_id = found or ""
            if not played.case_id:
                await asyncio.sleep(POLL_SECONDS)
        memory = Memory()
        while played.stage not in ENDED:
            await self._look(played, observer)
            if played.stage in ENDED:
                break
            if not await self._move(played, memory):
                await asyncio.sleep(POLL_SECONDS)
        played.done = True
        self._progress(played)
        return played

    async def _look(self, played: Played, observer: str) -> None:
        before = played.stage
        played.view = await patiently(lambda: self._officers.view(observer, played.case_id))
        if played.stage != before:
            self._progress(played)

    async def _move(self, played: Played, memory: Memory) -> bool:
        move = next_move(played.sample, memory, played.view)
        if move is None:
            return False
        async with self._hands:
            try:
                if isinstance(move, Say):
                    return await self._say(played, memory, move)
                await self._act(played, move)
            except httpx.TransportError:
                return False
            except Refused as refused:
                return self._was_refused(played, memory, move, refused)
        if isinstance(move, Step):
            remember(memory, move)
        return True

    async def _say(self, played: Played, memory: Memory, say: Say) -> bool:
        if say.kind == "rating":
            await self._reporters.rate(played.receipt, say.value)
            memory.ratings.append(say.value)
        else:
            await self._reporters.supplement(played.receipt, say.value)
            memory.ratings.clear()
        await asyncio.sleep(POLL_SECONDS)
        return True

    async def _act(self, played: Played, step: Step) -> None:
        rule = RULE[Act(step.act)]
        seat = rule.seats[0] if rule.seats else Seat.DESK
        holder = played.view["holder"] or played.view["desk"]
        unit = played.view["desk"] if seat is Seat.DESK else holder
        username = f"{rule.roles[0].lower()}.{unit['unit_id']}"
        await self._officers.act(username, played.case_id, step.act, played.view["sequence"], **step.fields)

    def _was_refused(self, played: Played, memory: Memory, move: Step | Say, refused: Refused) -> bool:
        if isinstance(move, Step) and move.expect_refusal:
            memory.refused_route = refused.code
            played.refusals.append(refused.code)
            self._progress(played)
            return True
        if refused.status in (409, 503) or isinstance(move, Say):
            return False
        raise refused
