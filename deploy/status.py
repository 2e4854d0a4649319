"""What the supervisor says of itself and its processes: `status.json`, replaced in one step at every change."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

State = Literal["waiting", "starting", "ready", "restarting", "held", "stopping", "stopped", "failed"]
CLOCK_TOLERANCE = 2.0  # seconds; a stepped clock moves the start times the system reports


@dataclass
class ProcessStatus:
    """One process. `restarts` counts only starts after an unexpected end."""

    name: str
    state: State = "waiting"
    pid: int | None = None
    started_at: float | None = None
    """Start time by the system's account, which tells this process from a later one with the same pid."""
    ready_at: float | None = None
    restarts: int = 0
    last_exit: str = ""


@dataclass
class StackStatus:
    """The whole stack. `phase` is for the operator; `error` is set when the start failed."""

    pid: int
    started_at: float
    state: State = "starting"
    phase: str = ""
    error: str = ""
    processes: dict[str, ProcessStatus] = field(default_factory=dict)


def path_of(state_dir: Path) -> Path:
    return state_dir / "status.json"


def write(state_dir: Path, status: StackStatus) -> None:
    """Replace status.json; a reader sees the old or the new one, never half of it."""
    path = path_of(state_dir)
    new = path.with_name("status.json.new")
    new.write_text(json.dumps(asdict(status), ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(new, path)


def read(state_dir: Path) -> StackStatus | None:
    """The last status written, None when there is none. It outlives the supervisor: check `is_running`."""
    try:
        raw: dict[str, Any] = json.loads(path_of(state_dir).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    processes = {name: ProcessStatus(**process) for name, process in raw.pop("processes").items()}
    return StackStatus(**raw, processes=processes)


def start_time(pid: int) -> float | None:
    """When a process started, None when there is none."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_same_process(pid: int | None, started_at: float | None) -> bool:
    """True when this pid still is the process that started then, so that a reused pid is never taken for it."""
    if pid is None or started_at is None:
        return False
    now = start_time(pid)
    return now is not None and abs(now - started_at) <= CLOCK_TOLERANCE
