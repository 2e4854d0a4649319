"""From a place as people write it to its division: 西湖区, 杭州西湖, 浙江省杭州市西湖区 or 330106."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from contracts.reference.divisions import divisions

MANY = 30
"""More divisions than these can't be chosen from on a phone: the place needs a further word."""


@dataclass(frozen=True)
class Place:
    """A division: its six digits, its own name, and its name with what lies above it."""

    code: str
    name: str
    full: str


def find(text: str) -> list[Place]:
    """The divisions that a text may mean, at most MANY + 1: those of the narrowest reading that fits any."""
    typed = "".join(unicodedata.normalize("NFKC", text).split())
    if not typed:
        return []
    places = _places()
    for fits in _readings(typed):
        found = [place for place in places if fits(place)]
        if found:
            return found[: MANY + 1]
    return []


def _readings(typed: str) -> Iterator[Callable[[Place], bool]]:
    yield lambda place: typed in (place.code, place.full)
    yield lambda place: typed in (place.name, place.name[:-1])
    yield lambda place: place.full.endswith(typed) or place.full[:-1].endswith(typed)
    yield lambda place: typed[-2:] in place.name and _in_order(typed, place.full)


def _in_order(typed: str, full: str) -> bool:
    rest = iter(full)
    return all(char in rest for char in typed)


@lru_cache(maxsize=1)
def _places() -> tuple[Place, ...]:
    known = divisions()

    def full(code: str) -> str:
        division = known[code]
        above = full(division.parent) if division.parent in known else ""
        return above + division.name_zh

    return tuple(Place(code, division.name_zh, full(code)) for code, division in sorted(known.items()))
