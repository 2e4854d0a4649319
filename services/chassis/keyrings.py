"""What a keyring holds, where it comes from, and the acts that change it: add, rotate, destroy.

A ring is the file `<name>.keyring.json`, or the same JSON in the variable HUIYIN_KEYRING_<NAME>, which wins. A key in
it stands in base64, or wrapped by a key management service beside that service's description.
"""

import base64
import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from services.chassis import private_files
from services.chassis.kms import KeyService, VaultTransit, key_service
from services.chassis.suites import Suite

NAMES = ("complaints", "referrals", "temporal")

MADE = "made.txt"
"""Names the key files that were there once, and the variables that held rings."""

SETTLING = timedelta(seconds=15)
"""So long after a rotation something may still be stored that was sealed with the key before: processes look for new
keys each second, and a transaction waits five at most for its connection."""


class KeyringRefused(Exception):
    """An act on a keyring that can't be done; the text says why, and what to do instead."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KeyEntry(_Stored):
    """One key. ``retired``: when another became current; None for the current one and for one that never was."""

    suite: Suite = Suite.AES
    key: str | None = Field(default=None, repr=False)
    wrapped: str | None = Field(default=None, repr=False)
    kms: dict[str, str] | None = None
    added: datetime | None = None
    retired: datetime | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "KeyEntry":
        if (self.key is None) == (self.wrapped is None) or (self.wrapped is None) != (self.kms is None):
            raise ValueError("a key stands in a keyring either plain, or wrapped with the service that unwraps it")
        return self

    def opened(self, context: str) -> bytes:
        """The key itself. Raises ValueError, EngineAway when its service is needed and away."""
        if self.key is not None:
            key = base64.b64decode(self.key, validate=True)
        else:
            key = key_service(self.kms or {}).unwrap(self.wrapped or "", context)
        if len(key) != self.suite.key_bytes:
            raise ValueError(f"a keyring's {self.suite} keys have {self.suite.key_bytes} bytes")
        return key


class Destroyed(_Stored):
    """What remains of a key: its id is never given again."""

    at: datetime
    by: str
    reason: str


class Ring(_Stored):
    """A keyring as it is kept."""

    current: str
    keys: dict[str, KeyEntry]
    destroyed: dict[str, Destroyed] = {}

    @field_validator("keys", mode="before")
    @classmethod
    def _first_form(cls, keys: Any, _info: ValidationInfo) -> Any:
        # The first keyrings held the keys alone, all of AES.
        return {name: {"key": key} if isinstance(key, str) else key for name, key in dict(keys).items()}

    @model_validator(mode="after")
    def _has_its_current(self) -> "Ring":
        if self.current not in self.keys:
            raise ValueError("the keyring's current key is not in it")
        return self

    @property
    def newest(self) -> str:
        """The key that was added last."""
        return list(self.keys)[-1]


def file_name(name: str) -> str:
    """The file name of a keyring."""
    return f"{name}.keyring.json"


def variable(name: str) -> str:
    """The variable that may hold a keyring."""
    return f"HUIYIN_KEYRING_{name.upper()}"


def from_environment(name: str) -> str | None:
    """The ring's JSON in the environment, if it is there."""
    return os.environ.get(variable(name)) or None


def must_be_given(keys_dir: Path, name: str) -> None:
    """Raises FileNotFoundError when the ring came from the environment at an earlier start, and doesn't now: a new one,
    or an older one in a file, would not open what was sealed since."""
    noted = keys_dir / MADE
    if from_environment(name) is None and noted.exists() and variable(name) in noted.read_text().splitlines():
        raise FileNotFoundError(
            f"{variable(name)} held the keyring of {name} before, and is not set now: set it again. If the same ring "
            f"is in {file_name(name)} by now, remove the variable's line from {keys_dir / MADE}."
        )


def read(keys_dir: Path, name: str) -> Ring:
    """The ring, from the environment or its file. Raises OSError, or ValueError without anything of it."""
    must_be_given(keys_dir, name)
    given = from_environment(name)
    return Ring.model_validate_json(given if given is not None else (keys_dir / file_name(name)).read_bytes())


def context(name: str, key_id: str) -> str:
    """What a key of this ring is bound to when a service wraps it."""
    return f"huiyin/{name}/{key_id}"


def new_ring(suite: Suite) -> bytes:
    """A ring with one fresh key."""
    return _json(Ring(current="k1", keys={"k1": _fresh(suite, "", "", None)}))


def add(keys_dir: Path, name: str, suite: Suite | None = None, kms: VaultTransit | None = None) -> str:
    """Add a key that seals nothing yet, and return its id. ``suite``: None for that of the current key.

    Raises KeyringRefused, EngineAway when the service that shall wrap it is away.
    """
    with _changing(keys_dir, name) as path:
        ring = _settled(read(keys_dir, name))
        ring, key_id = _with_another(name, ring, suite, kms)
        private_files.write(path, _json(ring), replace=True)
    return key_id


def rotate(keys_dir: Path, name: str) -> str:
    """Make the newest key the current one, a fresh one when it is so already; return its id. Old ones open for ever.

    Raises KeyringRefused.
    """
    with _changing(keys_dir, name) as path:
        ring = _settled(read(keys_dir, name))
        key_id = ring.newest
        if key_id == ring.current:
            ring, key_id = _with_another(name, ring, None, None)
        before = ring.keys[ring.current].model_copy(update={"retired": datetime.now(UTC)})
        rotated = ring.model_copy(update={"current": key_id, "keys": ring.keys | {ring.current: before}})
        private_files.write(path, _json(rotated), replace=True)
    return key_id


def destroy(keys_dir: Path, name: str, key_id: str, by: str, reason: str) -> None:
    """Take a key out of the ring for good. The caller has made sure that nothing needs it.

    Raises KeyringRefused for the current key, and for one that is not there.
    """
    with _changing(keys_dir, name) as path:
        ring = _settled(read(keys_dir, name))
        check_destroyable(ring, key_id)
        kept = {known: entry for known, entry in ring.keys.items() if known != key_id}
        note = Destroyed(at=datetime.now(UTC), by=by, reason=reason)
        left = ring.model_copy(update={"keys": kept, "destroyed": ring.destroyed | {key_id: note}})
        private_files.write(path, _json(left), replace=True)


def check_destroyable(ring: Ring, key_id: str) -> None:
    """Raises KeyringRefused for the current key, and for one that is not there."""
    if key_id not in ring.keys:
        raise KeyringRefused(f"there is no key {key_id} in it: there are {', '.join(ring.keys)}")
    if key_id == ring.current:
        raise KeyringRefused(f"{key_id} is the current key: rotate first")


def settles_at(ring: Ring, key_id: str) -> datetime | None:
    """From when on nothing new can turn up that was sealed with this key; None when it never sealed."""
    entry = ring.keys[key_id]
    if entry.retired is None and entry.added is None:
        return datetime.now(UTC) + SETTLING  # retired before times were kept
    return entry.retired + SETTLING if entry.retired else None


def _with_another(name: str, ring: Ring, suite: Suite | None, kms: VaultTransit | None) -> tuple[Ring, str]:
    current = ring.keys[ring.current]
    numbers = [int(known[1:]) for known in (*ring.keys, *ring.destroyed) if known[1:].isdecimal()]
    key_id = f"k{1 + max(numbers, default=0)}"
    service: KeyService | None = kms or (key_service(current.kms) if current.kms else None)
    described = kms.as_json() if kms else current.kms
    entry = _fresh(suite or current.suite, name, key_id, (service, described) if service and described else None)
    return ring.model_copy(update={"keys": ring.keys | {key_id: entry}}), key_id


def _fresh(suite: Suite, name: str, key_id: str, kept_by: tuple[KeyService, dict[str, str]] | None) -> KeyEntry:
    key, now = os.urandom(suite.key_bytes), datetime.now(UTC)
    if kept_by is None:
        return KeyEntry(suite=suite, key=base64.b64encode(key).decode(), added=now)
    service, described = kept_by
    return KeyEntry(suite=suite, wrapped=service.wrap(key, context(name, key_id)), kms=described, added=now)


def _settled(ring: Ring) -> Ring:
    """Keys of before times were kept: retired now at the latest."""
    now = datetime.now(UTC)
    keys = {
        key_id: entry.model_copy(update={"retired": now})
        if key_id != ring.current and entry.added is None and entry.retired is None
        else entry
        for key_id, entry in ring.keys.items()
    }
    return ring.model_copy(update={"keys": keys})


def _json(ring: Ring) -> bytes:
    return ring.model_dump_json(indent=1, exclude_none=True).encode()


@contextlib.contextmanager
def _changing(keys_dir: Path, name: str) -> Iterator[Path]:
    path = keys_dir / file_name(name)
    if from_environment(name) is not None:
        raise KeyringRefused(f"this ring comes from {variable(name)}: change it where that is set, and start anew")
    if not path.exists():
        raise KeyringRefused("the keyring is not there yet: run `huiyin keys ensure` first")
    with private_files.locked(keys_dir):
        yield path
