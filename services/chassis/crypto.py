"""Sealing: keyrings that rotate, one key per case, and the vault's public key."""

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from services.chassis import keyfiles

_FORMAT = b"\x01"
_NONCE = 12
_VAULT = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SealBroken(Exception):
    """A sealed value that this key and context do not open: wrong key, wrong place, or tampered with."""


class Keyring:
    """AES-256-GCM keys by id. The current one seals; every one that ever was opens, for ever.

    Rotation adds a key to the file while processes run: an id that is not known yet makes the ring read it again.
    """

    def __init__(self, keys: dict[str, bytes], current: str, path: Path | None = None) -> None:
        if current not in keys:
            raise ValueError("the keyring's current key is not in it")
        self._path = path
        self._lock = Lock()
        self._current = current
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read `{"current": id, "keys": {id: base64 of 32 bytes}}`; raises OSError or ValueError."""
        keys, current = _read_keyring(path)
        return cls(keys, current, path)

    @property
    def current(self) -> str:
        """The id of the key that seals now."""
        return self._current

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, oldest first."""
        return tuple(self._keys)

    def reload(self) -> None:
        """Take over what was added to the file."""
        if self._path is None:
            return
        keys, current = _read_keyring(self._path)
        with self._lock:
            self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
            self._current = current

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Seal under the current key: format, key id's length, key id, nonce, ciphertext with tag."""
        key_id, nonce = self._current, os.urandom(_NONCE)
        name = key_id.encode()
        return b"".join((_FORMAT, bytes((len(name),)), name, nonce, self._keys[key_id].encrypt(nonce, plaintext, aad)))

    def decrypt(self, blob: bytes, aad: bytes) -> bytes:
        """Open what `encrypt` gave with the same aad; raises SealBroken."""
        key_id, nonce, ciphertext = _split(blob)
        if key_id not in self._keys:
            self.reload()
        key = self._keys.get(key_id)
        if key is None:
            raise SealBroken("sealed under a key that this ring does not have")
        try:
            return key.decrypt(nonce, ciphertext, aad)
        except InvalidTag as error:
            raise SealBroken("the seal does not hold") from error


def _read_keyring(path: Path) -> tuple[dict[str, bytes], str]:
    content = json.loads(path.read_text())
    keys = {key_id: base64.b64decode(key) for key_id, key in content["keys"].items()}
    if any(len(key) != 32 for key in keys.values()):
        raise ValueError("a keyring's keys have 32 bytes")
    return keys, content["current"]


def _split(blob: bytes) -> tuple[str, bytes, bytes]:
    if len(blob) < 2 or blob[:1] != _FORMAT:
        raise SealBroken("not a sealed value")
    end = 2 + blob[1]
    if len(blob) < end + _NONCE + 16:
        raise SealBroken("a sealed value is cut short")
    try:
        key_id = blob[2:end].decode()
    except UnicodeDecodeError as error:
        raise SealBroken("not a sealed value") from error
    return key_id, blob[end : end + _NONCE], blob[end + _NONCE :]


def field_aad(case_id: object, field: str) -> bytes:
    """Binds a sealed text to its case (or complaint) and field, so that it can't be moved elsewhere."""
    return f"huiyin/{case_id}/{field}".encode()


def new_case_key(keyring: Keyring, case_id: object) -> bytes:
    """A fresh key for one case, wrapped under the keyring and bound to the case: store this."""
    return keyring.encrypt(AESGCM.generate_key(256), field_aad(case_id, "case-key"))


def unwrap(keyring: Keyring, wrapped: bytes, case_id: object) -> bytes:
    """The case key of `new_case_key`; raises SealBroken when it belongs to another case."""
    return keyring.decrypt(wrapped, field_aad(case_id, "case-key"))


def rewrap(keyring: Keyring, wrapped: bytes, case_id: object) -> bytes:
    """The same case key under the keyring's current key, after a rotation. The texts stay as they are."""
    return keyring.encrypt(unwrap(keyring, wrapped, case_id), field_aad(case_id, "case-key"))


class CaseCipher:
    """Seals the texts of one case under its key. Take the aad from `field_aad`."""

    def __init__(self, key: bytes) -> None:
        self._key = AESGCM(key)

    def seal(self, text: str, aad: bytes) -> bytes:
        """Nonce and ciphertext of the text as UTF-8."""
        nonce = os.urandom(_NONCE)
        return nonce + self._key.encrypt(nonce, text.encode(), aad)

    def open(self, blob: bytes, aad: bytes) -> str:
        """The text; raises SealBroken for another case, another field, or a changed byte."""
        return self.open_bytes(blob, aad).decode()

    def seal_bytes(self, data: bytes, aad: bytes) -> bytes:
        """As `seal`, for files."""
        nonce = os.urandom(_NONCE)
        return nonce + self._key.encrypt(nonce, data, aad)

    def open_bytes(self, blob: bytes, aad: bytes) -> bytes:
        """As `open`, for files."""
        try:
            return self._key.decrypt(blob[:_NONCE], blob[_NONCE:], aad)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("the seal does not hold") from error


def seal_to_vault(public_key: X25519PublicKey, data: bytes, aad: bytes) -> bytes:
    """HPKE (RFC 9180, X25519, HKDF-SHA256, AES-256-GCM): only the vault's private key opens it, only with this aad."""
    return _VAULT.encrypt(data, public_key, info=b"huiyin/vault/" + aad)


def open_in_vault(private_key: X25519PrivateKey, blob: bytes, aad: bytes) -> bytes:
    """What `seal_to_vault` sealed; raises SealBroken."""
    try:
        return _VAULT.decrypt(blob, private_key, info=b"huiyin/vault/" + aad)
    except (InvalidTag, ValueError) as error:
        raise SealBroken("the seal does not hold") from error


def load_vault_public(keys_dir: Path) -> X25519PublicKey:
    """The key that identities are sealed to."""
    key = load_pem_public_key((keys_dir / keyfiles.VAULT_PUBLIC).read_bytes())
    if not isinstance(key, X25519PublicKey):
        raise ValueError(f"{keyfiles.VAULT_PUBLIC} is not an X25519 key")
    return key


def load_vault_private(vault_keys: Path) -> X25519PrivateKey:
    """The key that opens identities, from the folder that only the vault's process is told of."""
    key = load_pem_private_key((vault_keys / keyfiles.VAULT_PRIVATE).read_bytes(), None)
    if not isinstance(key, X25519PrivateKey):
        raise ValueError(f"{keyfiles.VAULT_PRIVATE} is not an X25519 key")
    return key


def load_keyring(keys_dir: Path, name: str) -> Keyring:
    """The keyring of a service, or of `temporal`."""
    return Keyring.load(keys_dir / keyfiles.keyring_file(name))


def load_code_key(keys_dir: Path) -> bytes:
    """The key of query codes and keyed hashes."""
    return (keys_dir / keyfiles.CODE_KEY).read_bytes()


def load_blind_key(keys_dir: Path) -> bytes:
    """The key of the marks by which complaints of one reporter, or with similar texts, find each other."""
    return (keys_dir / keyfiles.BLIND_KEY).read_bytes()


def keyed_hash(key: bytes, *parts: str | bytes) -> str:
    """HMAC-SHA256 (hex) over the parts, each with its length: ("ab", "c") and ("a", "bc") differ."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        mac.update(len(data).to_bytes(8, "big"))
        mac.update(data)
    return mac.hexdigest()


ensure_keys = keyfiles.ensure_keys
