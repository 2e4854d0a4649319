"""An import of calendar days under running cases: what it touches is counted anew, on record, whatever is away."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from temporalio.service import RPCError, RPCStatusCode
from typer.testing import CliRunner

from contracts.cases import Deadline
from contracts.lifecycle import Purpose
from contracts.messages import SIGNAL_CALENDAR_CHANGED, RunningClock, Transition
from deploy.commands import calendar as command
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals.calendar import OwnDay, StateCouncilCalendar
from services.referrals.counting import CHINA
from services.referrals.repository import calendars, recounts
from services.referrals.service.recounting import Recounting
from tests.integration.referrals.office import Office, steps_of
from tests.integration.referrals.test_record import first_step

pytestmark = pytest.mark.asyncio(loop_scope="session")
BASE = StateCouncilCalendar()
NO_RPC = b""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


async def test_an_import_moves_the_deadline_that_it_touches_on_record(
    office: Office, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await office.dispatched()
    before = await office.view("dispatcher.desk", case_id)
    old = {clock["purpose"]: clock for clock in before["clocks"]}
    last_day = (datetime.fromisoformat(old["HANDLE"]["due_at"]).astimezone(CHINA) - timedelta(days=1)).date()
    file = tmp_path / "closure.csv"
    file.write_text(f"date,kind,name,source\n{last_day},restday,本局停办,本局通知\n", encoding="utf-8")
    monkeypatch.setattr("deploy.commands.terminal.load_settings", lambda: settings)
    done = await asyncio.to_thread(CliRunner().invoke, command.app, ["import", str(file)])
    assert done.exit_code == 0, done.output

    async with asyncio.timeout(30):
        while (after := await office.view("dispatcher.desk", case_id))["sequence"] == before["sequence"]:
            await asyncio.sleep(0.1)
    new = {clock["purpose"]: clock for clock in after["clocks"]}
    assert new["SIGN"] == old["SIGN"]
    assert datetime.fromisoformat(new["HANDLE"]["due_at"]) > datetime.fromisoformat(old["HANDLE"]["due_at"])
    assert new["HANDLE"]["started_at"] == old["HANDLE"]["started_at"]
    step = after["timeline"][-1]
    assert (step["act"], step["party"], step["act_name"]) == ("RECOUNT", "SYSTEM", "日历调整,期限重新计算")
    assert (step["due_before"], step["due"]) == (old["HANDLE"]["due"], new["HANDLE"]["due"])
    explained = (await office.get("dispatcher.desk", f"/v1/cases/{case_id}/clocks")).json()["items"]
    handle = next(clock for clock in explained if clock["purpose"] == "HANDLE")
    assert handle["agrees"]
    assert any("本局停办" in line for line in handle["explanation"])
    # What an officer has on the screen is not out of date: he acts on the step that he saw.
    await office.act("handler.hospital", case_id, "SIGN", sequence=before["sequence"])


class Server:
    """Stands for Temporal where it must be away, or have forgotten a case, at a given moment."""

    def __init__(self) -> None:
        self.answers: dict[str, RPCStatusCode] = {}
        self.told: list[str] = []

    def get_workflow_handle(self, workflow: str) -> "Handle":
        return Handle(self, workflow)


class Handle:
    def __init__(self, server: Server, workflow: str) -> None:
        self._server = server
        self._workflow = workflow

    async def signal(self, name: str) -> None:
        assert name == SIGNAL_CALENDAR_CHANGED
        if (status := self._server.answers.pop(self._workflow, None)) is not None:
            raise RPCError("as the test wants it", status, NO_RPC)
        self._server.told.append(self._workflow)


def running(purpose: Purpose, begin: str, end: str, version: str = BASE.version) -> RunningClock:
    deadline = Deadline(
        purpose=purpose, clock_id="HY-SUPP", article="x", started_at=at(begin), due_at=at(end), due_soon_at=at(begin),
        provisional=False, calendar_version=version,
    )  # fmt: skip
    return RunningClock(deadline=deadline)


async def recorded(db: Database, *clocks: RunningClock) -> UUID:
    step: Transition = first_step(clocks=clocks, at=at("2026-01-01"))
    await steps_of(db, BASE).record(step)
    return step.facts.case_id


async def imported(db: Database, day: str, *, working: bool = False, years: Sequence[int] = ()) -> None:
    async with db.session(SYSTEM) as session:
        own = OwnDay(date.fromisoformat(day), working, f"停办 {day}", "本局通知")
        await calendars.store(session, BASE, [own], years, "closure.csv")


async def asked(db: Database) -> set[UUID]:
    async with db.read(SYSTEM) as session:
        return {row["case_id"] for row in await recounts.waiting(session, 1000)}


async def settled(db: Database) -> tuple[Recounting, Server]:
    """A service that has told everybody of everything so far."""
    server = Server()
    service = Recounting(db, server, BASE)  # type: ignore[arg-type]
    await service.apply(settle=0)
    while await service.tell():
        pass
    assert await asked(db) == set()
    server.told.clear()
    return service, server


async def test_only_cases_whose_days_changed_are_asked(still_db: Database) -> None:
    service, server = await settled(still_db)
    async with still_db.read(SYSTEM) as session:
        version = (await calendars.current(session, BASE)).version
    touched = await recorded(still_db, running(Purpose.SUPPLEMENT, "2029-06-01", "2029-06-20", version))
    others = {
        await recorded(still_db, running(Purpose.SUPPLEMENT, "2029-06-01", "2029-06-06", version)),
        await recorded(still_db, running(Purpose.SUPPLEMENT, "2029-06-07T10:00", "2029-06-30", version)),
        await recorded(still_db),
    }
    await imported(still_db, "2029-06-06")
    await service.apply(settle=0)
    assert await asked(still_db) & {touched, *others} == {touched}
    await service.tell()
    assert f"case/{touched}" in server.told
    assert not {f"case/{other}" for other in others} & set(server.told)
    await service.apply(settle=0)
    assert not await service.tell(), "the same calendar is applied once"


async def test_a_published_year_touches_what_was_provisional(still_db: Database) -> None:
    service, _ = await settled(still_db)
    async with still_db.read(SYSTEM) as session:
        version = (await calendars.current(session, BASE)).version
    provisional = await recorded(still_db, running(Purpose.SUPPLEMENT, "2031-03-01", "2031-03-20", version))
    await imported(still_db, "2031-10-01", years=[2031])
    await service.apply(settle=0)
    assert provisional in await asked(still_db)


async def test_what_temporal_s_absence_or_a_crash_leaves_goes_on_later(still_db: Database) -> None:
    service, server = await settled(still_db)
    async with still_db.read(SYSTEM) as session:
        version = (await calendars.current(session, BASE)).version
    clock = running(Purpose.SUPPLEMENT, "2032-06-01", "2032-06-20", version)
    told, kept, gone = [await recorded(still_db, clock) for _ in range(3)]
    await imported(still_db, "2032-06-08")
    await service.apply(settle=0)
    assert {told, kept, gone} <= await asked(still_db)
    server.answers = {f"case/{kept}": RPCStatusCode.UNAVAILABLE, f"case/{gone}": RPCStatusCode.NOT_FOUND}
    with pytest.raises(RPCError):
        await service.tell()
    assert await asked(still_db) == {kept}
    assert f"case/{told}" in server.told
    after_a_crash = Recounting(still_db, server, BASE)  # type: ignore[arg-type]
    await after_a_crash.apply(settle=0)
    assert await after_a_crash.tell()
    assert await asked(still_db) == set()
    assert server.told[-1] == f"case/{kept}"


async def test_a_case_asked_again_while_it_is_told_is_told_again(still_db: Database) -> None:
    await settled(still_db)
    case_id = await recorded(still_db)
    async with still_db.session(SYSTEM) as session:
        await recounts.ask(session, case_id)
        first = await recounts.waiting(session, 10)
        await recounts.ask(session, case_id)
        await recounts.done(session, first)
    assert await asked(still_db) == {case_id}


async def test_a_clock_that_was_counted_by_the_calendar_before_is_asked_for_when_it_is_recorded(
    still_db: Database,
) -> None:
    await settled(still_db)
    await imported(still_db, "2033-06-08")
    begin = "2026-01-01"
    late = await recorded(still_db, running(Purpose.SUPPLEMENT, begin, "2026-01-20", "cn-0.0"))
    assert late in await asked(still_db)
