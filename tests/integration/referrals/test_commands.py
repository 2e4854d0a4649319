"""`huiyin admin` and `huiyin clock` as an operator types them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.commands import admin, clock
from deploy.stack import Stack
from services.chassis.db import Database
from services.chassis.settings import Settings
from services.referrals.service.registry import Registry

TREE = """
units:
  - {unit_id: desk-x, name: 某市受理台, level: CITY, kind: DESK, region: "430100"}
  - {unit_id: wj-x, name: 某市卫健委, level: CITY, kind: DEPARTMENT, department: WJ, region: "430100"}
  - {unit_id: hosp-x, name: 某医院, level: CITY, kind: INSTITUTION, region: "430100", parent_id: wj-x}
accounts:
  - {username: clerk.x, name: 甲, unit_id: desk-x, roles: [CLERK, DISPATCHER]}
  - {username: boss.x, name: 乙, roles: [SYSTEM_ADMIN], password: given by the file}
"""


@pytest.fixture
def shell(still_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A shell whose environment points to the test's database."""
    monkeypatch.setenv("HUIYIN_REFERRALS_DSN", still_settings.dsn("referrals"))
    return CliRunner()


def test_the_first_administrator_is_set_up_once(shell: CliRunner) -> None:
    asked = ["create", "--username", "root", "--password-stdin"]
    first = shell.invoke(admin.app, asked, input="long enough password\n")
    assert first.exit_code == 0, first.output
    again = shell.invoke(admin.app, asked, input="long enough password\n")
    assert again.exit_code == 1
    assert "exists already" in again.output
    short = shell.invoke(admin.app, ["create", "--username", "r2", "--password-stdin"], input="short\n")
    assert short.exit_code == 1
    assert "10 characters" in short.output


@pytest.mark.parametrize("duty", ["system", "security", "audit"])
def test_each_administrator_has_one_duty(shell: CliRunner, duty: str) -> None:
    asked = ["create", "--username", f"{duty}.first", "--duty", duty, "--password-stdin"]
    assert shell.invoke(admin.app, asked, input="long enough password\n").exit_code == 0
    assert f"{duty}.first  -  {duty.upper()}_ADMIN" in shell.invoke(admin.app, ["list"]).output


def test_a_tree_is_loaded_and_loading_it_twice_is_harmless(
    shell: CliRunner, tmp_path: Path, still_settings: Settings
) -> None:
    file = tmp_path / "tree.yaml"
    file.write_text(TREE, encoding="utf-8")
    first = shell.invoke(admin.app, ["load", str(file)])
    assert first.exit_code == 0, first.output
    assert "clerk.x" in first.output  # its password was made up
    assert "boss.x" not in first.output
    again = shell.invoke(admin.app, ["load", str(file)])
    assert again.exit_code == 0, again.output
    assert "clerk.x" not in again.output

    async def paths() -> dict[str, tuple[str, ...]]:
        db = Database(still_settings.dsn("referrals"))
        try:
            return {unit.unit_id: unit.path for unit in await Registry(db).units()}
        finally:
            await db.close()

    assert asyncio.run(paths())["hosp-x"] == ("wj-x", "hosp-x")
    assert "boss.x  -  SYSTEM_ADMIN" in shell.invoke(admin.app, ["list"]).output


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("units: [{unit_id: a}]", "KeyError"),
        ("units: [{unit_id: a, name: b, level: MOON, kind: DESK, region: '430100'}]", "MOON"),
        ("units: [{unit_id: a1, name: b, level: CITY, kind: DESK, region: '430100', parent_id: nowhere}]", "a1"),
        ("accounts: [{username: z, name: z, unit_id: nowhere, roles: [CLERK]}]", "username z"),
        ("accounts: [{username: z, name: z, roles: [SYSTEM_ADMIN, AUDIT_ADMIN]}]", "different people"),
        ("- not a tree", "no mapping"),
        ("units: [{unit_id: a b, name: b, level: CITY, kind: DESK, region: '430100'}]", "unit_id"),
        ("units: [{unit_id: a, name: b, level: CITY, kind: DESK, region: 43}]", "region"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(shell: CliRunner, tmp_path: Path, content: str, word: str) -> None:
    file = tmp_path / "tree.yaml"
    file.write_text(content, encoding="utf-8")
    answer = shell.invoke(admin.app, ["load", str(file)])
    assert answer.exit_code == 1
    assert word in answer.output


def test_a_database_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_REFERRALS_DSN", "postgresql://nobody:x@127.0.0.1:1/nothing")
    answer = CliRunner().invoke(admin.app, ["list"])
    assert answer.exit_code == 1
    assert "huiyin up" in answer.output


@pytest.fixture
def clocks(stack_engines: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """A shell on the whole stack; the clock is the wall clock again afterwards."""
    for name, value in stack_engines.env.items():
        monkeypatch.setenv(name, value)
    runner = CliRunner()
    yield runner
    runner.invoke(clock.app, ["set", "--rate", "1", "--at", datetime.now(UTC).isoformat()])


def test_the_clock_runs_as_it_is_set_in_every_service(clocks: CliRunner) -> None:
    assert "rate 1" in clocks.invoke(clock.app, ["show"]).output
    done = clocks.invoke(clock.app, ["set", "--rate", "600", "--at", "2026-10-01T08:00:00+08:00"])
    assert done.exit_code == 0, done.output
    shown = clocks.invoke(clock.app, ["show"])
    assert shown.exit_code == 0, shown.output
    assert "2026-10-01T0" in shown.output
    assert "rate 600" in shown.output
    naive = clocks.invoke(clock.app, ["set", "--rate", "1", "--at", "2026-10-01T08:00:00"])
    assert naive.exit_code == 1
    assert "offset" in naive.output
