"""The two families of algorithms that values are sealed and hashed with. Pure: bytes in, bytes out.

AES: AES-256-GCM (NIST SP 800-38D) with HMAC-SHA-256. SM: SM4-GCM (GB/T 32907, RFC 8998) with HMAC-SM3 (GB/T 32905).
"""

import hashlib
import hmac
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

NONCE_BYTES = 12
TAG_BYTES = 16
SECRET_BYTES = 32
"""Of a key of keyed hashes, in both families."""


class Aead(Protocol):
    """Authenticated encryption. ``decrypt`` raises InvalidTag, or ValueError for what is too short."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


class Mac(Protocol):
    """A running keyed hash."""

    def update(self, data: bytes, /) -> None: ...


class Suite(StrEnum):
    """Which family. ``byte`` is what stands before every value that was sealed with it."""

    AES = "AES"
    SM = "SM"

    @classmethod
    def of(cls, byte: int) -> "Suite":
        """The suite of a value's first byte; raises ValueError when it is none's."""
        if byte not in _BY_BYTE:
            raise ValueError("the value names no suite that is known")
        return _BY_BYTE[byte]

    @property
    def byte(self) -> bytes:
        """1 for AES, 2 for SM; never given to another."""
        return _BYTES[self]

    @property
    def key_bytes(self) -> int:
        """The length of its keys."""
        return 32 if self is Suite.AES else 16

    def aead(self, key: bytes) -> Aead:
        """Raises ValueError for a key of another length."""
        if len(key) != self.key_bytes:
            raise ValueError(f"a key of {self} has {self.key_bytes} bytes")
        return AESGCM(key) if self is Suite.AES else Sm4Gcm(key)

    def mac(self, key: bytes, *parts: bytes) -> bytes:
        """HMAC over the parts, one after the other: 32 bytes."""
        if self is Suite.AES:
            fast = hmac.new(key, digestmod=hashlib.sha256)
            _feed(fast, parts)
            return fast.digest()
        slow = HMAC(key, hashes.SM3())
        _feed(slow, parts)
        return slow.finalize()


_BYTES = {Suite.AES: b"\x01", Suite.SM: b"\x02"}
_BY_BYTE = {byte[0]: suite for suite, byte in _BYTES.items()}


class Sm4Gcm:
    """SM4 in Galois/counter mode, in the shape of AESGCM."""

    def __init__(self, key: bytes) -> None:
        self._key = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Ciphertext and tag."""
        encryptor = Cipher(self._key, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data or b"")
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """The plaintext; raises InvalidTag, or ValueError when there is no whole tag."""
        decryptor = Cipher(self._key, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(associated_data or b"")
        return decryptor.update(data[:-TAG_BYTES]) + decryptor.finalize()


def _feed(mac: Mac, parts: tuple[bytes, ...]) -> None:
    for part in parts:
        mac.update(part)
