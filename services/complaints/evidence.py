"""The sealed home of evidence on the disk: whole files, parts of uploads, and what a form holds while it is read."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast
from uuid import UUID, uuid4

from services.complaints.frames import FrameSeal, FrameWriter, in_frames, read_frames, write_frames
from services.complaints.sealing import ComplaintCipher, Form

_DRAFT = ".tmp"


class PartBusy(Exception):
    """Another request writes to this part of an upload."""


class EvidenceStore:
    """Sealed files in a directory; what `settle` and `Part.sync` have returned from survives a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def nameless(self) -> BinaryIO:
        """A file without a name, gone with the process. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))

    async def draft(self, complaint_id: UUID, seal: FrameSeal, chunks: Iterable[bytes]) -> Path:
        """Seal a file onto the disk under a name that no row has, for `settle` or `discard`. Raises OSError."""
        return await asyncio.to_thread(self._draft, self._home(complaint_id), seal, chunks)

    async def draft_of(self, complaint_id: UUID, seal: FrameSeal, chunks: AsyncIterator[bytes]) -> Path:
        """As `draft`, from chunks that come one by one. Raises OSError, and what ``chunks`` raises."""
        draft, file = await asyncio.to_thread(_begin, self._home(complaint_id))
        try:
            writer = FrameWriter(file, seal)
            async for chunk in chunks:
                await asyncio.to_thread(writer.write, chunk)
            await asyncio.to_thread(_complete, writer, file)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        finally:
            file.close()
        return draft

    async def settle(self, draft: Path, name: str) -> None:
        """Give a draft its name; it replaces what has it already. Raises OSError."""
        await asyncio.to_thread(self._settle, draft, name)

    async def discard(self, draft: Path) -> None:
        """Remove a draft that was not settled; none is fine."""
        await asyncio.to_thread(draft.unlink, missing_ok=True)

    async def drop(self, complaint_id: UUID, name: str) -> None:
        """Remove a file that no row names; none is fine."""
        await asyncio.to_thread((self._home(complaint_id) / name).unlink, missing_ok=True)

    def chunks(
        self, complaint_id: UUID, name: str, cipher: ComplaintCipher, evidence_id: UUID, form: Form
    ) -> Iterator[bytes]:
        """A file in the clear, a frame at a time; one from before there were frames, whole.

        Raises OSError, and SealBroken.
        """
        with open(self._home(complaint_id) / name, "rb") as file:
            if in_frames(file):
                yield from read_frames(file, cipher.frames(evidence_id, form))
            else:
                yield cipher.open_file(file.read(), evidence_id)

    def part(self, complaint_id: UUID, name: str, *, new: bool) -> "Part":
        """A part of an upload, for its caller alone until closed. Raises OSError, and PartBusy."""
        return Part(self._home(complaint_id) / name, new=new)

    async def sweep(self, older_than: float) -> int:
        """Remove the drafts that killed processes left more than so many seconds ago; how many."""
        return await asyncio.to_thread(self._sweep, time.time() - older_than)

    async def forget(self, complaint_id: UUID) -> int:
        """Remove every file of a complaint; how many there were."""
        return await asyncio.to_thread(self._forget, self._home(complaint_id))

    def _home(self, complaint_id: UUID) -> Path:
        # The end of a time-ordered id is random: folders fill evenly.
        return self._folder / complaint_id.hex[-2:] / str(complaint_id)

    def _draft(self, home: Path, seal: FrameSeal, chunks: Iterable[bytes]) -> Path:
        draft, file = _begin(home)
        try:
            with file:
                write_frames(file, seal, chunks)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            raise
        return draft

    def _settle(self, draft: Path, name: str) -> None:
        draft.rename(draft.with_name(name))
        sync_folders(draft.parent)

    def _forget(self, home: Path) -> int:
        count = sum(1 for path in home.rglob("*") if path.is_file())
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(home)
            _sync(home.parent)
        return count

    def _sweep(self, before: float) -> int:
        swept = 0
        for draft in self._folder.glob(f"*/*/.*{_DRAFT}"):
            with contextlib.suppress(FileNotFoundError):
                if draft.stat().st_mtime < before:
                    draft.unlink()
                    swept += 1
        return swept


class Part:
    """The sealed frames of an upload that isn't whole yet. The lock ends with the process, however it ends."""

    def __init__(self, path: Path, *, new: bool) -> None:
        """Raises FileNotFoundError unless it is `new`, and PartBusy."""
        if new:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._new = new
        descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if new else 0), 0o600)
        self.file = cast(BinaryIO, os.fdopen(descriptor, "r+b"))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.file.close()
            raise PartBusy from error

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes, which are known to be on the disk, and stand at their end."""
        self.file.truncate(size)
        self.file.seek(size)

    def sync(self) -> int:
        """Have everything written on the disk, the file's name included; its size."""
        self.file.flush()
        os.fsync(self.file.fileno())
        if self._new:
            sync_folders(self.path.parent)
            self._new = False
        return self.file.tell()

    def close(self) -> None:
        """Let others have it."""
        self.file.close()


def copy_name(evidence_id: UUID) -> str:
    """The name of the file that holds a file's copy without metadata."""
    return f"{evidence_id}.copy"


async def streamed(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks, each made in a thread: they read from the disk and open seals. Who is cancelled meanwhile doesn't
    wait for the thread; the chunks are closed when it is through."""
    loop, making = asyncio.get_running_loop(), None
    try:
        while True:
            making = loop.run_in_executor(None, next, chunks, None)
            if (chunk := await asyncio.shield(making)) is None:
                return
            yield chunk
    finally:
        if making is None or making.done():
            _close(chunks)
        else:  # a generator that runs can't be closed
            making.add_done_callback(lambda made: _close(chunks, made))


def _close(chunks: Iterator[bytes], made: "asyncio.Future[bytes | None] | None" = None) -> None:
    if made is not None and not made.cancelled():
        made.exception()  # nobody waits for it any more
    if close := getattr(chunks, "close", None):
        close()


def sync_folders(home: Path) -> None:
    """Have the names in a complaint's folder, and its own, on the disk."""
    for folder in (home, home.parent, home.parent.parent):
        _sync(folder)


def _begin(home: Path) -> tuple[Path, BinaryIO]:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = home / f".{uuid4().hex}{_DRAFT}"
    return draft, open(draft, "xb", opener=_private)


def _complete(writer: FrameWriter, file: BinaryIO) -> None:
    writer.finish()
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
