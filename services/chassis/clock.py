"""The business clock of a service's database: at rate 1 the wall clock, in the demonstration a fast one."""

from time import monotonic
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from contracts.clock import BusinessClock
from services.chassis.db import execute, one

_FRESH_SECONDS = 1.0
_cache: "WeakKeyDictionary[AsyncEngine, tuple[float, BusinessClock]]" = WeakKeyDictionary()

_READ = "SELECT anchor_wall, anchor_business, rate FROM business_clock"
_WRITE = """
INSERT INTO business_clock (anchor_wall, anchor_business, rate) VALUES ($1, $2, $3)
ON CONFLICT (one) DO UPDATE SET anchor_wall = $1, anchor_business = $2, rate = $3
"""


async def read_clock(session: AsyncSession) -> BusinessClock:
    """The clock as it was at most one second ago. Raises LookupError when the database has none (not migrated)."""
    engine = session.bind
    now = monotonic()
    if isinstance(engine, AsyncEngine):
        known = _cache.get(engine)
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
    row = await one(session, _READ)
    if row is None:
        raise LookupError("business_clock is empty")
    clock = BusinessClock(**row)
    if isinstance(engine, AsyncEngine):
        _cache[engine] = (now, clock)
    return clock


async def write_clock(session: AsyncSession, clock: BusinessClock) -> None:
    """Set the clock of this database; other processes see it within a second."""
    await execute(session, _WRITE, clock.anchor_wall, clock.anchor_business, clock.rate)
    if isinstance(session.bind, AsyncEngine):
        _cache.pop(session.bind, None)
