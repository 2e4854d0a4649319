"""`huiyin bench`: the short benchmark, on a system of its own."""

from __future__ import annotations

import subprocess
import sys

import typer

from deploy.config import PROJECT

app = typer.Typer()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Measure intake and lifecycles beside their floors; options: --seconds, --lives, --concurrent, --json."""
    done = subprocess.run([sys.executable, "-m", "tests.load", *context.args], cwd=PROJECT, check=False)
    raise typer.Exit(done.returncode)
