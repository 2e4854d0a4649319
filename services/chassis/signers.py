"""Who signs in this system (Ed25519): each signer's private key in a folder of its own, the public keys for all.

`<keys_dir>/<name>.verify` is the public key, `<name>.signing` the private one in the signer's folder: that one of
`signers_dir` which bears its name, or `signing_dir` in a process that is told of its own alone. `<name>.1.verify` and
so on are the public keys before, the oldest first, each with the time at which it was replaced: tokens of theirs are
refused, letters, words and anchors of their time hold.
"""

import errno
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from services.chassis import pairs, private_files
from services.chassis.settings import Settings

SIGNERS = ("complaints", "vault", "referrals", "notifications", "cli")

_START_OVER = (
    "When it is gone for good: `huiyin keys renew <signer> --lost`, and what was signed before can still be checked."
)
_REPLACED = "Replaced: "
"""Before the PEM of a key that was replaced: RFC 7468 lets text stand there."""
_SKEW_SECONDS = 60.0
"""What two clocks may differ by."""
_Key = TypeVar("_Key", Ed25519PrivateKey, Ed25519PublicKey)
_Known = dict[Path, tuple[tuple[int, int, int] | None, _Key]]
_private: "_Known[Ed25519PrivateKey]" = {}
_public: "_Known[Ed25519PublicKey]" = {}


@dataclass(frozen=True)
class Term:
    """A public key, and the time in which its signer signs with it: from ``since`` (None: the first, or nobody knows)
    until it was replaced. One that was replaced at a time that nobody knows vouches for nothing."""

    key: Ed25519PublicKey
    since: datetime | None = None
    until: datetime | None = None
    replaced: bool = False

    def covers(self, at: float, slack: float = _SKEW_SECONDS) -> bool:
        """Whether what is dated so (seconds since 1970) may be of this key, give or take ``slack`` seconds."""
        begun = self.since is None or at >= self.since.timestamp() - slack
        if not self.replaced:
            return begun
        return begun and self.until is not None and at <= self.until.timestamp() + slack


def ensure(settings: Settings) -> list[str]:
    """Make the pairs that are missing; the names of the files that were made.

    Private keys that lie among the public ones, as they all did once, move to their folders. Raises FileNotFoundError
    when a private key is gone, ValueError when there are two, MissingSetting without `signers_dir`.
    """
    created: list[str] = []
    for name in SIGNERS:
        folder = settings.signer_folder(name)
        private_files.own_folder(folder)
        private = folder / _file(name)
        pairs.settle(settings.keys_dir / _file(name), private)
        created += pairs.ensure(private, public_file(settings.keys_dir, name), Ed25519PrivateKey, _START_OVER)
    return created


def signing_key(settings: Settings, name: str) -> Ed25519PrivateKey:
    """The private key of a signer, as the file is now. Raises MissingSetting in a process that has none, OSError, and
    ValueError when it is of another kind."""
    return _read(_private, settings.signing_keys(name) / _file(name), _load_private)


def verify_key(keys_dir: Path, name: str) -> Ed25519PublicKey:
    """The public key of a signer, as the file is now. Raises OSError, and ValueError when it is of another kind."""
    return _read(_public, public_file(keys_dir, name), _load_public)


def terms(keys_dir: Path, name: str) -> list[Term]:
    """Every public key that a signer ever had with its time, the oldest first. Raises OSError, and ValueError for
    another kind."""
    current, since = _load_public(public_file(keys_dir, name)), None
    found: list[Term] = []
    for path in _earlier(keys_dir, name).values():
        term = term_of(path.read_bytes(), path.name)
        if fingerprint(term.key) != fingerprint(current):  # else a renewal was killed half-way: it still signs
            found.append(Term(term.key, since, term.until, replaced=True))
            since = term.until
    return [*found, Term(current, since)]


def term_of(pem: bytes, named: str = "the key") -> Term:
    """A public key as a file says it, with the time at which it was replaced if the file says one. Raises ValueError
    when it is of another kind."""
    told = re.search(rf"^{_REPLACED}(\S+)$", pem.decode("ascii", "replace"), re.MULTILINE)
    until = datetime.fromisoformat(told[1]) if told else None
    return Term(_public_of(pem, named), until=until, replaced=until is not None)


def verify_keys(keys_dir: Path, name: str) -> list[Ed25519PublicKey]:
    """Every public key that a signer ever had, the oldest first. Raises OSError, and ValueError for another kind."""
    return [term.key for term in terms(keys_dir, name)]


def renew(settings: Settings, name: str, *, lost: bool = False) -> str:
    """Give a signer a new pair, keeping the public key before and the time; the new one's fingerprint. After a kill,
    again goes on.

    The private key before is overwritten; with ``lost`` it may be gone. Raises FileNotFoundError where it is gone
    otherwise: in a folder that is not the signer's a new one would sign nothing, and the public one be of no use.
    Raises OSError, ValueError for a key of another kind, and MissingSetting in a process that signs nothing.
    """
    folder, public = settings.signing_keys(name), public_file(settings.keys_dir, name)
    private = folder / _file(name)
    if not lost and not private.exists():
        raise FileNotFoundError(errno.ENOENT, "the private key is not there", str(private))
    private_files.own_folder(folder)
    with private_files.locked(settings.keys_dir):
        before = public.read_bytes()
        earlier = _earlier(settings.keys_dir, name)
        begun = bool(earlier) and earlier[max(earlier)].read_bytes().endswith(before)
        signs = not private.exists() or pairs.public_pem(private.read_bytes()) == before
        if signs or not begun:
            number = max(earlier, default=0) + (not begun)
            ended = f"{_REPLACED}{datetime.now(UTC).isoformat(timespec='seconds')}\n".encode()
            private_files.write(settings.keys_dir / f"{name}.{number}.verify", ended + before, replace=True)
        if signs:
            private_files.write(private, pairs.private_pem(Ed25519PrivateKey.generate()), replace=True)
        private_files.write(public, pairs.public_pem(private.read_bytes()), replace=True)
    return fingerprint(_load_public(public))


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of a public key (SubjectPublicKeyInfo), in hexadecimal."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_file(keys_dir: Path, name: str) -> Path:
    """Where the key is that verifies what a signer signs."""
    return keys_dir / f"{name}.verify"


def _file(name: str) -> str:
    return f"{name}.signing"


def _earlier(keys_dir: Path, name: str) -> dict[int, Path]:
    """By number, the oldest first."""
    numbers = (path.name.split(".")[-2] for path in keys_dir.glob(f"{name}.[1-9]*.verify"))
    return {number: keys_dir / f"{name}.{number}.verify" for number in sorted(int(n) for n in numbers if n.isdecimal())}


def _read(known: "_Known[_Key]", path: Path, load: "Callable[[Path], _Key]") -> _Key:
    """Read again when the file is another; one that is gone stays what it was while the process runs."""
    stamp = private_files.stamp(path)
    kept = known.get(path)
    if kept is None or (stamp is not None and stamp != kept[0]):
        known[path] = kept = (stamp, load(path))
    return kept[1]


def _load_private(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path.name} is not an Ed25519 key")
    return key


def _load_public(path: Path) -> Ed25519PublicKey:
    return _public_of(path.read_bytes(), path.name)


def _public_of(pem: bytes, named: str) -> Ed25519PublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{named} is not an Ed25519 key")
    return key
