"""`huiyin keys`: keyrings and the vault's pair. The runbook is docs/runbooks/keys.md."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from rich import progress
from rich.table import Table

from deploy import key_acts
from deploy.commands.terminal import console, fail, run
from services.chassis import keyfiles, keyrings, signers, vault_keys
from services.chassis.keyrings import KeyringRefused
from services.chassis.kms import VaultTransit
from services.chassis.settings import MissingSetting, Settings, load_settings
from services.chassis.suites import Suite

app = typer.Typer(help="Keys: create what is missing, list, add, rotate, rewrap, destroy.", no_args_is_help=True)
T = TypeVar("T")
RingName = Annotated[str, typer.Argument(help=f"One of {', '.join(key_acts.RINGS)}.", metavar="RING")]


@app.command()
def ensure() -> None:
    """Create the key files that are missing. Existing ones are never touched, and lost ones never replaced."""
    settings = load_settings()
    try:
        created = keyfiles.ensure_keys(settings)
    except FileNotFoundError as error:
        fail(str(error))
    console.print(f"Created in {settings.keys_dir}: {', '.join(created)}" if created else "All keys are there.")


@app.command("list")
def list_(
    used: Annotated[bool, typer.Option("--used", help="Count what is sealed under each key.")] = False,
) -> None:
    """The keys of every ring: which seals now, since when, and where it is kept. Never the keys themselves."""
    settings = load_settings()
    table = Table("ring", "key", "state", "suite", "kept in", *(("values",) if used else ()), box=None, pad_edge=False)
    for ring in key_acts.RINGS:
        counted = _run(key_acts.used(settings, ring)) if used and ring != "temporal" else {}
        for key_id, *facts in _facts(settings, ring):
            table.add_row(ring, key_id, *facts, *((str(counted.get(key_id, 0)) if counted else "-",) if used else ()))
        if counted.get(""):
            table.add_row(ring, "-", "sealed before keys had fingerprints", "", "", str(counted[""]))
    console.print(table)


@app.command()
def add(
    ring: RingName,
    suite: Annotated[Suite | None, typer.Option(help="For a ring: AES or SM; else that of the current key.")] = None,
    kms_address: Annotated[str, typer.Option(help="Keep it wrapped by the transit engine at this address.")] = "",
    kms_key: Annotated[str, typer.Option(help="The transit engine's key.")] = "",
    kms_token_file: Annotated[str, typer.Option(help="The file with the token for it.")] = "",
    kms_mount: Annotated[str, typer.Option(help="Where the engine is mounted.")] = "transit",
    kms_ca_file: Annotated[str, typer.Option(help="PEM of whom to trust there.")] = "",
) -> None:
    """Add a key that seals nothing yet: back it up, then rotate."""
    settings, ring = load_settings(), _known(ring)
    kms = None
    if kms_address:
        if ring == key_acts.VAULT or not (kms_key and kms_token_file):
            fail("--kms-address needs --kms-key and --kms-token-file, and a keyring")
        try:
            kms = VaultTransit(kms_address, kms_key, kms_token_file, kms_mount, ca_file=kms_ca_file)
        except ValueError as error:
            fail(str(error))
    key_id = _run(key_acts.add(settings, ring, suite, kms))
    console.print(f"Added {key_id} to {ring}. Back the key files up, then: huiyin keys rotate {ring}")


@app.command()
def rotate(ring: RingName) -> None:
    """Seal with the newest key from now on (a fresh one, when none was added). Processes notice within seconds."""
    settings, ring = load_settings(), _known(ring)
    key_id = _run(key_acts.rotate(settings, ring))
    console.print(f"{ring} seals with {key_id}. Older keys open what they sealed: huiyin keys rewrap {ring}")


@app.command()
def rewrap(ring: RingName) -> None:
    """Seal everything that is stored under the ring's current key. Stop it when you like: again, it goes on."""
    settings, ring = load_settings(), _known(ring)

    async def follow() -> key_acts.Progress:
        last = key_acts.Progress("")
        columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn())
        with progress.Progress(*columns, console=console) as bar:
            task = bar.add_task(ring, total=None)
            async for last in key_acts.rewrap(settings, ring):
                text = f"{ring}: waits {last.waiting:.0f} s for processes to notice" if last.waiting else ring
                bar.update(task, description=text, completed=last.done, total=max(last.total or 0, last.done))
        return last

    last = _run(follow())
    console.print(f"{last.done} values are sealed anew.")
    if last.broken:
        fail(f"{last.broken} values could not be opened with any key of the ring, and stayed as they were.")


@app.command()
def renew(
    signer: Annotated[str, typer.Argument(help=f"One of {', '.join(signers.SIGNERS)}.", metavar="SIGNER")],
    lost: Annotated[bool, typer.Option("--lost", help="Its private key is gone for good.")] = False,
) -> None:
    """Give a signer a new signing key: what the old one signs from now on is refused, what it signed can be checked."""
    if signer not in signers.SIGNERS:
        fail(f"There is no signer {signer!r}: it is one of {', '.join(signers.SIGNERS)}.")
    try:
        key = _run(key_acts.renew(load_settings(), signer, lost=lost))
    except FileNotFoundError as error:
        fail(
            f"{error.filename} is missing: put it back, or set HUIYIN_SIGNING_DIR (HUIYIN_SIGNERS_DIR) to where the "
            "signer's keys are. When a private key is gone for good: --lost"
        )
    console.print(f"{signer} signs with {key}. Back the key files up; processes notice within seconds.")


@app.command()
def destroy(
    ring: RingName,
    key: Annotated[str, typer.Argument(help="The key's id, as `huiyin keys list` shows it.")],
    reason: Annotated[str, typer.Option(help="A code that goes on record: RETIRED, LEAKED, ERASURE …")] = "RETIRED",
) -> None:
    """Take a key away for good: refused while anything is sealed under it. Remove it from your backups too."""
    settings, ring = load_settings(), _known(ring)
    if not (reason.isascii() and reason.replace("_", "").isalnum()):
        fail("--reason is a code of letters, digits and underscores")
    _run(key_acts.destroy(settings, ring, key, reason))
    console.print(f"{key} of {ring} is destroyed. It remains in your backups until you remove it there.")


def _facts(settings: Settings, ring: str) -> list[tuple[str, ...]]:
    try:
        if ring == key_acts.VAULT:
            known = vault_keys.fingerprints(settings.vault_keys())
            return [(key_id, state, "X25519", "file") for key_id, state in known.items()]
        kept = keyrings.read(settings.keys_dir, ring)
    except (OSError, MissingSetting):
        return [("-", "missing", "-", "-")]
    home = "environment" if keyrings.from_environment(ring) else "file"
    listed: list[tuple[str, ...]] = []
    for key_id, entry in kept.keys.items():
        state = "current" if key_id == kept.current else "added" if entry.retired is None and entry.added else "earlier"
        since = entry.retired or entry.added
        state += f" since {since:%Y-%m-%d %H:%M}" if since else ""
        listed.append((key_id, state, entry.suite.value, "KMS" if entry.kms else home))
    listed += [(key_id, f"destroyed {gone.at:%Y-%m-%d}", "-", "-") for key_id, gone in kept.destroyed.items()]
    return listed


def _known(ring: str) -> str:
    if ring not in key_acts.RINGS:
        fail(f"There is no ring {ring!r}: it is one of {', '.join(key_acts.RINGS)}.")
    return ring


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return run(work)
    except KeyringRefused as refused:
        fail(str(refused))
