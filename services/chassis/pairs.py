"""Key pairs as two PEM files: the private half for one process, the public one for all who deal with it."""

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.chassis.private_files import write


def private_pem(key: Any) -> bytes:
    """A private key as it is kept."""
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def public_pem(private: bytes) -> bytes:
    """The public half of a private key's PEM. Raises ValueError when it is none."""
    key: Any = load_pem_private_key(private, None)
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def ensure(private: Path, public: Path, kind: Any, start_over: str) -> list[str]:
    """Make the pair, or its public half alone, where it is not there; the names of the files that were made.

    A private half that is gone is not replaced: raises FileNotFoundError, which ends with how to ``start_over``.
    """
    created: list[str] = []
    if not private.exists():
        if public.exists():
            raise FileNotFoundError(
                f"{private} is gone, but {public.name} is there: put the private key back from your backup. "
                f"{start_over}"
            )
        write(private, private_pem(kind.generate()))
        created.append(private.name)
    if not public.exists():
        write(public, public_pem(private.read_bytes()))
        created.append(public.name)
    return created


def settle(was: Path, private: Path) -> None:
    """Move a private half that lies where it lay before it got a folder of its own; killed half-way, again goes on.

    Raises ValueError when another one is there already.
    """
    if not was.exists() or was == private:
        return
    content = was.read_bytes()
    if not private.exists():
        write(private, content)
    elif private.read_bytes() != content:
        raise ValueError(f"{was} and {private} are two different keys: remove the one that is not in use")
    was.unlink()
