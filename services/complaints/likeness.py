"""What makes two complaints look alike, kept without what they say: keyed marks of the reporter and of the text. Pure.

A mark of an address or number is its keyed hash (a blind index). A text leaves a sketch: one-permutation MinHash (Li,
Owen and Zhang 2012) over keyed hashes of its three-character shingles, with the empty bins filled from their neighbours
(Shrivastava and Li 2014). Without the key nobody can try words against either. Runs of the sketch's bins are marks too:
texts that share one are compared in full.
"""

import hashlib
import struct
import unicodedata
from array import array
from dataclasses import dataclass
from itertools import islice

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from services.chassis.crypto import HashKey
from services.chassis.suites import Suite
from services.complaints import whose
from services.complaints.schemas import Reporter

SIMILAR = 0.5
"""The share of equal bins (an estimate of the shingles in common) from which two texts count as similar."""

_BINS, _BAND = 24, 3
_SHORTEST = 20
"""Below so many characters a text says too little to be told from others."""
_LONGEST = 2_000
"""So much of a text is sketched: what intake may cost has a limit."""
_VALUES = struct.Struct(f">{_BINS}I")
_HASH = struct.Struct(">II8x")
_EMPTY = 1 << 32
_STRIDE = 0x9E3779B1


@dataclass(frozen=True)
class Marks:
    """Of one complaint. ``reporter``: one mark for each way to tell who it is; ``sketch`` is None for a short text."""

    reporter: tuple[bytes, ...]
    sketch: bytes | None

    @property
    def all(self) -> tuple[bytes, ...]:
        """What another complaint may share."""
        return (*self.reporter, *(bands(self.sketch) if self.sketch else ()))


class Likeness:
    """Makes marks under a key of its own: whoever holds the other keys can't make them."""

    def __init__(self, key: HashKey) -> None:
        self._key = key
        # Each shingle is one block, and the cipher is used as a keyed permutation: equal ones shall give equal values.
        permutation: algorithms.AES | algorithms.SM4
        if key.suite is Suite.SM:
            permutation = algorithms.SM4(key.mac(b"text")[:16])
        else:
            permutation = algorithms.AES(hashlib.blake2b(key=key.secret, digest_size=32, person=b"text").digest())
        self._text = Cipher(permutation, modes.ECB())  # noqa: S305  # nosec B305
        self._reporter = hashlib.blake2b(key=key.secret, digest_size=16, person=b"reporter")

    def of(self, narrative: str, reporter: Reporter | None) -> Marks:
        """The marks of a submission."""
        return Marks(self.of_reporter(reporter), self._sketch(narrative))

    def of_reporter(self, reporter: Reporter | None) -> tuple[bytes, ...]:
        """One mark for each way to tell who it is."""
        if reporter is None:
            return ()
        known = {**whose.single(reporter.phone, reporter.email), **whose.papers(reporter.id_number)}
        if reporter.openid:
            known["openid"] = reporter.openid
        ways = tuple(self._mark(kind, value) for kind, value in known.items())
        return (*ways, *self.of_person(reporter.name, phone=reporter.phone, id_number=reporter.id_number))

    def of_person(self, name: str | None, *, phone: str | None, id_number: str | None) -> tuple[bytes, ...]:
        """Marks of a name together with a number: who knows both of a complaint finds it, who knows one does not."""
        known = whose.with_name(name, phone, id_number)
        return tuple(self._mark(kind, value) for kind, value in known.items())

    def of_name(self, name: str) -> bytes:
        """A mark of a name alone, to count by: no complaint has it."""
        return self._mark("name", whose.folded(name))

    def _mark(self, kind: str, value: str) -> bytes:
        said = f"{kind}\x1f{value}".encode()
        if self._key.suite is Suite.SM:
            return self._key.mac(b"reporter", said)[:16]
        mac = self._reporter.copy()
        mac.update(said)
        return mac.digest()

    def _sketch(self, narrative: str) -> bytes | None:
        folded = unicodedata.normalize("NFKC", narrative[:_LONGEST]).casefold()
        text = "".join(islice((char for char in folded if char.isalnum()), _LONGEST))
        if len(text) < _SHORTEST:
            return None
        letters = array("I", text.encode("utf-32-be"))
        blocks = array("I", bytes(16 * (len(letters) - 2)))  # three characters each, and four bytes of zeros
        blocks[0::4], blocks[1::4], blocks[2::4] = letters[:-2], letters[1:-1], letters[2:]
        least = [_EMPTY] * _BINS
        for draw, value in _HASH.iter_unpack(self._text.encryptor().update(blocks.tobytes())):
            place = draw % _BINS
            if value < least[place]:
                least[place] = value
        return _VALUES.pack(*_filled(least))


def bands(sketch: bytes) -> tuple[bytes, ...]:
    """Marks of a sketch: each run of bins with its place."""
    width = 4 * _BAND
    return tuple(
        hashlib.blake2b(bytes((place,)) + sketch[place : place + width], digest_size=8).digest()
        for place in range(0, len(sketch), width)
    )


def similarity(one: bytes, other: bytes) -> float:
    """The share of equal bins of two sketches, 0 to 1."""
    pairs = zip(_VALUES.unpack(one), _VALUES.unpack(other), strict=True)
    return float(sum(left == right for left, right in pairs)) / _BINS


def _filled(least: list[int]) -> list[int]:
    filled: list[int] = []
    for place in range(_BINS):
        steps = next(step for step in range(_BINS) if least[(place + step) % _BINS] != _EMPTY)
        filled.append((least[(place + steps) % _BINS] + steps * _STRIDE) & 0xFFFFFFFF)
    return filled
