"""Evidence files: what kinds are taken, and their sealed home on the disk."""

import asyncio
import contextlib
import os
from pathlib import Path
from uuid import UUID, uuid4

from services.complaints.domain import Refusal

MAX_BYTES = 20 * 1024 * 1024

# What a file starts with decides, not what the sender calls it.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)
_TEXT_START = 4096


def media_type(data: bytes) -> str:
    """The kind of a file by its first bytes; plain text is UTF-8 without control characters.

    Raises Refusal for an empty file, one that is too large, and any other kind.
    """
    if not data:
        raise Refusal(422, "EMPTY_FILE", "文件是空的:请重新选择文件。", "The file is empty: choose another.", "file")
    if len(data) > MAX_BYTES:
        raise Refusal(
            413,
            "FILE_TOO_LARGE",
            "文件超过 20 MB:请压缩或分成几个文件上传。",
            "The file is larger than 20 MB: compress it, or send it in parts.",
            "file",
        )
    for offset, signature, kind in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return kind
    if _is_text(data[:_TEXT_START]):
        return "text/plain"
    raise Refusal(
        415,
        "FILE_TYPE_NOT_TAKEN",
        "不支持这种文件:请上传图片、PDF、Office 文档、音频、视频或纯文本。",
        "This kind of file is not taken: send a picture, PDF, office document, audio, video or plain text.",
        "file",
    )


def _is_text(start: bytes) -> bool:
    if any(byte < 32 and byte not in (9, 10, 12, 13) for byte in start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4  # a character cut in two at the end of the sample
    return True


class EvidenceStore:
    """Sealed files in a directory; what `put` has returned from survives a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, complaint_id: UUID, name: str, sealed: bytes) -> None:
        """Write a sealed file whole or not at all; the same name again replaces it. Raises OSError."""
        await asyncio.to_thread(self._put, self._path(complaint_id, name), sealed)

    async def get(self, complaint_id: UUID, name: str) -> bytes:
        """The sealed file; raises OSError."""
        return await asyncio.to_thread(self._path(complaint_id, name).read_bytes)

    async def drop(self, complaint_id: UUID, name: str) -> None:
        """Remove a file that no row names; none is fine."""
        await asyncio.to_thread(self._path(complaint_id, name).unlink, missing_ok=True)

    def _path(self, complaint_id: UUID, name: str) -> Path:
        # The end of a time-ordered id is random: folders fill evenly.
        return self._folder / complaint_id.hex[-2:] / str(complaint_id) / name

    def _put(self, path: Path, sealed: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        making = path.with_name(f".{uuid4().hex}.tmp")
        try:
            with open(making, "xb", opener=_private) as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            making.rename(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                making.unlink()
            raise
        for folder in (path.parent, path.parent.parent, self._folder):
            _sync(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
