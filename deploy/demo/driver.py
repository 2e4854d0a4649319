"""Plays the demonstration: files the samples and lets each case's people act until the reporter is answered."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from contracts.lifecycle import ROLES_AT, RULE, Act, Seat, Track
from contracts.reference import categories
from deploy.demo.client import Officers, Receipt, Refused, Reporters, patiently
from deploy.demo.plan import ENDED, Sample, Say, Script, Step

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
        self._known: dict[str, Played] = {}
        self._filed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def play(self, sample: Sample) -> Played:
        """File one sample and play it to its end. One that is split off or merged needs the other played beside it."""
        played = Played(sample, await self._receipt(sample))
        self._known[sample.title] = played
        self._filed[sample.title].set()
        self._progress(played)
        observer = played.observer
        number = played.receipt.case_number
        while not played.case_id:
            found = await patiently(lambda: self._officers.find(observer, number))
            played.case_id = found or ""
            if not played.case_id:
                await asyncio.sleep(POLL_SECONDS)
        script = Script(sample)
        while played.stage not in ENDED:
            await self._look(played, observer)
            if played.stage in ENDED:
                break
            if not await self._move(played, script):
                await asyncio.sleep(POLL_SECONDS)
        played.done = True
        self._progress(played)
        return played

    async def _receipt(self, sample: Sample) -> Receipt:
        """Of the sample's own filing; a part that is split off has that of the whole."""
        if sample.part_of is not None:
            await self._filed[sample.part_of].wait()
            return self._known[sample.part_of].receipt
        key = uuid4().hex
        async with self._hands:
            return await patiently(lambda: self._reporters.file(sample, key))

    async def _look(self, played: Played, observer: str) -> None:
        before = played.stage
        played.view = await patiently(lambda: self._officers.view(observer, played.case_id))
        if played.stage != before:
            self._progress(played)

    async def _move(self, played: Played, script: Script) -> bool:
        move = script.next_move(played.view)
        if move is None or (isinstance(move, Step) and move.act is Act.MERGE and not self._main_of(played)):
            return False
        async with self._hands:
            try:
                await (self._say(played, move) if isinstance(move, Say) else self._act(played, move))
            except httpx.TransportError:
                return False
            except Refused as refused:
                if not self._was_refused(played, move, refused):
                    return False
        script.done(move)
        return True

    async def _say(self, played: Played, say: Say) -> None:
        if say.kind == "rating":
            await self._reporters.rate(played.receipt, say.value)
        else:
            await self._reporters.supplement(played.receipt, say.value)
        await asyncio.sleep(POLL_SECONDS)

    async def _act(self, played: Played, step: Step) -> None:
        username = acting(played.view, step)
        fields = {**step.fields, "main_case_id": self._main_of(played)} if step.act is Act.MERGE else step.fields
        await self._officers.act(username, played.case_id, step.act, played.view["sequence"], **fields)

    def _main_of(self, played: Played) -> str:
        """The case that this one is to be joined to; empty until it is registered."""
        main = self._known.get(played.sample.joins or "")
        return main.case_id if main is not None and main.view else ""

    def _was_refused(self, played: Played, move: Step | Say, refused: Refused) -> bool:
        """True when the plan wanted this refusal, False when it is worth another try; raises it otherwise."""
        if isinstance(move, Step) and move.refused:
            played.refusals.append(refused.code)
            self._progress(played)
            return True
        if refused.status in (409, 503) or isinstance(move, Say):
            return False
        raise refused


def acting(view: dict[str, Any], step: Step) -> str:
    """The user name of who does a step: of the unit at its seat, in the first role that the table gives it there."""
    rule = RULE[step.act]
    seat = step.by or (rule.seats[0] if rule.seats else Seat.DESK)
    if seat is Seat.SENDER:
        seat = Seat.HOLDER if view["holder"] else Seat.DESK
    course = view["course"]
    unit = {
        Seat.DESK: view["desk"],
        Seat.HOLDER: view["holder"],
        Seat.ARBITER: course["arbiter"],
        Seat.RECEIVER: course["receiver"],
        Seat.SUPPORT: next((support["unit"] for support in course["supports"] if not support["answer"]), None),
    }[seat]
    role = next(role for role in rule.roles if role in ROLES_AT[seat])
    return f"{role.lower()}.{unit['unit_id']}"
