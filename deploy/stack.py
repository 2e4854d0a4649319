"""A stack as an object: `huiyin up` and the tests start, watch, disturb and stop it through this class."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from deploy import status as status_file
from deploy.config import PROJECT, StackConfig
from deploy.ports import free_ports
from deploy.processes import ENGINES
from deploy.status import ProcessStatus, StackStatus
from deploy.supervisor import PROCESSES_SETTING, hold_dir, is_running

if TYPE_CHECKING:
    from services.chassis.settings import Settings

POLL = 0.05


class StackError(Exception):
    """The stack did not do what was asked; the message says why."""


class Stack:
    """One stack with its own supervisor and state folder.

    `services`: None = all of ours, () = engines only, or names. `ports`: None = free ones. `env`: more HUIYIN_*
    settings. Use it as a context manager, or call `start` and `stop`.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        services: Iterable[str] | None = None,
        ports: Mapping[str, int] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        # Settings of the shell belong to the shell's own stack; what a test needs it passes.
        given = {"HUIYIN_STATE_DIR": str(state_dir)}
        given |= {f"HUIYIN_{name.upper()}_PORT": str(port) for name, port in (ports or free_ports()).items()}
        if "HUIYIN_KAFKA_JARS" in os.environ:
            given["HUIYIN_KAFKA_JARS"] = os.environ["HUIYIN_KAFKA_JARS"]
        if services is not None:
            given[PROCESSES_SETTING] = ",".join((*ENGINES, *services))
        self.config = StackConfig.from_environ(given | dict(env or {}))
        self._daemon: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(cls, config: StackConfig) -> Self:
        """The stack of a configuration that was read already (the command line's)."""
        stack = cls.__new__(cls)
        stack.config = config
        stack._daemon = None
        return stack

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- the whole stack ---------------------------------------------------------------------------------------------

    @property
    def state_dir(self) -> Path:
        return self.config.state_dir

    @property
    def env(self) -> dict[str, str]:
        """The complete HUIYIN_* environment of this stack, for subprocesses and in-process Settings."""
        return self.config.settings_env()

    @property
    def settings(self) -> Settings:
        """Settings of this stack as an object, whatever the environment of this process says."""
        from services.chassis.settings import Settings

        known = set(Settings.model_fields)
        values = {key.removeprefix("HUIYIN_").lower(): value for key, value in self.env.items()}
        return Settings(**{key: value for key, value in values.items() if key in known})  # type: ignore[arg-type]

    def url(self, service: str) -> str:
        """Base address of a service (complaints, vault, referrals, notifications, mailsink, worker)."""
        port = {"mailsink": "mailsink_http", "worker": "worker_metrics"}.get(service, service)
        return f"http://{self.config.probe_host}:{self.config.ports[port]}"

    def is_running(self) -> bool:
        return is_running(self.state_dir)

    def status(self) -> StackStatus:
        """The supervisor's last word. Raises StackError when the stack was never started."""
        status = status_file.read(self.state_dir)
        if status is None:
            raise StackError(f"no stack was started in {self.state_dir}")
        return status

    def launch(self) -> bool:
        """Start the supervisor as a daemon and return at once; False when it is running already."""
        if self.is_running():
            return False
        self.config.logs.mkdir(parents=True, exist_ok=True)
        with (self.config.logs / "supervisor.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "deploy.supervisor"],
                env={key: value for key, value in os.environ.items() if not key.startswith("HUIYIN_")}
                | dict(self.config.given)
                | {"HUIYIN_STATE_DIR": str(self.state_dir)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                start_new_session=True,
            )
        return True

    def start(self, seconds: float = 240.0, progress: Callable[[StackStatus], None] = lambda status: None) -> None:
        """Start and wait until everything is ready; harmless when it runs. Raises StackError with the reason."""
        self.launch()
        self.wait_until_ready(seconds, progress)

    def wait_until_ready(
        self, seconds: float = 240.0, progress: Callable[[StackStatus], None] = lambda status: None
    ) -> None:
        """Wait for a launched stack; `progress` is called with every status seen. Raises StackError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = status_file.read(self.state_dir)
            ours = status is not None and (self._daemon is None or status.pid == self._daemon.pid)
            if status is not None and ours:
                progress(status)
                if status.state == "ready" and self.is_running():
                    return
                if status.state == "failed" and not self.is_running():
                    self._reap()
                    raise StackError(status.error)
            ended = self._daemon is not None and self._daemon.poll() is not None
            if (ended or self._daemon is None) and not self.is_running():
                raise StackError(self._last_words(status if ours else None))
            time.sleep(POLL)
        raise StackError(f"not ready after {seconds:.0f} s; see {self.config.logs}")

    def stop(self, seconds: float = 90.0) -> bool:
        """Stop everything in order; data stays. False when nothing ran. Raises StackError when it takes too long."""
        if not self.is_running():
            self._reap()
            return False
        status = self.status()
        if status_file.is_same_process(status.pid, status.started_at):
            os.kill(status.pid, signal.SIGTERM)
        self.wait_for(lambda: not self.is_running(), seconds, "the supervisor did not stop")
        self._reap()
        return True

    def kill_supervisor(self) -> None:
        """kill -9 of the supervisor itself, as a crash or an operator would."""
        status = self.status()
        if self.is_running() and status_file.is_same_process(status.pid, status.started_at):
            os.kill(status.pid, signal.SIGKILL)
            self.wait_for(lambda: not self.is_running(), 10, "the supervisor survived")
        self._reap()

    def discard(self) -> None:
        """Remove the state of a stopped stack."""
        if self.is_running():
            raise StackError("stop the stack before its state is removed")
        shutil.rmtree(self.state_dir, ignore_errors=True)

    # -- one process -------------------------------------------------------------------------------------------------

    def process(self, name: str) -> ProcessStatus:
        """A process by name (deploy.processes.ALL_NAMES). Raises StackError when this stack does not run it."""
        processes = self.status().processes
        if name not in processes:
            raise StackError(f"this stack does not run {name}; it runs {', '.join(processes)}")
        return processes[name]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal (default kill -9) to a process; its pid. The supervisor will start it again."""
        process = self.process(name)
        if process.pid is None or not status_file.is_same_process(process.pid, process.started_at):
            raise StackError(f"{name} does not run now ({process.state})")
        os.kill(process.pid, number)
        return process.pid

    def wait_ready(self, name: str, seconds: float = 60.0, *, not_pid: int | None = None) -> ProcessStatus:
        """Wait until a process is ready, and is not the one with `not_pid`."""
        self.wait_for(
            lambda: (now := self.process(name)).state == "ready" and now.pid != not_pid,
            seconds,
            f"{name} is not ready",
        )
        return self.process(name)

    def kill_and_wait(self, name: str, seconds: float = 60.0) -> ProcessStatus:
        """kill -9 a process and wait until its successor is ready."""
        return self.wait_ready(name, seconds, not_pid=self.kill(name))

    def hold(self, name: str, seconds: float = 60.0) -> None:
        """Stop a process and keep it down until `release` (an engine's outage that lasts)."""
        self.process(name)
        hold_dir(self.state_dir).mkdir(exist_ok=True)
        (hold_dir(self.state_dir) / name).touch()
        self.wait_for(lambda: self.process(name).state == "held", seconds, f"{name} does not stop")

    def release(self, name: str, seconds: float = 60.0) -> ProcessStatus:
        """Start a held process again and wait until it is ready."""
        (hold_dir(self.state_dir) / name).unlink(missing_ok=True)
        return self.wait_ready(name, seconds)

    def log(self, name: str) -> str:
        """The log of a process, of `supervisor` or of `setup`."""
        path = self.config.logs / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    # -- inside ------------------------------------------------------------------------------------------------------

    @staticmethod
    def wait_for(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise StackError(f"{otherwise} after {seconds:.0f} s")
            time.sleep(POLL)

    def _reap(self) -> None:
        if self._daemon is not None:
            self._daemon.wait(timeout=30)
            self._daemon = None

    def _last_words(self, status: StackStatus | None) -> str:
        if status is not None and status.error:
            return status.error
        lines = self.log("supervisor").splitlines()[-5:]
        return "the supervisor ended: " + ("\n  ".join(lines) or "it said nothing")
