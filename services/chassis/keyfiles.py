"""The key files of a stack: created once, readable by their owner alone, never overwritten; rotation only adds."""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.chassis.settings import Settings

KEYRINGS = ("complaints", "referrals", "temporal")
SIGNERS = ("complaints", "vault", "referrals", "notifications", "cli")
VAULT_PRIVATE = "vault.private"
VAULT_PUBLIC = "vault.public"
CODE_KEY = "complaints.code-key"
BLIND_KEY = "complaints.blind-key"


def keyring_file(name: str) -> str:
    """The file name of a keyring."""
    return f"{name}.keyring.json"


def ensure_keys(settings: Settings) -> list[str]:
    """Create what is missing under `keys_dir` and return its file names. Existing files are never touched.

    A public half is written again from its private half when it is gone; a private half whose public half still
    exists was lost, and is not replaced: raises FileNotFoundError, since a new one would not open what was sealed.
    The private key of identities has a folder of its own (`vault_keys_dir`); one that is among the others moves there.
    """
    folder = settings.keys_dir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    created: list[str] = []
    with _locked(folder):
        for name in KEYRINGS:
            if not (folder / keyring_file(name)).exists():
                _write(folder / keyring_file(name), _keyring({"k1": _new_key()}, "k1"))
                created.append(keyring_file(name))
        for name in (CODE_KEY, BLIND_KEY):
            if not (folder / name).exists():
                _write(folder / name, os.urandom(32))
                created.append(name)
        vault = settings.vault_keys()
        vault.mkdir(parents=True, exist_ok=True, mode=0o700)
        if vault != folder and (folder / VAULT_PRIVATE).exists() and not (vault / VAULT_PRIVATE).exists():
            shutil.move(folder / VAULT_PRIVATE, vault / VAULT_PRIVATE)
        created += _pair(vault / VAULT_PRIVATE, folder / VAULT_PUBLIC, X25519PrivateKey)
        for name in SIGNERS:
            created += _pair(folder / f"{name}.signing", folder / f"{name}.verify", Ed25519PrivateKey)
    return created


def rotate_keyring(settings: Settings, name: str) -> str:
    """Add a key to a keyring, make it the current one, and return its id. Old keys stay, so that old seals open.

    Raises FileNotFoundError when there is no such keyring.
    """
    path = settings.keys_dir / keyring_file(name)
    with _locked(settings.keys_dir):
        content = json.loads(path.read_text())
        key_id = f"k{1 + max(int(known.lstrip('k')) for known in content['keys'])}"
        _write(path, _keyring({**content["keys"], key_id: _new_key()}, key_id), replace=True)
    return key_id


def _new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def _keyring(keys: dict[str, str], current: str) -> bytes:
    return json.dumps({"current": current, "keys": keys}, indent=1).encode()


def _pair(private: Path, public: Path, kind: Any) -> list[str]:
    created: list[str] = []
    if not private.exists():
        if public.exists():
            raise FileNotFoundError(
                f"{private} is gone, but {public.name} is there: put the private key back from your backup. "
                f"To start over with a new one, remove {public.name} too; what was sealed to it can't be opened then."
            )
        _write(private, kind.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        created.append(private.name)
    if not public.exists():
        key: Any = load_pem_private_key(private.read_bytes(), None)
        _write(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        created.append(public.name)
    return created


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Two starts at once must not each make a key and overwrite the other's.
    with open(os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Whole or not at all, 0600 from the first byte."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp gives 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            os.link(temporary, path)  # fails when the file exists
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
