"""Which stripper a kind of file goes to."""

from collections.abc import Callable

from services.complaints.stripping import office, papers, pictures, recordings
from services.complaints.stripping.shapes import CannotStrip, Stripped


def _text(kind: str, data: bytes) -> Stripped:
    return Stripped(data, kind, ".txt")


_STRIPPERS: dict[str, Callable[[str, bytes], Stripped]] = {
    **dict.fromkeys(pictures.FORMATS, pictures.strip),
    "application/pdf": papers.strip,
    **dict.fromkeys(office.KINDS, office.strip),
    **dict.fromkeys(recordings.MUXERS, recordings.strip),
    "text/plain": _text,
}
STRIPPED_KINDS = frozenset(_STRIPPERS)
"""Media types that ``strip`` takes; ``application/zip`` and ``application/x-ole-storage`` for office documents."""


def strip(kind: str, data: bytes) -> Stripped:
    """The file without its metadata. ``kind`` is its media type by content.

    Raises CannotStrip. Libraries parse what strangers sent: call ``apart.strip_apart`` from a service.
    """
    stripper = _STRIPPERS.get(kind)
    if stripper is None:
        raise CannotStrip("unknown kind")
    return stripper(kind, data)
