"""Own calendar days in the database: imported, counted by, shown; and a case's clocks explained over HTTP."""

import asyncio
from datetime import date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from contracts.lifecycle import Channel, Purpose, Track
from contracts.messages import ClockRequest
from deploy.commands import calendar as command
from deploy.commands import terminal
from services.chassis.db import SYSTEM, Database
from services.chassis.settings import Settings
from services.referrals.calendar import OwnDay, StateCouncilCalendar
from services.referrals.counting import CHINA
from services.referrals.repository import calendars
from tests.integration.referrals.office import Office, steps_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
BASE = StateCouncilCalendar()
CLOSED = OwnDay(date(2027, 3, 3), False, "停办", "本局通知")


async def test_an_import_is_counted_by_and_every_version_stays(still_db: Database) -> None:
    async with still_db.session(SYSTEM) as session:
        first, changed = await calendars.store(session, BASE, [CLOSED], [2027], "one.csv")
        again, changed_again = await calendars.store(session, BASE, [CLOSED], [2027], "one.csv")
    assert (changed, changed_again, first.version) == (True, False, again.version)
    other = OwnDay(date(2027, 3, 4), False, "停办", "本局通知")
    async with still_db.session(SYSTEM) as session:
        second, _ = await calendars.store(session, BASE, [other], [], "two.csv")
        assert await calendars.current(session, BASE) == second
        assert await calendars.of_version(session, BASE, first.version) == first
        assert await calendars.of_version(session, BASE, "cn-0.0.0.000000000000") is None
    assert not second.day(date(2027, 3, 3)).working
    assert first.day(date(2027, 3, 4)).working
    [deadline] = await steps_of(still_db, BASE).set_clocks(
        [
            ClockRequest(
                purpose=Purpose.SIGN, track=Track.GENERAL, channel=Channel.WEB, category="0802", unit_id=None,
                started_at=datetime(2027, 3, 2, 10, tzinfo=CHINA),
            )
        ]
    )  # fmt: skip
    assert deadline.due_at == datetime(2027, 3, 6, tzinfo=CHINA)
    assert (deadline.provisional, deadline.calendar_version) == (False, second.version)


async def test_going_back_to_an_earlier_table_is_a_version_again(still_db: Database) -> None:
    there = OwnDay(date(2027, 5, 6), False, "停办", "本局通知")
    back = OwnDay(date(2027, 5, 6), True, "照常", "本局通知")
    versions = []
    for day in (there, back, there):
        async with still_db.session(SYSTEM) as session:
            versions.append((await calendars.store(session, BASE, [day], [], "a.csv"))[0].version)
            assert (await calendars.current(session, BASE)).day(day.day).working is day.working
    assert versions[0] == versions[2] != versions[1]


async def test_the_command_imports_and_shows(
    still_db: Database, still_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "load_settings", lambda: still_settings)
    file = tmp_path / "notice.csv"
    file.write_text("date,kind,name,source\n2028-01-03,restday,元旦,国办发明电\n", encoding="utf-8")

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, command.app, list(arguments))

    first = await run("import", str(file), "--publishes", "2028")
    assert first.exit_code == 0, first.output
    assert "1 days are imported" in first.stdout
    assert "there already" in (await run("import", str(file), "--publishes", "2028")).stdout
    shown = (await run("show", "2028")).stdout
    assert "2028-01-03  Mon  restday  元旦  [国办发明电]" in shown
    assert "not published" not in shown
    file.write_text("date,kind,name,source\n2028-01-33,restday,元旦,国办发明电\n", encoding="utf-8")
    assert (await run("import", str(file))).exit_code == 1


async def test_a_cases_clocks_are_explained_in_both_languages(office: Office) -> None:
    case_id = await office.dispatched()
    answer = await office.get("clerk.desk", f"/v1/cases/{case_id}/clocks")
    assert answer.status_code == 200, answer.text
    clocks = {clock["purpose"]: clock for clock in answer.json()["items"]}
    assert set(clocks) == {"SIGN", "HANDLE", "RETURN"}
    view = await office.view("clerk.desk", case_id)
    for clock in view["clocks"]:
        explained = clocks[clock["purpose"]]
        assert explained["agrees"]
        assert explained["recounted_due_at"] == explained["due_at"] == clock["due_at"]
        assert explained["due"] == clock["due"]
        assert explained["trail"][0]["step"] == "start"
        assert explained["trail"][-1]["step"] == "due"
        assert any(regime["of_record"] for regime in explained["regimes"])
        dates = [regime["due_at"] for regime in explained["regimes"]]
        assert dates == sorted(dates)
    assert "起算日，不计入" in clocks["SIGN"]["explanation"][0]
    headers = {**await office.headers("clerk.desk"), "Accept-Language": "en"}
    english = await office.http.get(f"/v1/cases/{case_id}/clocks", headers=headers)
    assert "the start is not counted" in english.json()["items"][0]["explanation"][0]


async def test_a_case_that_is_not_theirs_has_no_clocks(office: Office) -> None:
    case_id = await office.new_case(Track.INTEGRITY)
    assert (await office.get("clerk.desk", f"/v1/cases/{case_id}/clocks")).status_code == 404
