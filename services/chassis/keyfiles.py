"""The key files of a stack: created once, readable by their owner alone, never overwritten; rotation only adds."""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from services.chassis import keyrings, pairs, signers
from services.chassis.keyrings import MADE
from services.chassis.private_files import locked, write
from services.chassis.settings import Settings
from services.chassis.suites import SECRET_BYTES, Suite

VAULT_PRIVATE = "vault.private"
VAULT_PUBLIC = "vault.public"
CODE_KEY = "complaints.code-key"
BLIND_KEY = "complaints.blind-key"
_START_OVER = "To start over with a new one, remove the public key too; what was sealed to it can't be opened then."


def ensure_keys(settings: Settings) -> list[str]:
    """Create what is missing under `keys_dir` and return its file names. Existing files are never touched.

    A public half is written again from its private half when it is gone. What was there before and is gone was lost,
    and is not replaced: raises FileNotFoundError, since a new one would not open what was sealed.
    The private key of identities has a folder of its own (`vault_keys_dir`); one that is among the others moves there.
    """
    folder, suite = settings.keys_dir, Suite(settings.cipher_suite)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    created: list[str] = []
    with locked(folder):
        for name in keyrings.NAMES:
            keyrings.must_be_given(folder, name)
            if keyrings.from_environment(name) is not None:
                _note(folder, keyrings.variable(name))
            else:
                created += _secret(folder, keyrings.file_name(name), lambda: keyrings.new_ring(suite))
        mark = b"" if suite is Suite.AES else suite.byte
        for name in (CODE_KEY, BLIND_KEY):
            created += _secret(folder, name, lambda: mark + os.urandom(SECRET_BYTES))
        vault = settings.vault_keys()
        vault.mkdir(parents=True, exist_ok=True, mode=0o700)
        pairs.settle(folder / VAULT_PRIVATE, vault / VAULT_PRIVATE)
        created += pairs.ensure(vault / VAULT_PRIVATE, folder / VAULT_PUBLIC, X25519PrivateKey, _START_OVER)
        created += signers.ensure(settings)
    return created


def _secret(folder: Path, name: str, make: Callable[[], bytes]) -> list[str]:
    known = _noted(folder)
    created: list[str] = []
    if not (folder / name).exists():
        if name in known:
            raise FileNotFoundError(
                f"{folder / name} is gone: put it back from your backup. To start over with a new one, remove its line "
                f"from {MADE}; what was sealed or hashed with it can't be opened or found then."
            )
        write(folder / name, make())
        created.append(name)
    _note(folder, name)
    return created


def _noted(folder: Path) -> list[str]:
    made = folder / MADE
    return made.read_text().splitlines() if made.exists() else []


def _note(folder: Path, name: str) -> None:
    if name not in (known := _noted(folder)):
        write(folder / MADE, "".join(f"{line}\n" for line in (*known, name)).encode(), replace=True)


def unmade_rings(settings: Settings) -> list[str]:
    """The rings that `ensure_keys` would make: neither given, nor there, nor ever known of."""
    folder = settings.keys_dir
    return [
        name
        for name in keyrings.NAMES
        if keyrings.from_environment(name) is None
        and not (folder / keyrings.file_name(name)).exists()
        and not {keyrings.file_name(name), keyrings.variable(name)} & set(_noted(folder))
    ]
