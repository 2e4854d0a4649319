"""Supervision without engines: restarts and their back-off, identity of processes, holds, logs that stay bounded."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import status, supervisor
from deploy.child import LONGEST_DELAY, STEADY_SECONDS, Child, describe_exit, next_delay
from deploy.leftovers import left_running
from deploy.logs import Reader
from deploy.processes import EngineError, ProcessSpec
from deploy.status import ProcessStatus, StackStatus

FOREVER = "import time; time.sleep(600)"


def said_nothing(event: str, /, **facts: object) -> None:
    """Takes the place of the supervisor's log."""


def child(tmp_path: Path, code: str = FOREVER, prepare: Callable[[], None] = lambda: None, niceness: int = 0) -> Child:
    async def ready() -> bool:
        return True

    spec = ProcessSpec(
        name="sample",
        argv=(sys.executable, "-c", code),
        env=dict(os.environ),
        ready=ready,
        ports=(),
        tier=0,
        niceness=niceness,
        stop_seconds=5.0,
        prepare=prepare,
    )
    return Child(spec, tmp_path / "logs" / "sample.log", lambda: None, said_nothing)


def session_niceness(pid: int) -> int | None:
    """Of the process's session, where the kernel weighs sessions."""
    group = Path(f"/proc/{pid}/autogroup")
    shown = group.read_text().split() if group.exists() else []
    return int(shown[-1]) if shown else None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.01)


def test_the_wait_grows_to_its_bound_and_falls_back_after_a_steady_run() -> None:
    delays = [0.0]
    for _ in range(10):
        delays.append(next_delay(delays[-1], ran_seconds=1))
    assert delays[1:4] == [0.5, 1.0, 2.0]
    assert delays[-1] == LONGEST_DELAY
    assert next_delay(LONGEST_DELAY, STEADY_SECONDS) == 0.5


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "killed by SIGKILL"), (-250, "signal 250")]
)
def test_an_end_is_described(code: int, words: str) -> None:
    assert words in describe_exit(code)


async def test_a_killed_process_is_started_again_and_counted(tmp_path: Path) -> None:
    one = child(tmp_path)
    running = asyncio.create_task(one.run())
    await until(lambda: one.status.state == "ready")
    first = one.status.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: one.status.state == "ready" and one.status.pid != first)
    assert (one.status.restarts, one.status.last_exit) == (1, "killed by SIGKILL")
    one.want("stopped")
    await running
    assert one.status.state == "stopped"
    assert one.status.pid is None


async def test_a_held_process_is_down_and_its_return_is_no_restart(tmp_path: Path) -> None:
    one = child(tmp_path)
    running = asyncio.create_task(one.run())
    await until(lambda: one.status.state == "ready")
    one.want("held")
    await until(lambda: one.status.state == "held")
    assert one.status.pid is None
    one.want("up")
    await until(lambda: one.status.state == "ready")
    assert one.status.restarts == 0
    one.want("stopped")
    await running


async def test_a_process_that_ignores_the_stop_signal_is_killed_with_its_group(tmp_path: Path) -> None:
    one = child(tmp_path, "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)")
    object.__setattr__(one.spec, "stop_seconds", 0.3)
    running = asyncio.create_task(one.run())
    await until(lambda: one.status.state == "ready")
    await asyncio.sleep(0.3)  # until Python ignores the signal
    pid = one.status.pid
    one.want("stopped")
    await running
    assert not status.is_same_process(pid, status.start_time(pid or 0))


async def test_a_process_that_can_wait_yields_to_the_others(tmp_path: Path) -> None:
    one = child(tmp_path, niceness=3)
    running = asyncio.create_task(one.run())
    await until(lambda: one.status.state == "ready")
    pid = one.status.pid
    assert pid is not None
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 3
    assert session_niceness(pid) in (None, 3)
    one.want("stopped")
    await running


async def test_what_cannot_be_prepared_says_why_and_counts_as_a_failed_start(tmp_path: Path) -> None:
    def refuse() -> None:
        raise EngineError("no Java")

    one = child(tmp_path, prepare=refuse)
    running = asyncio.create_task(one.run())
    await until(lambda: one.failed_starts >= 1)
    assert one.status.last_exit == "no Java"
    one.want("stopped")
    await running


def test_a_reused_pid_is_not_the_process() -> None:
    mine = status.start_time(os.getpid())
    assert mine is not None
    assert status.is_same_process(os.getpid(), mine)
    assert not status.is_same_process(os.getpid(), mine - 60)
    assert not status.is_same_process(None, mine)


def test_only_processes_of_this_state_folder_are_left_overs(tmp_path: Path) -> None:
    me = ProcessStatus("sample", pid=os.getpid(), started_at=status.start_time(os.getpid()))
    reused = ProcessStatus("reused", pid=os.getpid(), started_at=1.0)
    old = StackStatus(1, 1.0, processes={"sample": me, "reused": reused})
    assert [process.pid for process in left_running(tmp_path, old)] == [os.getpid()]
    assert left_running(tmp_path, None) == []


def test_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert status.read(tmp_path) is None
    wrote = StackStatus(7, 1.5, "ready", "ready", "", {"kafka": ProcessStatus("kafka", "ready", 8, 2.5, 3.5, 2, "x")})
    status.write(tmp_path, wrote)
    assert status.read(tmp_path) == wrote


def test_one_supervisor_per_state_folder(tmp_path: Path) -> None:
    assert not supervisor.is_running(tmp_path)
    held = supervisor.lock(tmp_path)
    assert held is not None
    with held:
        assert supervisor.lock(tmp_path) is None
        assert supervisor.is_running(tmp_path)
    assert not supervisor.is_running(tmp_path)


def test_a_large_log_is_cut_under_its_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOG_LIMIT", 10)
    path = tmp_path / "kafka.log"
    with path.open("a") as writer:
        writer.write("old " * 10)
        writer.flush()
        supervisor.rotate(path)
        writer.write("new")
    assert path.read_text() == "new"
    assert (tmp_path / "kafka.log.1").read_text() == "old " * 10


def test_following_a_log_survives_its_cutting(tmp_path: Path) -> None:
    path = tmp_path / "kafka.log"
    reader = Reader(path)
    assert reader.new_lines() == []
    path.write_text("one\ntw")
    assert reader.new_lines() == ["one"]
    with path.open("a") as file:
        file.write("o\n")
    assert reader.new_lines() == ["two"]
    path.write_text("x\n")
    assert reader.new_lines() == ["x"]
