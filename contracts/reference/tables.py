"""Reading the tables of the reference data: every cell is checked, a bad row is named with file, line and reason."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from contracts.lifecycle import LADDER, Act, Channel, HandoverKind, Purpose, Supervision, Track
from contracts.openings import ORIGINALS

Parser = Callable[[str], Any]
UNITS = ("working_day", "calendar_day", "month", "quarter", "hour", "minute")
RETURN = "RETURN"
MAJOR = "MAJOR"
"""What a legal ground may serve beside the kinds of hand-over: a return (退回), a mark as a major clue (重大线索)."""
IDENTITY_FIELDS = ("name", "phone", "email", "id_number", "address", "openid")
"""What a reporter may have given of himself."""
DATA_CLASSES = ("IDENTITY", "NOTICE", "CONTENT")
"""What is erased at a time of its own."""
ACTS = ("DISPATCH", "FORWARD", "ASSIGN", "REFER", "REPORT_UP", "REPORT_CRIME", "WITHIN")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a file; ``line`` counts from 1 with the header."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class BadReference(ValueError):
    """The data does not fit; ``findings`` says where."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def text(value: str) -> str:
    """Something."""
    if not value:
        raise ValueError("is empty")
    if len(value) > 400 or any(ord(letter) < 32 for letter in value):
        raise ValueError("is no plain text of at most 400 characters")
    return value


def code(value: str) -> str:
    """An identifier."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", value):
        raise ValueError(f"{value!r} is no code")
    return value


def digits(*lengths: int) -> Parser:
    """A code of so many digits."""

    def parse(value: str) -> str:
        if not (value.isascii() and value.isdigit() and len(value) in lengths):
            raise ValueError(f"{value!r} is no code of {' or '.join(map(str, lengths))} digits")
        return value

    return parse


def one_of(*known: str) -> Parser:
    """One of the known words."""

    def parse(value: str) -> str:
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
        return value

    return parse


def optional(parser: Parser, empty: object = "") -> Parser:
    """Empty, or what ``parser`` takes."""
    return lambda value: parser(value) if value else empty


def positive(value: str) -> float:
    """A number above 0; whole ones stay whole."""
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is no number") from None
    if not isfinite(number) or not 0 < number <= 3660:
        raise ValueError(f"{value!r} is not between 0 and 3660")
    return int(number) if number == int(number) else number


def whole(value: str) -> int:
    """A whole number from 0."""
    if not (value.isascii() and value.isdigit()) or len(value) > 4:
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def day(value: str) -> date:
    """A date."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no date as 2026-09-30") from None


def clock_time(value: str) -> time:
    """A time of day."""
    if not re.fullmatch(r"\d\d:\d\d", value):
        raise ValueError(f"{value!r} is no time as 09:00")
    try:
        return time.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no time as 09:00") from None


def yes_no(value: str) -> bool:
    """yes or no."""
    return bool(one_of("yes", "no")(value) == "yes")


def codes(value: str) -> tuple[str, ...]:
    """Codes with commas between, or nothing."""
    return tuple(code(item) for item in value.split(",") if item)


def some_of(*known: str) -> Parser:
    """Some of the known words, with commas between."""

    def parse(value: str) -> tuple[str, ...]:
        return tuple(one_of(*known)(item) for item in value.split(","))

    return parse


def _any_codes(value: str) -> tuple[str, ...]:
    return ("*",) if value == "*" else codes(text(value))


def _any_or(parser: Parser) -> Parser:
    return lambda value: value if value == "*" else parser(value)


def _level(value: str) -> int:
    return int(one_of(*(str(level.value) for level in Supervision))(value))


@dataclass(frozen=True)
class Table:
    """A file: the columns that make a row's key, and what each column takes."""

    file: str
    key: tuple[str, ...]
    columns: Mapping[str, Parser]


_MARKS: dict[str, Parser] = {"source": text, "status": one_of("V", "S", "K"), "effective_from": day}
_NAMES: dict[str, Parser] = {"name_zh": text, "name_en": text}
_MAY = optional(text)


def _table(name: str, key: tuple[str, ...], columns: Mapping[str, Parser]) -> Table:
    return Table(f"{name}.csv", key, {**columns, **_MARKS})


TABLES: dict[str, Table] = {
    "departments": _table("departments", ("code",), {"code": code, **_NAMES, "note": _MAY}),
    "taxonomy": _table(
        "taxonomy",
        ("code",),
        {
            "code": digits(2, 4),
            "parent": optional(digits(2)),
            "level": one_of("1", "2"),
            **_NAMES,
            "lead": optional(code),
            "support": codes,
            "source_ref": _MAY,
            "basis": _MAY,
            "track": optional(one_of(*Track)),
            "crime_check": optional(yes_no, False),
            "tax_check": optional(yes_no, False),
            "priority": optional(one_of("NORMAL", "HIGH")),
        },
    ),
    "clocks": _table(
        "clocks",
        ("id",),
        {
            "id": code,
            "regime": text,
            "clock_zh": text,
            "clock_en": text,
            "starts_zh": _MAY,
            "starts_en": _MAY,
            "amount": positive,
            "unit": one_of(*UNITS),
            "unit_source": text,
            "extension_max_count": optional(whole, 0),
            "extension_max_amount": optional(positive, None),
            "extension_unit": optional(one_of("working_day", "calendar_day")),
            "extension_approver": _MAY,
            "not_counted": _MAY,
            "note": _MAY,
            "article": _MAY,
        },
    ),
    "regimes": _table(
        "regimes",
        ("purpose", "track", "category", "channel", "department", "family"),
        {
            "purpose": one_of(*Purpose),
            "track": _any_or(one_of(*Track)),
            "category": _any_or(digits(2, 4)),
            "channel": _any_or(one_of(*Channel)),
            "department": _any_or(code),
            "family": code,
            "clock": code,
            "article": _MAY,
        },
    ),
    "refusals": _table("refusals", ("code",), {"code": code, **_NAMES, "channel_zh": text, "channel_en": text}),
    "unit_levels": _table(
        "unit_levels", ("code",), {"code": code, "rank": whole, **_NAMES, "code_length": optional(whole, None)}
    ),
    "transfers": _table(
        "transfers",
        ("sender", "receiver", "act"),
        {
            "sender": _any_or(code),
            "receiver": _any_or(code),
            "act": one_of(*ACTS),
            "leader_approval": yes_no,
            "condition": _MAY,
        },
    ),
    "handovers": _table(
        "handovers",
        ("act", "kind", "purpose"),
        {
            "act": one_of(*Act),
            "kind": _any_or(one_of(*HandoverKind)),
            "purpose": one_of(*Purpose),
            "fate": one_of("CARRY", "RESTART", "STOP"),
            "article": _MAY,
        },
    ),
    "grounds": _table(
        "grounds",
        ("code",),
        {
            "code": code,
            **_NAMES,
            "instrument": text,
            "article": _MAY,
            "kinds": some_of(*HandoverKind, RETURN, MAJOR),
            "receivers": _any_codes,
        },
    ),
    "papers": _table(
        "papers", ("code",), {"code": code, "department": code, "required": yes_no, **_NAMES, "article": _MAY}
    ),
    "suspensions": _table(
        "suspensions",
        ("code",),
        {
            "code": code,
            **_NAMES,
            "clocks": codes,
            "through": one_of("STAYS", "ENDS"),
            "through_source": text,
            "through_status": one_of("V", "S", "K"),
            "article": _MAY,
        },
    ),
    "opening_purposes": _table(
        "opening_purposes",
        ("code",),
        {
            "code": code,
            **_NAMES,
            "fields": some_of(*IDENTITY_FIELDS, ORIGINALS),
            "decide_minutes": whole,
            "open_minutes": whole,
            "article": _MAY,
        },
    ),
    "recusals": _table("recusals", ("code",), {"code": code, **_NAMES, "article": _MAY}),
    "retention": _table(
        "retention",
        ("data_class",),
        {
            "data_class": one_of(*DATA_CLASSES),
            "amount": positive,
            "unit": one_of("year", "month", "calendar_day"),
            **_NAMES,
            "article": _MAY,
        },
    ),
    "escalation": _table(
        "escalation",
        ("step",),
        {
            "step": one_of(*LADDER),
            "purposes": some_of(*Purpose, "*"),
            "after_amount": whole,
            "after_unit": one_of("working_day", "calendar_day"),
            "level": _level,
            "tells": some_of("HOLDER", "DESK", "SUPERIOR"),
        },
    ),
    "disposals": _table("disposals", ("code",), {"code": code, "department": _any_or(code), **_NAMES, "article": _MAY}),
    "outcomes": _table("outcomes", ("code",), {"code": code, **_NAMES}),
    "satisfaction": _table("satisfaction", ("level",), {"level": whole, **_NAMES, "satisfied": yes_no}),
    "sanctions": _table("sanctions", ("level",), {"level": whole, **_NAMES, "authority": text}),
    "working_hours": _table(
        "working_hours",
        ("unit",),
        {
            "unit": _any_or(code),
            "morning_from": clock_time,
            "morning_to": clock_time,
            "afternoon_from": clock_time,
            "afternoon_to": clock_time,
        },
    ),
    "divisions": _table("divisions", ("code",), {"code": digits(6), "name_zh": text, "parent": optional(digits(6))}),
}


@dataclass(frozen=True)
class Line:
    """A row as read: its cells parsed, their text, and where it stands."""

    file: str
    number: int
    values: Mapping[str, Any]
    cells: Mapping[str, str]
    key: tuple[str, ...]

    @property
    def version(self) -> str:
        """The row's date and a hash of its content."""
        content = "\x1f".join(f"{name}={cell}" for name, cell in sorted(self.cells.items()))
        return f"{self.cells['effective_from']}.{sha256(content.encode()).hexdigest()[:8]}"


def read(table: Table, path: Path) -> tuple[list[Line], list[Finding]]:
    """A file's rows, and what is wrong with it."""
    try:
        content = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        return [], [Finding(table.file, 1, "is no UTF-8 text")]
    reader = csv.reader(content.splitlines(), strict=True)
    try:
        return _rows(table, reader)
    except csv.Error as error:
        return [], [Finding(table.file, reader.line_num, f"is no CSV: {error}")]


def _rows(table: Table, reader: Any) -> tuple[list[Line], list[Finding]]:
    header: list[str] = next(reader, [])
    wrong = [f"column {name} is missing" for name in table.columns if name not in header]
    wrong += [f"column {name!r} is unknown" for name in header if name not in table.columns]
    wrong += ["a column is there twice"] if len(set(header)) != len(header) else []
    if wrong:
        return [], [Finding(table.file, 1, reason) for reason in wrong]
    lines: list[Line] = []
    findings: list[Finding] = []
    seen: dict[tuple[str, ...], int] = {}
    for raw in reader:
        if not raw:
            continue
        number = reader.line_num
        if len(raw) != len(header):
            findings.append(Finding(table.file, number, f"has {len(raw)} cells, not {len(header)}"))
            continue
        cells = {name: cell.strip() for name, cell in zip(header, raw, strict=True)}
        found = list(_problems(table, cells))
        if found:
            findings += [Finding(table.file, number, reason) for reason in found]
            continue
        key = tuple(cells[name] for name in table.key)
        dated = (*key, cells["effective_from"])
        if dated in seen:
            findings.append(Finding(table.file, number, f"is the row of line {seen[dated]} again"))
            continue
        seen[dated] = number
        values = {name: parse(cells[name]) for name, parse in table.columns.items()}
        lines.append(Line(table.file, number, values, cells, key))
    return lines, findings


def _problems(table: Table, cells: Mapping[str, str]) -> Iterator[str]:
    for name, parse in table.columns.items():
        try:
            parse(cells[name])
        except ValueError as error:
            yield f"{name} {error}"
