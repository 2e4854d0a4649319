"""The only parent of the stack's processes: starts them in order, restarts what crashes, stops them in reverse.

`python -m deploy.supervisor` runs it in the foreground; `huiyin up` runs it as a daemon. All it is told comes from
the environment; all it says is in status.json and logs/supervisor.log. A file `hold/<process>` in the state folder
keeps that process down until the file is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from deploy import status as status_file
from deploy.child import Child, die_with
from deploy.config import ConfigError, StackConfig
from deploy.leftovers import end_leftovers
from deploy.ports import taken_lines
from deploy.processes import ALL_NAMES, EngineError, all_specs, log_path
from deploy.status import StackStatus

LOG_LIMIT = 20 * 1024 * 1024
GIVE_UP_AFTER = 3  # starts that end before readiness, while the stack comes up
START_SECONDS = 240.0
HOUSEKEEPING = 0.2
PROCESSES_SETTING = "HUIYIN_PROCESSES"


class StartFailed(Exception):
    """The stack cannot come up; the message is for the operator."""


def lock(state_dir: Path) -> IO[str] | None:
    """The lock one supervisor holds per state folder; None when another one has it."""
    file = (state_dir / "supervisor.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_running(state_dir: Path) -> bool:
    """True when a supervisor of this state folder lives."""
    if not (state_dir / "supervisor.lock").exists():
        return False
    held = lock(state_dir)
    if held is None:
        return True
    held.close()
    return False


def say(event: str, /, **facts: object) -> None:
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    print(json.dumps(line, ensure_ascii=False, default=str), flush=True)


def wanted_names(config: StackConfig) -> tuple[str, ...]:
    """HUIYIN_PROCESSES as names, all by default. Raises ConfigError for a name that does not exist."""
    text = config.given.get(PROCESSES_SETTING)
    if text is None:
        return ALL_NAMES
    names = tuple(name for name in text.replace(",", " ").split() if name != "none")
    for name in names:
        if name not in ALL_NAMES:
            raise ConfigError(f"{PROCESSES_SETTING}: there is no process {name!r}; there are {', '.join(ALL_NAMES)}")
    return names


class Supervisor:
    """Runs one stack from start to stop."""

    def __init__(self, config: StackConfig) -> None:
        self.config = config
        self.stopping = asyncio.Event()
        me = os.getpid()
        self.status = StackStatus(me, status_file.start_time(me) or time.time())
        specs = all_specs(config, wanted_names(config))
        self.children = [Child(spec, log_path(config, spec.name), self.publish, say) for spec in specs]
        self.status.processes = {child.spec.name: child.status for child in self.children}
        self._running: dict[str, asyncio.Task[None]] = {}

    def publish(self) -> None:
        status_file.write(self.config.state_dir, self.status)

    def phase(self, text: str) -> None:
        self.status.phase = text
        self.publish()
        say("phase", what=text)

    async def run(self) -> int:
        """Start, serve until told to stop, stop; the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stopping.set)
        housekeeping = asyncio.create_task(self._housekeep())
        try:
            await self._start()
            await self.stopping.wait()
        except StartFailed as failure:
            self.status.error = str(failure)
            say("start failed", error=str(failure))
        finally:
            housekeeping.cancel()
            await asyncio.gather(housekeeping, return_exceptions=True)
            await self._stop()
        return 1 if self.status.error else 0

    async def _start(self) -> None:
        taken = taken_lines(
            [port for child in self.children for port in child.spec.ports], self.config.ports, self.config.host
        )
        if taken:
            raise StartFailed("\n".join(taken))
        self.phase("starting the engines")
        await self._start_tier(0)
        if not self.stopping.is_set():
            self.phase("set-up")
            await self._bootstrap()
        if not self.stopping.is_set():
            self.phase("starting the services")
            await self._start_tier(1)
        if not self.stopping.is_set():
            self.status.state = "ready"
            self.phase("ready")

    async def _start_tier(self, tier: int) -> None:
        children = [child for child in self.children if child.spec.tier == tier]
        self._apply_holds()
        for child in children:
            self._running[child.spec.name] = asyncio.create_task(child.run())
        deadline = time.monotonic() + START_SECONDS
        while not self.stopping.is_set():
            for child in children:
                if child.failed_starts >= GIVE_UP_AFTER:
                    raise StartFailed(f"{child.spec.name} does not start: {child.status.last_exit}{self._tail(child)}")
                if self._running[child.spec.name].done():
                    self._running[child.spec.name].result()
            waiting = [child.spec.name for child in children if child.status.state not in ("ready", "held")]
            if not waiting:
                return
            if time.monotonic() > deadline:
                raise StartFailed(
                    f"not ready after {START_SECONDS:.0f} s: {', '.join(waiting)}; see {self.config.logs}"
                )
            await asyncio.sleep(0.05)

    def _tail(self, child: Child) -> str:
        path = log_path(self.config, child.spec.name)
        lines = path.read_text(errors="replace").splitlines()[-5:] if path.exists() else []
        return "".join(f"\n  {line[:300]}" for line in lines) + f"\n  (log: {path})"

    async def _bootstrap(self) -> None:
        """Run deploy.bootstrap; its `step:` lines become the phase, everything goes to its log."""
        env = dict(os.environ) | self.config.settings_env()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deploy.bootstrap",
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with(os.getpid(), signal.SIGTERM),
        )
        assert process.stdout is not None
        path = log_path(self.config, "setup")
        last: list[str] = []
        with path.open("ab") as log:
            async for line in process.stdout:
                log.write(line)
                text = line.decode(errors="replace").rstrip()
                last = [*last[-4:], text[:300]]
                if text.startswith("step: "):
                    self.phase(f"set-up: {text.removeprefix('step: ')}")
        if await process.wait() != 0:
            raise StartFailed("set-up failed:\n  " + "\n  ".join(last) + f"\n  (log: {path})")

    async def _stop(self) -> None:
        """Stop in reverse order: services together, then the engines, PostgreSQL last."""
        self.status.state = "stopping"
        self.phase("stopping")
        services = [child for child in self.children if child.spec.tier == 1]
        rest = [child for child in reversed(self.children) if child.spec.tier == 0]
        groups = [services, [child for child in rest if child.spec.name != "postgres"]]
        for group in [*groups, [child for child in rest if child.spec.name == "postgres"]]:
            for child in group:
                child.want("stopped")
            tasks = [self._running[child.spec.name] for child in group if child.spec.name in self._running]
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    say("process could not be followed to its end", error=repr(outcome))
        self.status.state = "failed" if self.status.error else "stopped"
        self.phase("failed" if self.status.error else "stopped")

    async def _housekeep(self) -> None:
        """Follow the hold files; keep log files bounded; notice a child task that broke."""
        ticks = 0
        while True:
            self._apply_holds()
            ticks += 1
            if ticks % 50 == 0:
                for path in self.config.logs.glob("*.log"):
                    rotate(path)
                for name, task in self._running.items():
                    if task.done() and not task.cancelled() and task.exception() is not None:
                        say("supervision of a process broke", process=name, error=repr(task.exception()))
                        self.stopping.set()
            await asyncio.sleep(HOUSEKEEPING)

    def _apply_holds(self) -> None:
        holds = hold_dir(self.config.state_dir)
        held = {path.name for path in holds.iterdir()} if holds.exists() else set()
        for child in self.children:
            child.want("held" if child.spec.name in held else "up")


def hold_dir(state_dir: Path) -> Path:
    return state_dir / "hold"


def rotate(path: Path) -> None:
    """Keep one predecessor of a log that grew too large. Its writers append, so that it can be cut under them."""
    if path.stat().st_size > LOG_LIMIT:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        os.truncate(path, 0)


def main() -> int:
    """Run a supervisor for the state folder of the environment; 0 also when one is running already."""
    # Databases, events and logs are for the account that runs the stack, and for no other on the machine.
    os.umask(0o077)
    try:
        config = StackConfig.from_environ()
        config.state_dir.mkdir(parents=True, exist_ok=True)
        config.logs.mkdir(exist_ok=True)
        held = lock(config.state_dir)
        if held is None:
            say("a supervisor is running already", state_dir=config.state_dir)
            return 0
        with contextlib.closing(held):
            ended = end_leftovers(config.state_dir, status_file.read(config.state_dir))
            if ended:
                say("ended what an earlier supervisor left", processes=ended)
            config.write_env_file()
            return asyncio.run(serve(config))
    except (ConfigError, EngineError) as error:
        print(error, file=sys.stderr, flush=True)
        return 2


async def serve(config: StackConfig) -> int:
    return await Supervisor(config).run()


if __name__ == "__main__":
    sys.exit(main())
