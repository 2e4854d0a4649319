"""The pairs of the vault: identities are sealed to the public key (HPKE), and its process alone opens them.

`vault.public` lies among the other keys. In the vault's own folder (`vault_keys_dir`) `vault.private` is its private
half, `vault.next.private` one that was added and seals nothing yet, `vault.<fingerprint>.private` the earlier ones. A
sealed identity begins with the fingerprint of its key; the first ones carry none, and are tried with every key. It is
bound to its contact's token and its complaint; those of before, to the token alone.
"""

import contextlib
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from services.chassis import keyrings, private_files
from services.chassis.crypto import SealBroken
from services.chassis.keyrings import KeyringRefused

PRIVATE, PUBLIC, NEXT = "vault.private", "vault.public", "vault.next.private"
MARK = b"\x02HV"
"""Before the fingerprint. What a key without one sealed begins with random bytes."""
BOUND = b"\x03HV"
"""The same, before an identity that is bound to its complaint."""
_FINGERPRINT = 8
_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class VaultPublic:
    """What identities are sealed to: the file's key, also after a rotation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = private_files.stamp(path)
        self._key = read_public(path)

    def seal(self, data: bytes, aad: bytes) -> bytes:
        """HPKE (RFC 9180, X25519, HKDF-SHA256, AES-256-GCM): only the private half opens it, only with this aad."""
        return _seal(self._current(), data, aad)

    def seal_identity(self, data: bytes, contact_token: UUID, complaint_id: UUID) -> bytes:
        """As `seal`, bound to token and complaint."""
        return _seal(self._current(), data, _identity(contact_token, complaint_id), BOUND)

    @property
    def sealed_for(self) -> str:
        """The fingerprint of the key that this process seals to now."""
        return fingerprint(self._current())

    def _current(self) -> X25519PublicKey:
        stamp = private_files.stamp(self._path)
        if stamp is not None and stamp != self._stamp:
            self._stamp, self._key = stamp, read_public(self._path)
        return self._key


class VaultPrivate:
    """Every private key of the vault; it notices when files of its folder come and go."""

    def __init__(self, vault_keys: Path) -> None:
        self.bound_only = False
        """Whether every identity is bound to its complaint by now: one that is not then opens no more."""
        self._folder = vault_keys
        self._lock = Lock()
        self._read()

    @property
    def current(self) -> str:
        """The fingerprint of the pair that identities shall be sealed to, as the files say now."""
        return fingerprint(_read_private(self._folder / PRIVATE).public_key())

    def open(self, blob: bytes, aad: bytes) -> bytes:
        """What was sealed with the same aad; raises SealBroken."""
        sealed_for = key_of(blob)
        if private_files.stamp(self._folder) != self._stamp:
            self._read()
        known = self._keys.get(sealed_for or "")
        body = blob[len(header(sealed_for)) :] if known is not None else blob
        for key in (known,) if known is not None else self._keys.values():
            try:
                return _HPKE.decrypt(body, key, info=b"huiyin/vault/" + aad)
            except (InvalidTag, ValueError):
                continue
        raise SealBroken("the seal does not hold")

    def open_identity(
        self, blob: bytes, contact_token: UUID, complaint_id: UUID, *, unbound: bool | None = None
    ) -> bytes:
        """An identity of this token and complaint; ``unbound``: also one that says nothing of a complaint, as long as
        not all are bound where it is None. Raises SealBroken."""
        if blob.startswith(BOUND):
            return self.open(blob, _identity(contact_token, complaint_id))
        if not (not self.bound_only if unbound is None else unbound):
            raise SealBroken("it is bound to no complaint")
        return self.open(blob, str(contact_token).encode())

    def reseal_identity(
        self, blob: bytes, contact_token: UUID, complaint_id: UUID, *, unbound: bool | None = None
    ) -> bytes:
        """The same under the current pair, bound to its complaint; otherwise as `open_identity`."""
        key = _read_private(self._folder / PRIVATE).public_key()
        opened = self.open_identity(blob, contact_token, complaint_id, unbound=unbound)
        return _seal(key, opened, _identity(contact_token, complaint_id), BOUND)

    def _read(self) -> None:
        with self._lock:
            self._stamp = private_files.stamp(self._folder)
            self._keys = _read_all(self._folder)


def load_vault_public(keys_dir: Path) -> VaultPublic:
    """The key that identities are sealed to. Raises OSError or ValueError."""
    return VaultPublic(keys_dir / PUBLIC)


def load_vault_private(vault_keys: Path) -> VaultPrivate:
    """The keys that open identities, from the folder that only the vault's process is told of.

    Raises OSError or ValueError.
    """
    return VaultPrivate(vault_keys)


def fingerprint(key: X25519PublicKey) -> str:
    """The first eight bytes of SHA-256 over the raw public key, in hexadecimal."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[: 2 * _FINGERPRINT]


def header(sealed_for: str | None, mark: bytes = MARK) -> bytes:
    """What is sealed to this key begins so; an identity that is bound to its complaint with the other mark."""
    return mark + bytes.fromhex(sealed_for) if sealed_for is not None else b""


def key_of(blob: bytes) -> str | None:
    """The fingerprint that a sealed identity carries; None when it carries none."""
    end = len(MARK) + _FINGERPRINT
    return blob[len(MARK) : end].hex() if blob.startswith((MARK, BOUND)) and len(blob) > end else None


def fingerprints(vault_keys: Path) -> dict[str, str]:
    """What is there: `current`, `next` or `earlier` by fingerprint. Raises OSError."""
    found = {fingerprint(_read_private(path).public_key()): path.name for path in _files(vault_keys)[::-1]}
    names = {PRIVATE: "current", NEXT: "next"}
    return {sealed_for: names.get(name, "earlier") for sealed_for, name in found.items()}


def add(vault_keys: Path) -> str:
    """Make a pair that seals nothing yet, and return its fingerprint. Raises KeyringRefused when there is one."""
    with private_files.locked(vault_keys):
        return _add(vault_keys)


def rotate(keys_dir: Path, vault_keys: Path) -> str:
    """Make the added pair the current one, a fresh one when none was added. Twice after a kill does no harm."""
    with private_files.locked(vault_keys):
        private = vault_keys / PRIVATE
        before = _read_private(private)
        if fingerprint(read_public(keys_dir / PUBLIC)) == fingerprint(before.public_key()):
            if not (vault_keys / NEXT).exists():
                _add(vault_keys)
            earlier = vault_keys / f"vault.{fingerprint(before.public_key())}.private"
            if not earlier.exists():
                private_files.write(earlier, private.read_bytes())
            os.replace(vault_keys / NEXT, private)
            private_files.sync_folder(vault_keys)
        key = _read_private(private).public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        private_files.write(keys_dir / PUBLIC, pem, replace=True)
    return fingerprint(key)


def settles_at(keys_dir: Path) -> datetime:
    """From when on nothing new can turn up that was sealed to another key than the public one. Raises OSError."""
    return datetime.fromtimestamp((keys_dir / PUBLIC).stat().st_mtime, UTC) + keyrings.SETTLING


def destroy(vault_keys: Path, sealed_for: str) -> None:
    """Remove an earlier private key. The caller has made sure that no identity needs it. Raises KeyringRefused."""
    check_destroyable(vault_keys, sealed_for)
    with private_files.locked(vault_keys):
        (vault_keys / f"vault.{sealed_for}.private").unlink()
        private_files.sync_folder(vault_keys)


def check_destroyable(vault_keys: Path, sealed_for: str) -> None:
    """Raises KeyringRefused for the current key, and for one that is not there."""
    known = fingerprints(vault_keys)
    if known.get(sealed_for) == "current":
        raise KeyringRefused(f"{sealed_for} is the current key: rotate first")
    if known.get(sealed_for) != "earlier":
        raise KeyringRefused(f"there is no earlier key {sealed_for}")


def _identity(contact_token: UUID, complaint_id: UUID) -> bytes:
    return f"{contact_token}/{complaint_id}".encode()


def _seal(key: X25519PublicKey, data: bytes, aad: bytes, mark: bytes = MARK) -> bytes:
    return header(fingerprint(key), mark) + _HPKE.encrypt(data, key, info=b"huiyin/vault/" + aad)


def _add(vault_keys: Path) -> str:
    if (vault_keys / NEXT).exists():
        raise KeyringRefused("a pair was added before and is not current yet: rotate first")
    key = X25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private_files.write(vault_keys / NEXT, pem)
    return fingerprint(key.public_key())


def _files(vault_keys: Path) -> list[Path]:
    """The current one first."""
    current = vault_keys / PRIVATE
    return [current, *sorted(path for path in vault_keys.glob("vault.*.private"))]


def _read_all(vault_keys: Path) -> dict[str, X25519PrivateKey]:
    keys = [_read_private(vault_keys / PRIVATE)]
    for path in _files(vault_keys)[1:]:
        with contextlib.suppress(FileNotFoundError):  # became the current one, or was destroyed, as we looked
            keys.append(_read_private(path))
    return {fingerprint(key.public_key()): key for key in keys}


def read_public(path: Path) -> X25519PublicKey:
    """The key in a file; raises OSError, or ValueError when it is of another kind."""
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, X25519PublicKey):
        raise ValueError(f"{path.name} is not an X25519 key")
    return key


def _read_private(path: Path) -> X25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, X25519PrivateKey):
        raise ValueError(f"{path.name} is not an X25519 key")
    return key
