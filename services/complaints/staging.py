"""Files of a form while it is read: in memory up to one frame, beyond that on the disk under a key that nobody keeps.

A form comes before it is known whose it is (a new complaint has no key yet), so its files are sealed twice. The file on
the disk has no name, and its key is in this process's memory only: a killed process leaves nothing that opens.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from services.chassis.crypto import CaseCipher
from services.complaints.domain import Refusal
from services.complaints.frames import FRAME_BYTES, FrameWriter, read_frames
from services.complaints.kinds import SAMPLE, media_type, too_large
from services.complaints.sealing import Frames


class Staged:
    """The content of one file: its size in bytes, its SHA-256, and its beginning."""

    def __init__(self, nameless: Callable[[], BinaryIO], limit: int) -> None:
        self._nameless = nameless
        self._limit = limit
        self._seal = Frames(CaseCipher(os.urandom(32)), b"staged")
        self._file: BinaryIO | None = None
        self._writer: FrameWriter | None = None
        self._held = bytearray()
        self._hash = hashlib.sha256()
        self.head = b""
        self.size = 0
        self.refusal: Refusal | None = None

    @property
    def sha256(self) -> str:
        """Of the plain content, in hex."""
        return self._hash.hexdigest()

    def writes(self, size: int) -> bool:
        """True when so many bytes more go to the disk."""
        return self._writer is not None or len(self._held) + size > FRAME_BYTES

    def write(self, data: bytes) -> None:
        """Take more of it. Raises Refusal (413) above the limit, and OSError.

        What is of no kind that we take is read past and not kept: `kind` says so once the form is read.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._limit)
        if len(self.head) < SAMPLE:
            self.head += data[: SAMPLE - len(self.head)]
            if len(self.head) == SAMPLE:
                try:
                    media_type(self.head)
                except Refusal as refusal:
                    self.refusal = refusal
        if self.refusal is not None:
            return
        self._hash.update(data)
        if not self.writes(len(data)):
            self._held += data
            return
        if self._writer is None:
            self._file = self._nameless()
            self._writer = FrameWriter(self._file, self._seal)
            self._writer.write(bytes(self._held))
            self._held.clear()
        self._writer.write(data)

    def finish(self) -> None:
        """It is whole."""
        if self._writer is not None:
            self._writer.finish()

    def kind(self) -> str:
        """Its media type; raises Refusal."""
        if self.refusal is not None:
            raise self.refusal
        return media_type(self.head)

    def chunks(self) -> Iterator[bytes]:
        """The content, from its beginning. Raises OSError."""
        if self._file is None:
            yield bytes(self._held)
            return
        self._file.seek(0)
        yield from read_frames(self._file, self._seal)

    def close(self) -> None:
        """Forget it."""
        if self._file is not None:
            self._file.close()
        self._held.clear()


class StagedFile(UploadFile):
    """A form's file as the parser knows it."""

    def __init__(self, staged: Staged, filename: str | None, headers: Headers) -> None:
        super().__init__(file=BytesIO(), size=0, filename=filename, headers=headers)
        self.staged = staged

    async def write(self, data: bytes) -> None:
        """Raises as `Staged.write`."""
        if self.staged.writes(len(data)):
            await asyncio.to_thread(self.staged.write, data)
        else:
            self.staged.write(data)

    async def seek(self, offset: int) -> None:
        """What the parser does when it has written the whole file."""
        await asyncio.to_thread(self.staged.finish)

    async def close(self) -> None:
        """Forget it."""
        self.staged.close()


def staging(nameless: Callable[[], BinaryIO], limit: int) -> type[MultiPartParser]:
    """A parser of multipart forms whose files are `StagedFile`s of at most `limit` bytes each."""

    class Staging(MultiPartParser):
        def on_headers_finished(self) -> None:
            super().on_headers_finished()
            made = self._current_part.file
            if made is not None:
                made.file.close()
                staged = Staged(nameless, limit)
                self._files_to_close_on_error.append(staged)  # type: ignore[arg-type]
                self._current_part.file = StagedFile(staged, made.filename, made.headers)

    return Staging
