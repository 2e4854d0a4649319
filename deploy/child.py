"""One supervised process: started, asked whether it is ready, restarted with back-off when it ends by itself."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from deploy.config import PROJECT
from deploy.processes import EngineError, ProcessSpec
from deploy.status import ProcessStatus, State, start_time

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
STEADY_SECONDS = 30.0  # a process that ran this long starts again at once, not after the grown delay
PROBE_EVERY = 0.15
PR_SET_PDEATHSIG = 1

Wanted = Literal["up", "held", "stopped"]
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Say(Protocol):
    """Writes one line to the supervisor's log."""

    def __call__(self, event: str, /, **facts: object) -> None: ...


def next_delay(delay: float, ran_seconds: float) -> float:
    """Seconds to wait before the next start, given the last wait and how long the process ran."""
    if ran_seconds >= STEADY_SECONDS or delay == 0:
        return FIRST_DELAY
    return min(delay * 2, LONGEST_DELAY)


def describe_exit(code: int) -> str:
    """An exit code in words: `exit code 1`, `killed by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def die_with(parent: int, stop_signal: int) -> Callable[[], None] | None:
    """Runs in the child before exec: let the kernel end it when the supervisor is gone (Linux).

    Where the kernel cannot, the next supervisor ends what its predecessor left (see leftovers.py).
    """
    if _libc is None:
        return None
    libc = _libc

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask_kernel


def yield_to_others(niceness: int) -> None:
    """Lower this process's claim to the processors (nice 0 to 19).

    Linux may weigh sessions, not processes (sched_autogroup): then it is the session that has to yield.
    """
    os.nice(niceness)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as group:
        group.write(str(niceness))


def _before_exec(parent: int, spec: ProcessSpec) -> Callable[[], None]:
    ask_kernel = die_with(parent, spec.stop_signal)

    def prepare() -> None:
        if spec.niceness:
            yield_to_others(spec.niceness)
        if ask_kernel is not None:
            ask_kernel()

    return prepare


class Child:
    """Runs one ProcessSpec until it is told to stop; `status` is always current."""

    def __init__(self, spec: ProcessSpec, log: Path, changed: Callable[[], None], say: Say) -> None:
        self.spec = spec
        self.status = ProcessStatus(spec.name)
        self.failed_starts = 0
        """Ends before readiness in a row, so that a start that cannot succeed is given up."""
        self._log = log
        self._changed = changed
        self._say = say
        self._wanted: Wanted = "up"
        self._turned = asyncio.Event()

    def want(self, wanted: Wanted) -> None:
        """Ask for another state; `run` follows. Nothing leaves "stopped"."""
        if wanted != self._wanted and self._wanted != "stopped":
            self._wanted = wanted
            self._turned.set()

    async def run(self) -> None:
        """Keep the process in the wanted state; returns when it is stopped for good."""
        delay = 0.0
        while self._wanted != "stopped":
            self._turned.clear()
            if self._wanted == "held":
                self._set("held")
                await self._turned.wait()
                delay = 0.0
                continue
            began = time.monotonic()
            ended = await self._run_once()
            if ended is None:
                continue
            was_ready = self.status.state == "ready"
            self.failed_starts = 0 if was_ready else self.failed_starts + 1
            delay = next_delay(delay, time.monotonic() - began)
            self.status.last_exit = ended
            self.status.pid = self.status.started_at = self.status.ready_at = None
            self._say("process ended by itself", process=self.spec.name, how=ended, restart_in_seconds=delay)
            self._set("restarting")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._turned.wait(), delay)
            if self._wanted == "up":
                self.status.restarts += 1
        self._set("stopped")

    async def _run_once(self) -> str | None:
        """Start the process and wait; how it ended by itself, None when it ended because that was wanted."""
        self._set("starting")
        try:
            await asyncio.to_thread(self.spec.prepare)
            process = await self._spawn()
        except (EngineError, OSError) as error:
            return str(error)
        self.status.pid, self.status.started_at = process.pid, start_time(process.pid)
        self._changed()
        self._say("process started", process=self.spec.name, pid=process.pid, restarts=self.status.restarts)
        ended = asyncio.ensure_future(process.wait())
        turned = asyncio.ensure_future(self._turned.wait())
        probing = asyncio.ensure_future(self._probe())
        try:
            await asyncio.wait({ended, turned}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            turned.cancel()
            probing.cancel()
            await asyncio.gather(turned, probing, return_exceptions=True)
        if ended.done() and self._wanted == "up":
            self._end_group(process.pid)
            return describe_exit(ended.result())
        await self._terminate(process, ended)
        self.status.pid = self.status.started_at = self.status.ready_at = None
        return None

    async def _spawn(self) -> asyncio.subprocess.Process:
        user: int | None = None
        group: int | None = None
        if self.spec.user is not None:
            entry = pwd.getpwnam(self.spec.user)
            user, group = entry.pw_uid, entry.pw_gid
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self.spec.argv,
                env=dict(self.spec.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/" if user is not None else PROJECT,
                start_new_session=True,
                preexec_fn=_before_exec(os.getpid(), self.spec),
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )

    async def _probe(self) -> None:
        """Ask until ready. A process that is not ready in its time is not killed: it says so and is asked on."""
        late = time.monotonic() + self.spec.ready_seconds
        while not await self.spec.ready():
            if time.monotonic() > late:
                self._say("process is slow to become ready", process=self.spec.name, seconds=self.spec.ready_seconds)
                late = time.monotonic() + 10 * self.spec.ready_seconds
            await asyncio.sleep(PROBE_EVERY)
        self.status.ready_at = time.time()
        self._set("ready")
        self._say("process is ready", process=self.spec.name)

    async def _terminate(self, process: asyncio.subprocess.Process, ended: asyncio.Future[int]) -> None:
        self._set("stopping")
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.spec.stop_signal)
        done, _ = await asyncio.wait({ended}, timeout=self.spec.stop_seconds)
        if not done:
            self._say("process did not stop in time, killed", process=self.spec.name, seconds=self.spec.stop_seconds)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await ended
        self._end_group(process.pid)

    def _end_group(self, pid: int) -> None:
        """End what the process may have left in its group (it led a session of its own)."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def _set(self, state: State) -> None:
        self.status.state = state
        self._changed()
