"""`huiyin reference`: check the reference tables, see what an agency's own would change, and put them to work."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from contracts.reference.store import EARLIER, changes, read_layer, shipped
from contracts.reference.tables import TABLES, BadReference
from deploy.commands.terminal import console, fail
from services.chassis.settings import load_settings

app = typer.Typer()

Directory = Annotated[Path, typer.Argument(help="Folder with tables of the shipped names.", file_okay=False)]


@app.command()
def check(
    directory: Annotated[
        Path | None, typer.Argument(help="An agency's own tables; the shipped ones when left out.", file_okay=False)
    ] = None,
) -> None:
    """Every row of every table; a bad one is named with file, line and reason. Exit code 1 if there is any."""
    try:
        store = shipped() if directory is None else shipped().under(directory)
    except BadReference as error:
        fail(str(error))
    for name in TABLES:
        if lines := store.layers[-1].get(name):
            console.print(f"{TABLES[name].file}: {len(lines)} rows are good", markup=False)


@app.command()
def diff(directory: Directory) -> None:
    """What an agency's tables would change of the shipped ones, and from when."""
    try:
        found = changes(directory)
    except BadReference as error:
        fail(str(error))
    for line in found or ["nothing would change"]:
        console.print(line, markup=False, soft_wrap=True)


@app.command()
def load(directory: Directory) -> None:
    """Put an agency's tables above the shipped ones. Running clocks keep the wording they started with."""
    target = load_settings().reference_dir
    if directory.resolve() == target.resolve():
        fail(f"{target} is where loaded tables are kept: keep your own copy elsewhere")
    try:
        found = changes(directory)
    except BadReference as error:
        fail(str(error))
    layer, _ = read_layer(directory)
    # The new folder is complete before it takes the old one's place; a process reads the one or the other.
    fresh, old = target.with_name(f"{target.name}.new"), target.with_name(f"{target.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in layer:
        shutil.copyfile(directory / TABLES[name].file, fresh / TABLES[name].file)
    if target.exists():
        _keep_wordings(target, fresh)
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    for line in found or ["nothing changes"]:
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"Loaded into {target}. Services read it when they start: huiyin down, then huiyin up.", markup=False)


def _keep_wordings(before: Path, fresh: Path) -> None:
    """Take over the clocks that were in force: what was started by them is counted by them to its end."""
    kept = sorted((before / EARLIER).glob("*/"))
    for folder in kept:
        shutil.copytree(folder, fresh / EARLIER / folder.name)
    clocks = TABLES["clocks"].file
    if (before / clocks).exists() and not _same(before / clocks, fresh / clocks):
        last = fresh / EARLIER / f"{len(kept) + 1:06}"
        last.mkdir(parents=True)
        shutil.copyfile(before / clocks, last / clocks)


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()
