"""`huiyin bench`: the short benchmark, on a system of its own."""

from __future__ import annotations

import subprocess
import sys

import typer

from deploy.config import PROJECT

app = typer.Typer()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Measure intake, lifecycles and a burst of deadlines beside their floors.

    Options: --seconds, --lives, --concurrent, --burst (10000 takes a quarter of an hour), --lead, --only, --json.
    """
    done = subprocess.run([sys.executable, "-m", "tests.load", *context.args], cwd=PROJECT, check=False)
    raise typer.Exit(done.returncode)
