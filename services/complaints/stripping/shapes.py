"""What a stripper gives, and how it says that it can't."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stripped:
    """The copy: its content, the kind it has now, and the file name's extension for it, with the dot."""

    data: bytes = field(repr=False)
    kind: str
    extension: str


class CannotStrip(Exception):
    """A file that is broken, a bomb, locked, or of no kind that we can look into. ``reason`` is a class of cause:
    ``broken``, ``too large``, ``locked``, ``macros``, ``unknown kind``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
