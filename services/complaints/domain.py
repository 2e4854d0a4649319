"""Pure rules of intake: query codes and case numbers, track, place, and what a reporter may do when."""

import secrets
import unicodedata
from collections.abc import Container, Iterable
from datetime import datetime, timedelta, timezone
from enum import StrEnum

from contracts.lifecycle import ENDED, Stage, Track

BEIJING = timezone(timedelta(hours=8))

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""

CODE_BYTES = 10
ENDING = 4
"""So many symbols of a code are typed to show that it was kept."""
_VALUE = {symbol: value for value, symbol in enumerate(ALPHABET)}
_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0"})
_NUMBER_PREFIX = "HY"
_NUMBER_RANDOM = 7


class EvidenceState(StrEnum):
    """What is known of a file. ``NOT_SCANNED``: looked at without a virus scanner, because none is set up."""

    RECEIVED = "RECEIVED"
    CLEAN = "CLEAN"
    NOT_SCANNED = "NOT_SCANNED"
    INFECTED = "INFECTED"
    UNREADABLE = "UNREADABLE"


def may_be_read(state: EvidenceState, *, unscanned: bool) -> bool:
    """Whether officers get a file's copy; `unscanned`: also one that no scanner has seen."""
    return state is EvidenceState.CLEAN or (unscanned and state is EvidenceState.NOT_SCANNED)


class Refusal(Exception):
    """What the caller asked for is not possible; the texts say what to do and hold nothing of what was sent."""

    def __init__(self, status: int, code: str, zh: str, en: str, field: str | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.zh = zh
        self.en = en
        self.field = field


def check_symbol(symbols: str) -> str:
    """The check symbol of a base-32 string: a weighted sum over GF(32) with weights x, x², … (x⁵ = x² + 1).

    The weights are distinct for strings below 31 symbols and none is 1, the weight of the check symbol itself: every
    single wrong symbol and every swap of two symbols, the check symbol included, changes the sum.
    """
    total, weight = 0, 1
    for symbol in reversed(symbols):
        weight = _times_x(weight)
        total ^= _product(weight, _VALUE[symbol])
    return ALPHABET[total]


def _times_x(value: int) -> int:
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value


def _product(left: int, right: int) -> int:
    result = 0
    while right:
        if right & 1:
            result ^= left
        left = _times_x(left)
        right >>= 1
    return result


def encode_code(secret: bytes) -> str:
    """A query code of 80 bits as people get it: ``XXXX-XXXX-XXXX-XXXX-C``. Raises ValueError for another length."""
    if len(secret) != CODE_BYTES:
        raise ValueError("a query code has 80 bits")
    number = int.from_bytes(secret, "big")
    symbols = "".join(ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5))
    groups = [symbols[start : start + 4] for start in range(0, 16, 4)]
    return "-".join((*groups, check_symbol(symbols)))


def normalise_code(text: str) -> str | None:
    """The 17 symbols of a query code as typed (any case, spaces, full width, I for 1), or None when it can't be one."""
    symbols = _symbols(text)
    if len(symbols) != 17 or not _is_base32(symbols) or check_symbol(symbols[:16]) != symbols[16]:
        return None
    return symbols


def ends_with(code: str, typed: str) -> bool:
    """Whether somebody who has a code typed its last ENDING symbols, or more of it."""
    symbols, given = _symbols(code), _symbols(typed)
    return len(given) >= ENDING and symbols.endswith(given)


def new_case_number(at: datetime) -> str:
    """A case number of a Beijing day: ``HY`` yymmdd ``-`` seven random symbols and their check symbol."""
    tail = "".join(secrets.choice(ALPHABET) for _ in range(_NUMBER_RANDOM))
    return f"{_NUMBER_PREFIX}{at.astimezone(BEIJING):%y%m%d}-{tail}{check_symbol(tail)}"


def normalise_case_number(text: str) -> str | None:
    """A case number as typed, in its one spelling, or None when it can't be one."""
    symbols = _symbols(text)
    day, tail = symbols[2:8], symbols[8:]
    if not symbols.startswith(_NUMBER_PREFIX) or not (day.isascii() and day.isdigit()):
        return None
    if len(tail) != _NUMBER_RANDOM + 1 or not _is_base32(tail) or check_symbol(tail[:-1]) != tail[-1]:
        return None
    return f"{_NUMBER_PREFIX}{day}-{tail}"


def _symbols(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(char for char in plain if char.isalnum()).translate(_MISREAD)


def _is_base32(symbols: str) -> bool:
    return all(symbol in _VALUE for symbol in symbols)


def choose_track(category_track: Track, asked: Track | None) -> Track:
    """The track of a complaint: its category's, or INTEGRITY when the reporter asks for it.

    Raises Refusal when a category of integrity is to be handled as a general complaint (信访工作条例 art. 30: such a
    report must not reach whom it accuses).
    """
    if asked is None or asked is category_track:
        return category_track
    if asked is Track.INTEGRITY:
        return Track.INTEGRITY
    raise Refusal(
        422,
        "TRACK_NOT_ALLOWED",
        "该类别涉及廉洁问题,只能按举报办理:请去掉 track,或填写 INTEGRITY。",
        "This category is about integrity and is handled as a report only: leave out track, or send INTEGRITY.",
        "track",
    )


def check_region(region: str, divisions: Container[str]) -> None:
    """Raises Refusal when the code is none of GB/T 2260 and none of the agency's own, e.g. a development zone."""
    if region not in divisions:
        raise Refusal(
            422,
            "UNKNOWN_REGION",
            "没有这个行政区划代码:请填写事发地的六位代码,可从 GET /v1/reference/divisions 中选择。",
            "There is no such division: send the six-digit code of the place, as GET /v1/reference/divisions lists it.",
            "region",
        )


def unknown_category() -> Refusal:
    """The refusal of a category that the taxonomy does not have."""
    return Refusal(
        422,
        "UNKNOWN_CATEGORY",
        "没有这个类别:请从 GET /v1/reference/categories 中选择四位代码。",
        "There is no such category: choose a four-digit code from GET /v1/reference/categories.",
        "category",
    )


def may_supplement(stages: Iterable[Stage]) -> bool:
    """A reporter may add to a complaint until all of its cases have ended."""
    return any(stage not in ENDED for stage in stages)


def may_rate(stage: Stage) -> bool:
    """A rating is asked once a case's answer has passed its review."""
    return stage is Stage.PENDING_VISIT
