"""`huiyin package`: check what left the system with a signature."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from services.chassis import signers, signing
from services.chassis.settings import load_settings
from services.chassis.signers import Term

ISSUER = "referrals"
REPLACED = 3
"""The exit code of a letter whose key was replaced since: the sender's record alone tells when it was signed."""

_CLAIMS = {
    "number": "number",
    "case_number": "case",
    "to": "to unit",
    "receiver": "receiver",
    "at": "signed at",
    "sha256": "SHA-256",
}
app = typer.Typer(help="Signed letters: check one, show the key that checks them.", no_args_is_help=True)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The archive, or the PDF with its signature FILE.jws beside it.")],
    key: Annotated[Path | None, typer.Option(help="PEM of the sender's public key; this stack's own without.")] = None,
) -> None:
    """Say whether a letter is the one that was signed, and to whom it went.

    Exit code 0: it is; 1: it is not, or is dated after its key was replaced; 3: it is, under a key that was replaced
    since, with which who has stolen it can date a letter back: look for its SHA-256 among what was given out.

    A key that came with the letter proves nothing until its fingerprint was compared with the sender, by telephone.
    """
    try:
        document, signature = _parts(file)
        known = [signers.term_of(key.read_bytes())] if key else signers.terms(load_settings().keys_dir, ISSUER)[::-1]
        claims, term = _signed_with(known, document, signature)
        if not term.covers(claims["iat"]):
            raise signing.BadSignature("its key was replaced, and it is not dated before that")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        err.print(f"It can't be checked: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    except signing.BadSignature as error:
        err.print(f"NOT VALID: {error}.", style="red", markup=False)
        if key is None:
            err.print("It was checked with this stack's own key: a letter of another's needs --key.", markup=False)
        raise typer.Exit(1) from None
    out.print("The signature is valid: the letter is as it was signed.", style=None if term.replaced else "green")
    for name, label in _CLAIMS.items():
        out.print(f"{label:>10}  {claims.get(name, '-')}", markup=False)
    out.print(f"{'key':>10}  {signing.grouped(signers.fingerprint(term.key))}", markup=False)
    if key is not None:
        out.print("Compare the key's fingerprint with the sender, by telephone or in person.")
    if term.replaced:
        err.print(
            f"This key was replaced on {term.until:%Y-%m-%d %H:%M} UTC. If that was because it leaked, the letter may"
            " be dated back: if it was given out, the sender finds its SHA-256 by"
            f" `huiyin audit show --case {claims.get('case_number', 'HY…')}`.",
            style="yellow",
            markup=False,
        )
        raise typer.Exit(REPLACED)


@app.command("key")
def show_key() -> None:
    """The public key for those who get our letters, and its fingerprint to compare by telephone."""
    try:
        public = signing.public_key(load_settings().keys_dir, ISSUER)
    except FileNotFoundError:
        err.print("The key is not there yet: run `huiyin keys ensure` first.", style="red")
        raise typer.Exit(1) from None
    out.print(public.decode(), end="", markup=False)
    out.print(signing.fingerprint(public), markup=False)


def _signed_with(known: list[Term], document: bytes, signature: str) -> tuple[dict[str, Any], Term]:
    """The claims, and the key that they are signed with. Raises BadSignature of the first key when it is none."""
    refused: signing.BadSignature | None = None
    for term in known:
        try:
            return signing.verify_with(term.key, document, signature), term
        except signing.BadSignature as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _parts(file: Path) -> tuple[bytes, str]:
    """The document and its signature. Raises OSError, KeyError, ValueError or BadZipFile."""
    if not zipfile.is_zipfile(file):
        return file.read_bytes(), file.with_name(f"{file.name}.jws").read_text()
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".pdf")]
        if len(names) != 1:
            raise ValueError("the archive holds no letter, or several")
        return archive.read(names[0]), archive.read(f"{names[0]}.jws").decode()
