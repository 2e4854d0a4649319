"""What the command line shows: the start as it happens, processes, addresses, findings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.config import StackConfig
from deploy.stack import Stack
from deploy.status import StackStatus

if TYPE_CHECKING:
    from deploy.doctor import Finding

MARKS = {
    "ready": ("●", "green"), "starting": ("◐", "cyan"), "waiting": ("○", "dim"), "restarting": ("↻", "yellow"),
    "held": ("‖", "yellow"), "stopping": ("◑", "cyan"), "stopped": ("○", "dim"), "failed": ("✕", "red"),
    "ok": ("●", "green"), "warn": ("▲", "yellow"), "fail": ("✕", "red"),
}  # fmt: skip


def mark(state: str) -> Text:
    """A state as sign and word, never by colour alone."""
    sign, style = MARKS[state]
    return Text(f"{sign} {state}", style=style)


def since(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def ago(moment: float) -> str:
    """How long ago, in its largest unit."""
    seconds = max(0, int(time.time() - moment))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def follow_start(console: Console, stack: Stack) -> None:
    """Wait until the stack is ready and show how it comes up: a table on a terminal, else a line per phase."""
    said = ""
    with Live(Text("starting"), console=console, transient=True, refresh_per_second=8) as live:

        def progress(status: StackStatus) -> None:
            nonlocal said
            if console.is_terminal:
                live.update(starting(status))
            elif status.phase != said:
                said = status.phase
                console.print(said)

        stack.wait_until_ready(progress=progress)


def starting(status: StackStatus) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(Text(f"{time.time() - status.started_at:4.0f} s", style="dim"), Text(status.phase, style="bold"))
    for name, process in status.processes.items():
        table.add_row(Text(name), mark(process.state))
    return table


def processes(status: StackStatus) -> Table:
    """Processes with state, restarts, memory and the reason of the last restart."""
    table = Table(title=f"Huiyin: {status.phase}", title_justify="left", box=None, pad_edge=False)
    for name, justify in (("process", "left"), ("state", "left"), ("pid", "right"), ("up", "right"),
                          ("restarts", "right"), ("memory", "right"), ("last end", "left")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    total = memory_mb(status.pid) or 0
    table.add_row("supervisor", mark(status.state), str(status.pid), ago(status.started_at), "", f"{total} MB", "")
    for name, process in status.processes.items():
        used = memory_mb(process.pid)
        total += used or 0
        table.add_row(
            name,
            mark(process.state),
            str(process.pid or ""),
            ago(process.started_at) if process.started_at else "",
            str(process.restarts or ""),
            f"{used} MB" if used is not None else "",
            process.last_exit,
        )
    table.caption = f"{total} MB in all"
    table.caption_justify = "left"
    return table


def memory_mb(pid: int | None) -> int | None:
    """Memory of a process and its children; shared pages are counted once where the system tells them apart."""
    if pid is None:
        return None
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)] if parent.name() == "postgres" else [parent]
        return sum(own_memory(process) for process in family) // (1024 * 1024)
    except psutil.Error:
        return None


def own_memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


def addresses(config: StackConfig) -> Table:
    """Where a person looks."""
    host, ports = config.probe_host, config.ports
    table = Table(title="Huiyin is up", title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_row("public site (file, follow), its API at /v1", f"http://{host}:{ports['complaints']}/")
    table.add_row("officers' workbench, their API at /v1", f"http://{host}:{ports['referrals']}/")
    if config.owns_mailsink:
        table.add_row("mail that was sent", f"http://{host}:{ports['mailsink_http']}/")
    if config.owns_temporal:
        table.add_row("workflows (Temporal)", f"http://{host}:{ports['temporal_ui']}/")
    table.add_row("logs", str(config.logs))
    return table


def findings(found: Sequence[Finding]) -> Table:
    """The doctor's findings with what to do about each."""
    table = Table(box=None, pad_edge=False)
    for name in ("", "what", "found", "what to do"):
        table.add_column(name, overflow="fold")
    for finding in found:
        table.add_row(mark(finding.verdict), finding.what, finding.found, finding.advice)
    return table


def as_dict(status: StackStatus) -> dict[str, Any]:
    return asdict(status)
