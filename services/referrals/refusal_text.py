"""What a refusal says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """The status to answer with, and the words: what to do about it, in Chinese and English."""

    status: int
    zh: str
    en: str
