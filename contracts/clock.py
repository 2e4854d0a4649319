"""The business clock: a line from wall time to business time, so that a demonstration can run weeks in minutes."""

from datetime import datetime, timedelta

from pydantic import Field

from contracts.model import Contract, Instant


class BusinessClock(Contract):
    """``business = anchor_business + rate × (wall − anchor_wall)``; rate 1 and equal anchors: the wall clock."""

    anchor_wall: Instant
    anchor_business: Instant
    rate: float = Field(gt=0, le=1_000_000)

    def to_business(self, wall: datetime) -> datetime:
        """The business instant at a wall instant (both with an offset)."""
        return self.anchor_business + (wall - self.anchor_wall) * self.rate

    def to_wall(self, business: datetime) -> datetime:
        """The wall instant at which the business clock shows ``business``."""
        return self.anchor_wall + (business - self.anchor_business) / self.rate

    def wall_seconds(self, business: timedelta) -> float:
        """How many wall seconds a stretch of business time takes."""
        return business.total_seconds() / self.rate


def wall_clock(now: datetime) -> BusinessClock:
    """The clock that shows wall time."""
    return BusinessClock(anchor_wall=now, anchor_business=now, rate=1.0)
