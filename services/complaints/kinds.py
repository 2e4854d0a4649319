"""What evidence may be: kinds by what a file begins with, never by what it is called; and names that do no harm."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from services.complaints.domain import Refusal

SAMPLE = 4096
"""Bytes from a file's beginning that decide; fewer when it is shorter."""
NAME_MAX: Final = 120

ZIP = "application/zip"
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
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
    (0, b"PK\x03\x04", ZIP),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)
# The parts that an office document (ECMA-376, OpenDocument) begins with, whoever wrote it.
_OFFICE = re.compile(rb"(\[Content_Types\]\.xml|_rels/|docProps/|customXml/|word/|xl/|ppt/|mimetype)")
_ENTRY_NAME = 30
_DOCUMENTS: tuple[tuple[bytes, str], ...] = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (b"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
    (b"application/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.presentation"),
)
EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "application/pdf": ".pdf",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/amr": ".amr",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "text/plain": ".txt",
    ZIP: ".zip",
    "application/x-ole-storage": ".ole",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
}
_OFTEN = {".jpg": {".jpeg", ".jpe"}, ".mp4": {".mov", ".3gp", ".m4v"}, ".txt": {".csv", ".log", ".md"}}
_OFTEN[".ole"] = {".doc", ".xls", ".ppt", ".msg", ".wps", ".et"}
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")


def media_type(head: bytes) -> str:
    """The kind of a file by its first ``SAMPLE`` bytes (all of them when it is shorter).

    Plain text is UTF-8 without control characters. Raises Refusal for an empty file and for any kind not on the list.
    An office document whose first bytes don't say which program's it is, is ``application/zip``.
    """
    if not head:
        raise Refusal(422, "EMPTY_FILE", "文件是空的:请重新选择文件。", "The file is empty: choose another.", "file")
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return _document(head) if kind == ZIP else kind
    if _is_text(head[:SAMPLE], whole=len(head) < SAMPLE):
        return "text/plain"
    raise Refusal(
        415,
        "FILE_TYPE_NOT_TAKEN",
        "不支持这种文件:请上传图片、PDF、Office 文档、音频、视频或纯文本。",
        "This kind of file is not taken: send a picture, PDF, office document, audio, video or plain text.",
        "file",
    )


def _document(head: bytes) -> str:
    if not _OFFICE.match(head, _ENTRY_NAME):
        raise Refusal(
            415,
            "ARCHIVE_NOT_TAKEN",
            "不收压缩包(没有人能查看其中的内容):请解压后逐个上传其中的文件。",
            "Archives are not taken, because nobody can look into them: unpack it and send the files one by one.",
            "file",
        )
    return next((kind for mark, kind in _DOCUMENTS if mark in head), ZIP)


def _is_text(start: bytes, *, whole: bool) -> bool:
    if any(byte < 32 and byte not in (9, 10, 12, 13) for byte in start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return not whole and error.start > len(start) - 4  # a character cut in two at the end of the sample
    return True


def too_large(limit: int) -> Refusal:
    """What is said of a file above the limit (bytes)."""
    size = f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit // 1024} KB"
    return Refusal(
        413,
        "FILE_TOO_LARGE",
        f"文件超过 {size}:请压缩或分成几个文件上传。",
        f"The file is larger than {size}: compress it, or send it in parts.",
        "file",
    )


def plain_name(given: str | None) -> str:
    """The name of an upload without folders, control characters and such as turn the direction of writing."""
    name = unicodedata.normalize("NFC", given or "").replace("\\", "/").rpartition("/")[2]
    kept = "".join(char for char in name if char.isprintable() and unicodedata.category(char) not in ("Cf", "Cs"))
    kept = "".join("_" if char in '<>:"|?*' else char for char in kept)
    stem, dot, end = kept.strip(" .").rpartition(".")
    if dot and len(end) <= 8:
        return f"{stem[: NAME_MAX - 1 - len(end)]}.{end}".strip(" ") if stem else end
    return kept.strip(" .")[:NAME_MAX] or "file"


def saved_name(name: str, extension: str) -> str:
    """The name that a file is saved under: its own with the extension (``.jpg``) of what it holds, and no other."""
    plain = plain_name(name)
    own = _EXTENSION.search(plain)
    stem = plain
    if own is not None and own.start() > 0:
        if own.group().lower() in {extension, *_OFTEN.get(extension, ())}:
            return plain
        stem = plain[: own.start()]
    return stem[: NAME_MAX - len(extension)].rstrip(" .") + extension
