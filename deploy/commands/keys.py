"""`huiyin keys`: the key files of this stack."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.chassis import keyfiles
from services.chassis.crypto import load_keyring
from services.chassis.settings import load_settings

app = typer.Typer(help="Key files: create what is missing, show which there are, rotate.", no_args_is_help=True)
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


@app.command()
def ensure() -> None:
    """Create the key files that are missing. Existing ones are never touched."""
    settings = load_settings()
    try:
        created = keyfiles.ensure_keys(settings)
    except FileNotFoundError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    out.print(f"Created in {settings.keys_dir}: {', '.join(created)}" if created else "All keys are there.")


@app.command()
def show() -> None:
    """The keyrings and the ids of their keys. Never the keys."""
    settings = load_settings()
    table = Table("keyring", "current", "keys", "readable by others")
    for name in keyfiles.KEYRINGS:
        path = settings.keys_dir / keyfiles.keyring_file(name)
        if not path.exists():
            table.add_row(name, "missing", "-", "-")
            continue
        ring = load_keyring(settings.keys_dir, name)
        table.add_row(name, ring.current, ", ".join(ring.ids), "YES" if path.stat().st_mode & 0o077 else "no")
    out.print(table)


@app.command()
def rotate(
    keyring: Annotated[str, typer.Argument(help=f"One of {', '.join(keyfiles.KEYRINGS)}.")],
) -> None:
    """Add a key and seal with it from now on. What older keys sealed stays readable for ever."""
    if keyring not in keyfiles.KEYRINGS:
        err.print(f"There is no keyring {keyring!r}: it is one of {', '.join(keyfiles.KEYRINGS)}.", style="red")
        raise typer.Exit(1)
    try:
        key_id = keyfiles.rotate_keyring(load_settings(), keyring)
    except FileNotFoundError:
        err.print("The keyring is not there yet: run `huiyin keys ensure` first.", style="red")
        raise typer.Exit(1) from None
    out.print(
        f"{keyring} now seals with {key_id}. Running processes read new keys as they meet them; "
        "to have them seal with it at once: `huiyin down` and `huiyin up`."
    )
