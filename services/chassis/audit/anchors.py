"""Anchors: what was sealed, outside the database, as signed lines that each hold the hash of the line before.

A line is ``{"seal": {...}, "signature": "..."}``: Ed25519 over the canonical JSON of the seal. A seal of the kind
``seal`` holds the heads of the chains that grew since the last one; one of the kind ``restored``, made by an operator,
says through which batch the database's record reaches since it was restored from a backup. Each names the keys that are
in force; one of the kind ``key``, signed with the new one, says that they are others from here on.
"""

import base64
import binascii
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.chassis import private_files
from services.chassis.audit.anchor_keys import BadAnchor, InForce, Keys
from services.chassis.audit.digest import GENESIS

SEAL = "seal"
RESTORED = "restored"
KEY = "key"

_CONTEXT = b"huiyin-audit-anchor/1\n"
"""Before what is signed: a signature of the same key under something else is none of an anchor."""
_BLOCK = 65_536


class AnchorConflict(Exception):
    """Another process has added a line since this one looked."""


@dataclass(frozen=True)
class Head:
    """The last row of a chain."""

    chain: str
    sequence: int
    hash: str


@dataclass(frozen=True)
class Seal:
    """One line; ``previous`` is the hash of the one before, ``through`` is for the kind ``restored`` alone."""

    service: str
    kind: str
    batch: int
    at: datetime
    previous: str
    keys: InForce
    heads: tuple[Head, ...] = ()
    through: int | None = None
    reason: str | None = None

    def line(self, key: Ed25519PrivateKey) -> bytes:
        """The signed line, without its end."""
        told: dict[str, Any] = {
            "service": self.service,
            "kind": self.kind,
            "batch": self.batch,
            "at": self.at.isoformat(),
            "previous": self.previous,
            "keys": self.keys.as_json(),
            "heads": [[head.chain, head.sequence, head.hash] for head in self.heads],
        }
        if self.kind == RESTORED:
            told |= {"through": self.through, "reason": self.reason}
        signature = base64.urlsafe_b64encode(key.sign(_CONTEXT + _canonical(told))).decode()
        return _canonical({"seal": told, "signature": signature})


def read_line(line: bytes, keys: Keys) -> Seal:
    """The seal in a line. Raises BadAnchor."""
    try:
        content = json.loads(line)
        told = content["seal"]
        seal = Seal(
            service=str(told["service"]),
            kind=str(told["kind"]),
            batch=int(told["batch"]),
            at=datetime.fromisoformat(told["at"]),
            previous=str(told["previous"]),
            keys=InForce(str(told["keys"]["seal"]), str(told["keys"]["declared"])) if "keys" in told else keys.first,
            heads=tuple(Head(str(chain), int(sequence), str(digest)) for chain, sequence, digest in told["heads"]),
            through=told.get("through"),
            reason=told.get("reason"),
        )
        signature = base64.urlsafe_b64decode(content["signature"])
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BadAnchor("it is no anchor") from error
    if _canonical(content) != line or seal.kind not in (SEAL, RESTORED, KEY):
        raise BadAnchor("it is not written as anchors are")
    try:
        own, operators = keys.sealing(seal.keys.seal), keys.declaring(seal.keys.declared)
        (operators if seal.kind == RESTORED else own).verify(signature, _CONTEXT + _canonical(told))
    except InvalidSignature as error:
        raise BadAnchor("its signature does not hold") from error
    if seal.service != keys.service:
        raise BadAnchor(f"it is of {seal.service}")
    return seal


class AnchorStore(Protocol):
    """Where anchors are kept: a file here, an object store that nobody can overwrite elsewhere."""

    def lines(self) -> Iterator[bytes]:
        """Every line from the first, with its end; one without was cut short."""
        ...

    def last(self) -> bytes | None:
        """The last whole line."""
        ...

    def append(self, line: bytes, after: str) -> None:
        """Add a line behind the one with the hash ``after``; when it returns the line is on the disk.

        Raises AnchorConflict when another is the last, and OSError.
        """
        ...


class AnchorFile:
    """Anchors as lines of a file. What a crash left of a line is taken away by the next one: it never counted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> Iterator[bytes]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            yield from file

    def last(self) -> bytes | None:
        if not self._path.exists():
            return None
        with self._path.open("rb") as file:
            return _tail(file.fileno())[1]

    def append(self, line: bytes, after: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            end, last = _tail(file)
            if line_hash(last) != after:
                raise AnchorConflict
            os.ftruncate(file, end)
            written = memoryview(line + b"\n")
            while written:
                written = written[os.write(file, written) :]
            os.fsync(file)
        finally:
            os.close(file)
        if after == GENESIS:
            private_files.sync_folder(self._path.parent)


def anchor_file(folder: Path, service: str) -> AnchorFile:
    """The file of a service's anchors."""
    return AnchorFile(folder / f"{service}.anchors.jsonl")


def line_hash(line: bytes | None) -> str:
    """SHA-256 (hex) of a line; GENESIS before the first."""
    return GENESIS if line is None else hashlib.sha256(line).hexdigest()


def newest(heads: Sequence[Head]) -> tuple[Head, ...]:
    """Of each chain the last of these, in the order of the chains."""
    last: dict[str, Head] = {}
    for head in heads:
        if head.chain not in last or last[head.chain].sequence < head.sequence:
            last[head.chain] = head
    return tuple(last[chain] for chain in sorted(last))


def _tail(file: int) -> tuple[int, bytes | None]:
    """Where the last whole line ends, and that line."""
    at, kept = os.fstat(file).st_size, b""
    while at > 0:
        block = min(_BLOCK, at)
        at -= block
        kept = os.pread(file, block, at) + kept
        end = kept.rfind(b"\n")
        begin = kept.rfind(b"\n", 0, end) if end >= 0 else -1
        if begin >= 0 or (at == 0 and end >= 0):
            return at + end + 1, kept[begin + 1 : end]
    return 0, None


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
