"""`huiyin calendar`: working days of one's own above the State Council's: import, show."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from deploy.commands.terminal import console, fail, in_database
from services.chassis import audit
from services.referrals.calendar import OwnCalendar, StateCouncilCalendar
from services.referrals.counting import Calendar
from services.referrals.own_days import BadCalendar, read_days
from services.referrals.repository import calendars

app = typer.Typer()


def calendar_of(file: Path | None, years: frozenset[int] = frozenset()) -> Calendar:
    """The shipped calendar, with the days of a file above it; a bad file ends the command."""
    base = StateCouncilCalendar()
    if file is None:
        return base
    try:
        return OwnCalendar(base, {own.day: own for own in read_days(file)}, years)
    except BadCalendar as error:
        fail(str(error))


@app.command("import")
def import_days(
    file: Annotated[
        Path, typer.Argument(help="CSV or YAML with date, kind, name, source.", exists=True, dir_okay=False)
    ],
    publishes: Annotated[
        list[int] | None,
        typer.Option(min=2000, max=2199, help="Year whose notice this is: its dates are no longer provisional."),
    ] = None,
) -> None:
    """Lay days above the calendar: the next State Council notice, or local closures. Twice is harmless.

    The services count the open deadlines that it touches anew, on record, and tell the officers of each that moved.
    """
    try:
        days = read_days(file)
    except BadCalendar as error:
        fail(str(error))

    async def store(session: AsyncSession) -> tuple[Calendar, bool]:
        calendar, changed = await calendars.store(session, StateCouncilCalendar(), days, publishes or (), file.name)
        if changed:
            entry = audit.Entry(
                chain=audit.of_area("calendar"),
                actor=audit.operator(),
                action="CALENDAR_IMPORTED",
                subject=calendar.version,
                details={"days": len(days), "publishes": [str(year) for year in publishes or ()]},
            )
            await audit.record(session, entry)
        return calendar, changed

    calendar, changed = in_database("referrals", store)
    console.print(f"{len(days)} days are {'imported' if changed else 'there already'}: calendar {calendar.version}")
    if changed:
        console.print("The services count the open deadlines that it touches anew, and tell the officers.")


@app.command()
def show(
    year: Annotated[int, typer.Argument(min=2000, max=2199)],
    lang: Annotated[Literal["zh", "en"], typer.Option("--lang", help="Language of the names.")] = "zh",
    shipped: Annotated[bool, typer.Option("--shipped", help="Without own days; needs no engine.")] = False,
) -> None:
    """The days of a year that are not what their weekday says, and whether the year is published."""
    base = StateCouncilCalendar()
    calendar = base if shipped else in_database("referrals", lambda session: calendars.current(session, base))
    own = calendar.own if isinstance(calendar, OwnCalendar) else {}
    published = calendar.day(date(year, 7, 1)).published
    console.print(f"{year}  {calendar.version}  {'published' if published else 'not published: provisional'}")
    day = date(year, 1, 1)
    while day.year == year:
        found = calendar.day(day)
        if day in own or found.working != (day.weekday() < 5):
            name = found.zh if lang == "zh" else found.en
            source = f"  [{own[day].source}]" if day in own else ""
            console.print(f"{day}  {day:%a}  {'workday' if found.working else 'restday'}  {name}{source}", markup=False)
        day += timedelta(days=1)
