"""`huiyin dlq`: an operator sees what was parked and why, and never a poison's content unless asked for."""

from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner

from deploy.commands import dlq
from services.chassis import deadletters
from services.chassis.db import Database
from services.chassis.deadletters import Letter

SECRET = "张三 13800001111"


def _invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(dlq.app, [*arguments, "--service", "complaints"], env={"COLUMNS": "250"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def command(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("HUIYIN_COMPLAINTS_DSN", db.dsn)
    return db


async def _park(db: Database, place: int, state: deadletters.State, key: str | None = "case-1") -> None:
    letter = Letter(
        "test-dlq", "t", 0, place, key, (("ce_id", SECRET.encode()),), SECRET.encode(), event_id=SECRET, type=SECRET
    )
    async with db.session() as session:
        await deadletters.park(session, letter, "data does not fit", state=state)


async def test_list_and_show_hold_back_what_may_be_personal(command: Database) -> None:
    await _park(command, 1, "DEAD")
    await _park(command, 2, "DEAD", key=SECRET)
    code, shown = await asyncio.to_thread(_invoke, "list")
    assert code == 0
    assert "data does not fit" in shown
    assert "case-1" in shown
    assert "1380" not in shown
    code, shown = await asyncio.to_thread(_invoke, "show", "--id", "1")
    assert code == 0
    assert "test-dlq" in shown
    assert "1380" not in shown
    code, shown = await asyncio.to_thread(_invoke, "show", "--id", "1", "--payload")
    assert SECRET in shown


async def test_requeue_by_id_and_key_with_dry_run(command: Database) -> None:
    for place, state in enumerate(("DEAD", "WAITING", "WAITING")):
        await _park(command, place, state)  # type: ignore[arg-type]
    code, shown = await asyncio.to_thread(_invoke, "requeue", "--key", "case-1", "--dry-run")
    assert code == 0
    assert "3 messages would be handled" in shown
    assert await _states(command) == ["DEAD", "WAITING", "WAITING"]
    code, shown = await asyncio.to_thread(_invoke, "requeue", "--id", "1")
    assert code == 0
    assert "3 messages will be handled" in shown
    assert await _states(command) == ["REQUEUED", "WAITING", "WAITING"]


async def _states(db: Database) -> list[str]:
    async with db.read() as session:
        return [row.state for row in await deadletters.listed(session)]


async def test_discard_needs_a_reason_and_keeps_the_row(command: Database) -> None:
    await _park(command, 1, "DEAD")
    assert (await asyncio.to_thread(_invoke, "discard", "--id", "1"))[0] != 0
    assert (await asyncio.to_thread(_invoke, "discard", "--id", "1", "--reason", "test data"))[0] == 0
    async with command.read() as session:
        (row,) = await deadletters.listed(session)
    assert row.state == "DISCARDED"
    assert row.reason.endswith("discarded: test data")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "--id", "99"), "no dead letter 99"),
        (("requeue", "--id", "99"), "no dead letter 99"),
        (("requeue", "--key", "nobody"), "no dead letter of this key"),
        (("requeue",), "either --id or --key"),
        (("requeue", "--id", "1", "--key", "x"), "either --id or --key"),
        (("list", "--state", "ODD"), "one of DEAD"),
    ],
)
async def test_mistakes_are_said_in_one_line(command: Database, arguments: tuple[str, ...], said: str) -> None:
    code, shown = await asyncio.to_thread(_invoke, *arguments)
    assert code == 1
    assert said in shown
    assert "Traceback" not in shown


async def test_a_database_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_COMPLAINTS_DSN", "postgresql://u:p@127.0.0.1:9/d")
    code, shown = await asyncio.to_thread(_invoke, "list")
    assert (code, "can't be reached" in shown) == (1, True)
