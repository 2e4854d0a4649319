"""Sealing: keyrings that rotate, one key per case, keyed hashes. Algorithms: suites.py; key files: keyrings.py."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag

from services.chassis import keyfiles, keyrings, private_files
from services.chassis.suites import NONCE_BYTES, SECRET_BYTES, TAG_BYTES, Aead, Suite

_LOOK_SECONDS = 1.0


class SealBroken(Exception):
    """A sealed value that this key and context do not open: wrong key, wrong place, or tampered with."""


class Keyring:
    """Keys by id, each of its suite. The current one seals; every one that ever was opens, until it is destroyed.

    Keys are added, rotated and destroyed in the file while processes run: they look for a change each second when they
    seal, and at once when they meet an id that they don't know.
    """

    def __init__(self, keys: dict[str, bytes], current: str, suites: Mapping[str, Suite] | None = None) -> None:
        if current not in keys:
            raise ValueError("the keyring's current key is not in it")
        given = suites or {}
        self._take({key_id: (given.get(key_id, Suite.AES), key) for key_id, key in keys.items()}, current)
        self._path: Path | None = None
        self._stamp: object = None
        self._look_again = 0.0
        self._lock = Lock()
        self._unwrapped: dict[str, bytes] = {}

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """The ring in a file `<name>.keyring.json`, or in the environment (see keyrings.py).

        Raises OSError, ValueError, and EngineAway when a service must unwrap a key and can't be reached.
        """
        stamp, unwrapped = private_files.stamp(path), dict[str, bytes]()
        opened, current = _read(path, unwrapped)
        keys = {key_id: key for key_id, (_, key) in opened.items()}
        ring = cls(keys, current, {key_id: suite for key_id, (suite, _) in opened.items()})
        ring._path, ring._stamp, ring._unwrapped = path, stamp, unwrapped
        return ring

    @property
    def current(self) -> str:
        """The id of the key that seals now."""
        self._notice()
        return self._current

    @property
    def suite(self) -> Suite:
        """The suite of the current key: what new case keys are made for."""
        self._notice()
        return self._keys[self._current].suite

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, oldest first."""
        return tuple(self._keys)

    def reload(self) -> None:
        """Take over what the file holds now. Raises as `load`."""
        if self._path is None:
            return
        with self._lock:
            self._take_over(self._path)

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Seal under the current key: its suite, the length of its id, its id, nonce, ciphertext with tag.

        Raises as `load` when the ring was changed and can't be read.
        """
        self._notice()
        key_id, keys = self._current, self._keys
        nonce = os.urandom(NONCE_BYTES)
        return header(keys[key_id].suite, key_id) + nonce + keys[key_id].aead.encrypt(nonce, plaintext, aad)

    def decrypt(self, blob: bytes, aad: bytes) -> bytes:
        """Open what `encrypt` gave with the same aad; raises SealBroken."""
        suite, key_id, nonce, ciphertext = _split(blob)
        if key_id not in self._keys and self._stale():
            self.reload()
        key = self._keys.get(key_id)
        if key is None or key.suite != suite:
            raise SealBroken("sealed under a key that this ring does not have")
        try:
            return key.aead.decrypt(nonce, ciphertext, aad)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("the seal does not hold") from error

    def _take(self, keys: Mapping[str, tuple[Suite, bytes]], current: str) -> None:
        self._keys = {key_id: _Key(suite, suite.aead(key)) for key_id, (suite, key) in keys.items()}
        self._current = current

    def _stale(self) -> bool:
        return self._path is not None and private_files.stamp(self._path) not in (None, self._stamp)

    def _notice(self) -> None:
        """See whether the file was changed, once a second, and take it over before anything is sealed.

        Whoever seals after a pause must not do it with a key that was destroyed meanwhile. Raises as `load`: nothing
        is sealed while it is not known with what.
        """
        if self._path is None or time.monotonic() < self._look_again:
            return
        with self._lock:
            if time.monotonic() < self._look_again:
                return
            if self._stale():
                self._take_over(self._path)
            self._look_again = time.monotonic() + _LOOK_SECONDS

    def _take_over(self, path: Path) -> None:
        stamp = private_files.stamp(path)
        self._take(*_read(path, self._unwrapped))
        self._stamp = stamp


@dataclass(frozen=True)
class _Key:
    suite: Suite
    aead: Aead


def _read(path: Path, unwrapped: dict[str, bytes]) -> tuple[dict[str, tuple[Suite, bytes]], str]:
    """The ring's keys, and which is current. A service is asked once for each: it may be away when others are added."""
    name = path.name.partition(".")[0]
    ring = keyrings.read(path.parent, name)
    opened = {}
    for key_id, entry in ring.keys.items():
        key = unwrapped.get(entry.wrapped or "") or entry.opened(keyrings.context(name, key_id))
        if entry.wrapped is not None:
            unwrapped[entry.wrapped] = key
        opened[key_id] = (entry.suite, key)
    return opened, ring.current


def header(suite: Suite, key_id: str) -> bytes:
    """What every value begins with that was sealed under this key of a ring."""
    name = key_id.encode()
    return suite.byte + bytes((len(name),)) + name


def sealed_under(blob: bytes) -> tuple[Suite, str]:
    """The suite and the id of the key that sealed a value of a ring; raises SealBroken when it is none."""
    suite, key_id, _, _ = _split(blob)
    return suite, key_id


def _split(blob: bytes) -> tuple[Suite, str, bytes, bytes]:
    if len(blob) < 2:
        raise SealBroken("not a sealed value")
    end = 2 + blob[1]
    if len(blob) < end + NONCE_BYTES + TAG_BYTES:
        raise SealBroken("a sealed value is cut short")
    try:
        suite, key_id = Suite.of(blob[0]), blob[2:end].decode()
    except ValueError as error:
        raise SealBroken("not a sealed value") from error
    return suite, key_id, blob[end : end + NONCE_BYTES], blob[end + NONCE_BYTES :]


def field_aad(case_id: object, field: str) -> bytes:
    """Binds a sealed text to its case (or complaint) and field, so that it can't be moved elsewhere."""
    return f"huiyin/{case_id}/{field}".encode()


def new_case_key(keyring: Keyring, case_id: object) -> bytes:
    """A fresh key for one case, of the ring's suite, wrapped and bound to the case: store this.

    Its first byte names its suite, as does that of every value sealed with it: a case keeps the suite it began with.
    """
    suite = keyring.suite
    return keyring.encrypt(suite.byte + os.urandom(suite.key_bytes), field_aad(case_id, "case-key"))


def unwrap(keyring: Keyring, wrapped: bytes, case_id: object) -> bytes:
    """The case key of `new_case_key`; raises SealBroken when it belongs to another case."""
    return keyring.decrypt(wrapped, field_aad(case_id, "case-key"))


def rewrap(keyring: Keyring, wrapped: bytes, case_id: object) -> bytes:
    """The same case key under the keyring's current key, after a rotation. The texts stay as they are."""
    return keyring.encrypt(unwrap(keyring, wrapped, case_id), field_aad(case_id, "case-key"))


class CaseCipher:
    """Seals the texts of one case under its key. Take the aad from `field_aad`.

    The first case keys were 32 bytes of AES without a name of their suite, and so are the values sealed with them.
    """

    def __init__(self, key: bytes) -> None:
        first_form = len(key) == Suite.AES.key_bytes
        suite = Suite.AES if first_form else Suite.of(key[0])
        self._mark = b"" if first_form else suite.byte
        self._key = suite.aead(key[len(self._mark) :])

    def seal(self, text: str, aad: bytes) -> bytes:
        """The text as UTF-8: suite, nonce, ciphertext with tag."""
        return self.seal_bytes(text.encode(), aad)

    def open(self, blob: bytes, aad: bytes) -> str:
        """The text; raises SealBroken for another case, another field, or a changed byte."""
        return self.open_bytes(blob, aad).decode()

    def seal_bytes(self, data: bytes, aad: bytes) -> bytes:
        """As `seal`, for files."""
        nonce = os.urandom(NONCE_BYTES)
        return self._mark + nonce + self._key.encrypt(nonce, data, aad)

    def open_bytes(self, blob: bytes, aad: bytes) -> bytes:
        """As `open`, for files."""
        begin = len(self._mark)
        nonce, ciphertext = blob[begin : begin + NONCE_BYTES], blob[begin + NONCE_BYTES :]
        if not blob.startswith(self._mark) or len(ciphertext) < TAG_BYTES:
            raise SealBroken("not a sealed value")
        try:
            return self._key.decrypt(nonce, ciphertext, aad)
        except (InvalidTag, ValueError) as error:
            raise SealBroken("the seal does not hold") from error


def load_keyring(keys_dir: Path, name: str) -> Keyring:
    """The keyring of a service, or of `temporal`; raises as `Keyring.load`."""
    return Keyring.load(keys_dir / keyrings.file_name(name))


@dataclass(frozen=True)
class HashKey:
    """A key of keyed hashes. Its suite is fixed when it is made: what was hashed and stored must be found again."""

    suite: Suite
    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, content: bytes) -> "HashKey":
        """From a file: the suite's byte and the secret, or, as the first ones were, a secret of AES alone.

        Raises ValueError.
        """
        if len(content) == SECRET_BYTES:
            return cls(Suite.AES, content)
        if len(content) != 1 + SECRET_BYTES:
            raise ValueError(f"a key of keyed hashes has {SECRET_BYTES} bytes and the byte of its suite")
        return cls(Suite.of(content[0]), content[1:])

    def mac(self, *parts: bytes) -> bytes:
        """32 bytes: HMAC over the parts, one after the other."""
        return self.suite.mac(self.secret, *parts)


def load_code_key(keys_dir: Path) -> HashKey:
    """The key of query codes and keyed hashes."""
    return HashKey.read((keys_dir / keyfiles.CODE_KEY).read_bytes())


def load_blind_key(keys_dir: Path) -> HashKey:
    """The key of the marks by which complaints of one reporter, or with similar texts, find each other."""
    return HashKey.read((keys_dir / keyfiles.BLIND_KEY).read_bytes())


def keyed_hash(key: HashKey, *parts: str | bytes) -> str:
    """HMAC (hex, of the key's suite) over the parts, each with its length: ("ab", "c") and ("a", "bc") differ."""
    data = [part.encode() if isinstance(part, str) else part for part in parts]
    return key.mac(*(piece for each in data for piece in (len(each).to_bytes(8, "big"), each))).hex()


ensure_keys = keyfiles.ensure_keys
