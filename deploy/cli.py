"""`huiyin`: start and stop the stack, see how it is, and the parts under deploy/commands."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy import screens, status
from deploy.commands import PARTS
from deploy.config import PROJECT, ConfigError, StackConfig
from deploy.processes import ALL_NAMES, EngineError
from deploy.stack import Stack, StackError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, style="red")

# What a stack keeps in its folder. Reset removes these and nothing else, wherever HUIYIN_STATE_DIR points.
STATE_ENTRIES = (
    "postgres", "kafka", "temporal", "mail", "keys", "vault-keys", "signing", "evidence", "reference", "audit", "logs",
    "hold", "demo", "passwords.json", "given.json", "stack.env", "status.json", "supervisor.lock",
)  # fmt: skip


app = typer.Typer(
    help="Huiyin 回音: every complaint gets an answer.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)


def main() -> None:
    """Run the command line; what the operator can put right is one line, not a traceback."""
    add_parts(sys.argv[1:])
    try:
        app()
    except (StackError, ConfigError, EngineError) as error:
        errors.print(str(error), markup=False)
        raise SystemExit(1) from None


def add_parts(arguments: Sequence[str]) -> None:
    """Add deploy/commands: those that are named in full, the others as their line of help (imports take time)."""
    for name, text in PARTS.items():
        if name not in arguments:
            app.command(name, help=text)(lambda: None)
            continue
        part: typer.Typer = importlib.import_module(f"deploy.commands.{name}").app
        if len(part.registered_commands) == 1 and not part.registered_groups and part.registered_callback is None:
            command = part.registered_commands[0].callback
            assert command is not None
            app.command(name)(command)
        else:
            app.add_typer(part, name=name, help=text, no_args_is_help=True)


@app.callback()
def settings(
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the stack's state.", envvar="HUIYIN_STATE_DIR", show_envvar=True)
    ] = None,
) -> None:
    """Every command, and all that reads Settings, works on the same state folder."""
    os.environ["HUIYIN_STATE_DIR"] = str((state_dir or PROJECT / ".huiyin").expanduser().resolve())


def running_config() -> StackConfig:
    """The configuration the stack runs with, else what the environment says."""
    config = StackConfig.from_environ()
    known = (config.state_dir / "given.json").exists()
    return StackConfig.of_running(config.state_dir) if known and Stack.of(config).is_running() else config


@app.command()
def up() -> None:
    """Start engines and services, and wait until they are ready. Harmless when they run."""
    stack = Stack.of(StackConfig.from_environ())
    if stack.is_running():
        stack = Stack.of(running_config())
        if stack.status().state == "ready":
            console.print(f"Huiyin is running already (since {screens.since(stack.status().started_at)}).")
        screens.follow_start(console, stack)
    else:
        stack.launch()
        screens.follow_start(console, stack)
    console.print(screens.addresses(stack.config))


@app.command()
def down() -> None:
    """Stop everything in order. Data stays."""
    stack = Stack.of(running_config())
    with console.status("stopping"):
        stopped = stack.stop()
    console.print("Huiyin is stopped; its data stays." if stopped else "Huiyin was not running.")


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Stop, and remove every complaint, case, key and log of this stack."""
    stack = Stack.of(running_config())
    present = [stack.state_dir / name for name in STATE_ENTRIES if (stack.state_dir / name).exists()]
    if not present:
        console.print(f"Nothing to remove in {stack.state_dir}.")
        return
    if not yes:
        typer.confirm(f"Remove all data in {stack.state_dir}? It cannot be brought back.", abort=True)
    with console.status("stopping and removing"):
        stack.stop()
        for path in present:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    console.print(f"All data in {stack.state_dir} is removed.")


@app.command("status")
def show_status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Every process: state, restarts, memory. Exit code 1 unless all is ready."""
    stack = Stack.of(running_config())
    known = status.read(stack.state_dir)
    running = stack.is_running()
    if as_json:
        print(json.dumps({"running": running, **(screens.as_dict(known) if known else {})}, ensure_ascii=False))
    elif known is None or not running:
        console.print("Huiyin is not running." + (f" Last start: {known.error}" if known and known.error else ""))
    else:
        console.print(screens.processes(known))
    ready = known is not None and running and all(process.state == "ready" for process in known.processes.values())
    raise typer.Exit(0 if ready and known is not None and known.state == "ready" else 1)


@app.command()
def logs(
    names: Annotated[list[str] | None, typer.Argument(help="Processes; all when none is named.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, help="Lines of each to begin with.")] = 20,
) -> None:
    """Show the logs of the processes, of `supervisor` and of `setup`."""
    from deploy.logs import show

    known = ("supervisor", "setup", *ALL_NAMES)
    wrong = [name for name in names or [] if name not in known]
    if wrong:
        raise typer.BadParameter(f"there is no log of {', '.join(wrong)}; there are {', '.join(known)}")
    show(running_config().logs, tuple(names or known), lines, follow)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Look at machine, engines, services, lag and dead letters, and say what to do. Exit code 1 if any fails."""
    from deploy.doctor import examine

    config = running_config()
    with console.status("examining"):
        findings = examine(config, running=Stack.of(config).is_running())
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False))
    else:
        console.print(screens.findings(findings))
    raise typer.Exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)


@app.command()
def hold(name: Annotated[str, typer.Argument(help="A process, as `huiyin status` names it.")]) -> None:
    """Stop one process and keep it down (an exercise, or an engine's maintenance)."""
    Stack.of(running_config()).hold(name)
    console.print(f"{name} is held; start it again with: huiyin release {name}")


@app.command()
def release(name: Annotated[str, typer.Argument(help="A process that is held.")]) -> None:
    """Start a held process again."""
    Stack.of(running_config()).release(name)
    console.print(f"{name} is ready.")


if __name__ == "__main__":
    main()
