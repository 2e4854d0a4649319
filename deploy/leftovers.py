"""Ends what a supervisor that was killed left running, before a new one starts the same processes."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import psutil

from deploy import status
from deploy.status import ProcessStatus, StackStatus

PATIENCE = 15.0


def left_running(state_dir: Path, old: StackStatus | None) -> list[psutil.Process]:
    """Processes of this state folder that still run. A reused pid is never among them."""
    left = []
    for entry in old.processes.values() if old else ():
        if entry.pid is not None and ours(state_dir, entry):
            with contextlib.suppress(psutil.NoSuchProcess):
                left.append(psutil.Process(entry.pid))
    return left


def ours(state_dir: Path, entry: ProcessStatus) -> bool:
    """Same pid, same start time; where the system shows it, also the same state folder in its environment."""
    if entry.pid is None or not status.is_same_process(entry.pid, entry.started_at):
        return False
    try:
        environ = psutil.Process(entry.pid).environ()
    except (psutil.Error, OSError):
        return True
    return environ.get("HUIYIN_STATE_DIR", str(state_dir)) == str(state_dir)


def end_leftovers(state_dir: Path, old: StackStatus | None) -> list[str]:
    """Ask them to end, wait, then kill; the names of those that had to be ended."""
    left = left_running(state_dir, old)
    names = []
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            name = process.name()
            names.append(f"{name} (pid {process.pid})")
            # PostgreSQL waits for its clients on SIGTERM; SIGINT is its fast and clean shutdown.
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(left, timeout=PATIENCE)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=PATIENCE)
    return names
