"""Units: the tree of jurisdictions and departments."""

from collections.abc import Iterable
from time import monotonic
from weakref import WeakKeyDictionary

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from contracts.lifecycle import Track
from services.referrals.domain import DESK_OF, Level, Unit, UnitKind, ancestors
from services.referrals.repository.sql import Row, execute, one, rows

_FRESH_SECONDS = 3.0
_CACHED = 10_000
_cache: "WeakKeyDictionary[AsyncEngine, dict[str, tuple[float, Unit]]]" = WeakKeyDictionary()

_SELECT = (
    "SELECT unit_id, name, level, kind, department, region, path, active, on_system,"
    " successor_id, stands_for, successor_asked FROM units"
)


def _unit(row: Row) -> Unit:
    return Unit(
        unit_id=row["unit_id"],
        name=row["name"],
        level=Level(row["level"]),
        kind=UnitKind(row["kind"]),
        region=row["region"],
        path=tuple(row["path"]),
        department=row["department"],
        active=row["active"],
        on_system=row["on_system"],
        successor_id=row["successor_id"],
        stands_for=tuple(row["stands_for"]),
        successor_asked=row["successor_asked"],
    )


async def get(session: AsyncSession, unit_id: str) -> Unit | None:
    """One unit."""
    row = await one(session, f"{_SELECT} WHERE unit_id = $1", unit_id)
    return _unit(row) if row else None


async def by_ids(session: AsyncSession, unit_ids: Iterable[str]) -> dict[str, Unit]:
    """Those of the units that exist, by id."""
    found = await rows(session, f"{_SELECT} WHERE unit_id = ANY ($1::text[])", list(unit_ids))
    return {row["unit_id"]: _unit(row) for row in found}


async def known(session: AsyncSession, unit_ids: Iterable[str]) -> dict[str, Unit]:
    """As `by_ids`, and up to three seconds old: units hardly ever change, and every act asks for some."""
    wanted, now = set(unit_ids), monotonic()
    cache = _cache.setdefault(session.bind, {}) if isinstance(session.bind, AsyncEngine) else {}
    found = {name: kept[1] for name in wanted if (kept := cache.get(name)) is not None and kept[0] > now}
    if missing := wanted - found.keys():
        fresh = await by_ids(session, missing)
        if len(cache) > _CACHED:
            cache.clear()
        cache.update((name, (now + _FRESH_SECONDS, unit)) for name, unit in fresh.items())
        found |= fresh
    return found


async def everything(session: AsyncSession) -> list[Unit]:
    """All units, parents before children."""
    found = await rows(session, f"{_SELECT} ORDER BY array_length(path, 1), unit_id")
    return [_unit(row) for row in found]


async def desks(session: AsyncSession, track: Track, region: str) -> list[Unit]:
    """The desks of a track in a division and the divisions above it."""
    found = await rows(
        session,
        f"{_SELECT} WHERE region = ANY ($1::text[]) AND kind = $2 AND active",
        list(ancestors(region)),
        DESK_OF[track].value,
    )
    return [_unit(row) for row in found]


async def below(session: AsyncSession, unit_id: str) -> list[str]:
    """The ids of the unit and of every unit below it, the unit itself first."""
    found = await rows(
        session,
        "SELECT unit_id FROM units WHERE path @> ARRAY[$1::text] ORDER BY array_length(path, 1), unit_id",
        unit_id,
    )
    return [row["unit_id"] for row in found]


def forget(session: AsyncSession) -> None:
    """Ask for units anew from now on: some are about to change."""
    if isinstance(session.bind, AsyncEngine):
        _cache.pop(session.bind, None)


async def insert(session: AsyncSession, unit: Unit) -> bool:
    """Add a unit; False when the id is taken."""
    return bool(
        await execute(
            session,
            "INSERT INTO units (unit_id, name, level, kind, department, region, parent_id, path, on_system,"
            " stands_for) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text[], $9, $10::text[])"
            " ON CONFLICT (unit_id) DO NOTHING",
            unit.unit_id,
            unit.name,
            unit.level.value,
            unit.kind.value,
            unit.department,
            unit.region,
            unit.path[-2] if len(unit.path) > 1 else None,
            list(unit.path),
            unit.on_system,
            list(unit.stands_for),
        )
    )


async def update(session: AsyncSession, unit: Unit) -> None:
    """Change what describes a unit. Its place in the tree stays: units below it carry that path; so does its end."""
    forget(session)
    await execute(
        session,
        "UPDATE units SET name = $2, level = $3, kind = $4, department = $5, region = $6, on_system = $7"
        " WHERE unit_id = $1",
        unit.unit_id,
        unit.name,
        unit.level.value,
        unit.kind.value,
        unit.department,
        unit.region,
        unit.on_system,
    )
