"""What a hand-over would do to each clock of a case, before it is sent."""

from dataclasses import dataclass
from datetime import datetime

from contracts.cases import Deadline
from contracts.lifecycle import RULE, Act, HandoverKind, Purpose
from contracts.messages import ClockFate, ClockRequest
from contracts.reference import handovers as fates
from services.referrals.counting import Calendar
from services.referrals.domain import Unit
from services.referrals.handovers import effects
from services.referrals.repository.cases import CaseRow
from services.referrals.service import clocks


@dataclass(frozen=True)
class Preview:
    """A hand-over that an officer thinks of."""

    act: Act
    unit_id: str
    kind: HandoverKind | None = None


@dataclass(frozen=True)
class ClockForeseen:
    """One clock: as it runs now, and as it would after; ``fate`` START for one that begins with the hand-over,
    SUSPENDED for one that goes on standing still, RESUME for one whose ground ends with it."""

    purpose: Purpose
    fate: str
    before: Deadline | None
    after: Deadline | None


@dataclass(frozen=True)
class Foreseen:
    """The kind by which it would go (None: the matrix has no say), and the clocks."""

    kind: HandoverKind | None
    clocks: tuple[ClockForeseen, ...]


def foresee(
    case: CaseRow, act: Act, kind: HandoverKind | None, unit: Unit, now: datetime, calendar: Calendar
) -> tuple[ClockForeseen, ...]:
    """Each clock after a hand-over at business time ``now``: those that run first, then those that start."""
    rule, facts = RULE[act], case.facts
    running = {Purpose(clock.deadline.purpose): clock.deadline for clock in case.clocks}
    standing = {clock.deadline.purpose: clock for clock in case.clocks if clock.suspended}
    leaves = case.holder is not None and case.holder.unit_id != unit.unit_id and act is not Act.REFER
    said = {found.purpose: found.fate for found in effects(act, kind, running, fates(now))}

    def started(purpose: Purpose) -> Deadline:
        request = ClockRequest(
            purpose=purpose,
            track=facts.track,
            channel=facts.channel,
            category=facts.category,
            unit_id=unit.unit_id,
            started_at=now,
        )
        return clocks.deadline(request, unit, calendar)

    def after(purpose: Purpose, deadline: Deadline) -> ClockForeseen:
        fate = said.get(purpose, ClockFate.STOP if purpose in rule.stops else ClockFate.CARRY)
        if purpose in rule.starts or fate is ClockFate.RESTART:
            return ClockForeseen(purpose, ClockFate.RESTART.value, deadline, started(purpose))
        if fate is ClockFate.CARRY and purpose in standing:
            ended = clocks.given_away(standing[purpose], now, calendar) if leaves else None
            return ClockForeseen(purpose, "RESUME" if ended else "SUSPENDED", None, ended)
        return ClockForeseen(purpose, fate.value, deadline, deadline if fate is ClockFate.CARRY else None)

    new = (ClockForeseen(purpose, "START", None, started(purpose)) for purpose in rule.starts if purpose not in running)
    return (*(after(purpose, deadline) for purpose, deadline in running.items()), *new)
