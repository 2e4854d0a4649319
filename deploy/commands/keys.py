"""`huiyin keys`: which key files there are, and rotation of a keyring. Keys are never shown."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.chassis.keyfiles import KEYRINGS, rotate_keyring
from services.chassis.settings import get_settings

app = typer.Typer()
console = Console(highlight=False)


@app.command("list")
def show() -> None:
    """Key files and who may read them."""
    table = Table(box=None, pad_edge=False)
    for column in ("file", "mode"):
        table.add_column(column)
    for path in sorted(get_settings().keys_dir.glob("[!.]*")):
        table.add_row(path.name, f"{path.stat().st_mode & 0o777:o}")
    console.print(table)


@app.command()
def rotate(name: Annotated[str, typer.Argument(help=f"One of {', '.join(KEYRINGS)}.")]) -> None:
    """Add a key and use it from now on. Old keys stay, so that what they sealed still opens."""
    if name not in KEYRINGS:
        raise typer.BadParameter(f"there is no keyring {name}; there are {', '.join(KEYRINGS)}")
    key = rotate_keyring(get_settings(), name)
    console.print(f"{name} now seals with {key}. Restart the stack (huiyin down, huiyin up), so that all read it.")
