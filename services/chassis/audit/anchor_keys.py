"""The keys that anchors are signed with, in the order in which they followed one another."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis.signers import fingerprint, verify_keys

DECLARANT = "cli"
"""Whose key signs what an operator declares."""


class BadAnchor(Exception):
    """A line that is no anchor, or not of this service's key; the text says why."""


@dataclass(frozen=True)
class InForce:
    """Whose keys sign: that of the service what it seals, that of the operators what they declare; fingerprints."""

    seal: str
    declared: str

    def as_json(self) -> dict[str, str]:
        """As it stands in a line."""
        return asdict(self)


class Keys:
    """The public keys that anchors of a service are verified with: today's and all before. Raises OSError when one is
    not there, ValueError when it is of another kind."""

    def __init__(self, keys_dir: Path, service: str) -> None:
        self.service = service
        self._seal = _by_fingerprint(keys_dir, service)
        self._declared = _by_fingerprint(keys_dir, DECLARANT)

    @property
    def now(self) -> InForce:
        """Those that are in use."""
        return InForce(list(self._seal)[-1], list(self._declared)[-1])

    @property
    def first(self) -> InForce:
        """Those of the lines that name none: they are older than every change of a key."""
        return InForce(next(iter(self._seal)), next(iter(self._declared)))

    def sealing(self, key: str) -> Ed25519PublicKey:
        """A key of the service. Raises BadAnchor when it is none of its own."""
        return _of(self._seal, key)

    def declaring(self, key: str) -> Ed25519PublicKey:
        """A key of the operators. Raises BadAnchor when it is none of theirs."""
        return _of(self._declared, key)

    def follows(self, before: InForce, after: InForce) -> bool:
        """Did the keys change forward? One that was replaced never comes back."""
        steps = [
            list(known).index(new) - list(known).index(old)
            for known, old, new in (
                (self._seal, before.seal, after.seal),
                (self._declared, before.declared, after.declared),
            )
        ]
        return min(steps) >= 0 and max(steps) > 0


def _by_fingerprint(keys_dir: Path, name: str) -> dict[str, Ed25519PublicKey]:
    return {fingerprint(key): key for key in verify_keys(keys_dir, name)}


def _of(known: Mapping[str, Ed25519PublicKey], key: str) -> Ed25519PublicKey:
    if key not in known:
        raise BadAnchor("it names a key that is not known")
    return known[key]
