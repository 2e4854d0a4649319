"""A sealed file in frames: written and read as a stream, in constant memory.

After eight bytes that name the form come the frames, each its length (four bytes, big endian) and its sealed bytes. A
frame is bound to its file, its place, and whether it is the last: one that is changed, cut off, moved, or taken from
another file does not open.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from services.chassis.crypto import SealBroken

MAGIC = b"HYFRAME1"
FRAME_BYTES = 1024 * 1024
_LENGTH = 4
_OVERHEAD = 256
"""More than any suite adds to what it seals."""


class FrameSeal(Protocol):
    """Seals and opens the frames of one file."""

    def seal(self, data: bytes, index: int, *, last: bool) -> bytes:
        """The sealed frame."""

    def open(self, blob: bytes, index: int, *, last: bool) -> bytes:
        """The plain frame; raises SealBroken."""


class FrameWriter:
    """Seals what is written to it into a file. At most one frame of plain bytes is held."""

    def __init__(self, file: BinaryIO, seal: FrameSeal, index: int = 0) -> None:
        """`index`: how many frames `file` holds already; it stands at their end."""
        self._file = file
        self._seal = seal
        self._held = bytearray()
        self.index = index

    def fits(self, size: int) -> bool:
        """True when so many bytes more are only held."""
        return len(self._held) + size <= FRAME_BYTES

    def write(self, data: bytes) -> None:
        """Take plain bytes. The last frame's worth is held back: only the next byte shows that it was not the last."""
        pieces = memoryview(data)
        while len(self._held) + len(pieces) > FRAME_BYTES:
            room = FRAME_BYTES - len(self._held)
            self._held += pieces[:room]
            pieces = pieces[room:]
            self.flush()
        self._held += pieces

    def flush(self) -> None:
        """Seal what is held, as a frame that others follow."""
        if self._held:
            self._put(bytes(self._held), last=False)
            self._held.clear()

    def finish(self) -> None:
        """Seal what is held as the last frame."""
        self._put(bytes(self._held), last=True)
        self._held.clear()

    def _put(self, data: bytes, *, last: bool) -> None:
        if self.index == 0:
            self._file.write(MAGIC)
        sealed = self._seal.seal(data, self.index, last=last)
        self._file.write(len(sealed).to_bytes(_LENGTH, "big") + sealed)
        self.index += 1


def write_frames(file: BinaryIO, seal: FrameSeal, chunks: Iterable[bytes]) -> None:
    """Seal a whole stream into an empty file."""
    writer = FrameWriter(file, seal)
    for chunk in chunks:
        writer.write(chunk)
    writer.finish()


def in_frames(file: BinaryIO) -> bool:
    """True for a file in frames; its position is at its beginning before and after."""
    magic = file.read(len(MAGIC))
    file.seek(0)
    return magic == MAGIC


def read_frames(file: BinaryIO, seal: FrameSeal) -> Iterator[bytes]:
    """The plain frames of a whole file, one after the other.

    Raises SealBroken at the first that does not open, or where the last one is missing.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise SealBroken("not a file in frames")
    index, head = 0, file.read(_LENGTH)
    while True:
        size = int.from_bytes(head, "big")
        if len(head) != _LENGTH or size > FRAME_BYTES + _OVERHEAD:
            raise SealBroken("a frame is cut short")
        blob = file.read(size)
        if len(blob) != size:
            raise SealBroken("a frame is cut short")
        head = file.read(_LENGTH)
        yield seal.open(blob, index, last=not head)
        if not head:
            return
        index += 1
