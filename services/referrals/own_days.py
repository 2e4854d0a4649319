"""Files of own calendar days, CSV or YAML: the next State Council notice, or local closures. A bad row is named."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from services.referrals.calendar import OwnDay

FIELDS = ("date", "kind", "name", "source")
_KINDS = {"workday": True, "restday": False}
_WINDOW = range(2000, 2200)


class BadCalendar(ValueError):
    """The file does not fit; ``problems`` are lines of ``file:line: reason``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_days(path: Path) -> list[OwnDay]:
    """The days of a file with date, kind (workday or restday), name and source; raises BadCalendar."""
    rows = _yaml_rows if path.suffix in (".yaml", ".yml") else _csv_rows
    try:
        given = list(rows(path))
    except UnicodeDecodeError:
        raise BadCalendar([f"{path.name}:1: is no UTF-8 text"]) from None
    found: list[OwnDay] = []
    problems: list[str] = []
    seen: dict[date, int] = {}
    for line, row in given:
        try:
            own = _day(row)
            if own.day in seen:
                raise ValueError(f"{own.day} is there since line {seen[own.day]}")
        except ValueError as error:
            problems.append(f"{path.name}:{line}: {error}")
            continue
        seen[own.day] = line
        found.append(own)
    if not given:
        problems.append(f"{path.name}:1: holds no day")
    if problems:
        raise BadCalendar(problems)
    return sorted(found, key=lambda own: own.day)


def _day(row: dict[str, Any]) -> OwnDay:
    missing = [name for name in FIELDS if not row.get(name)]
    unknown = [str(name) for name in row if name not in FIELDS]
    if missing or unknown:
        raise ValueError(
            ", ".join([*(f"{name} is missing" for name in missing), *(f"{u} is unknown" for u in unknown)])
        )
    value = row["date"]
    if not isinstance(value, date):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
            raise ValueError(f"{value!r} is no date as 2027-02-05")
        value = date.fromisoformat(str(value))
    if value.year not in _WINDOW:
        raise ValueError(f"{value} is out of reach")
    kind, name, source = (str(row[field]).strip() for field in FIELDS[1:])
    if kind not in _KINDS:
        raise ValueError(f"kind {kind!r} is neither workday nor restday")
    for text in (name, source):
        if len(text) > 200 or any(ord(letter) < 32 for letter in text):
            raise ValueError("name and source are plain text of at most 200 characters")
    return OwnDay(value, _KINDS[kind], name, source)


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(path.read_text("utf-8-sig").splitlines(), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if sorted(header) != sorted(FIELDS):
            raise BadCalendar([f"{path.name}:1: the columns are {', '.join(FIELDS)}"])
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise BadCalendar([f"{path.name}:{reader.line_num}: has {len(cells)} cells, not {len(header)}"])
            yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    except csv.Error as error:
        raise BadCalendar([f"{path.name}:{reader.line_num}: is no CSV: {error}"]) from None


def _yaml_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = path.read_text("utf-8-sig")
    try:
        tree, given = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadCalendar([f"{path.name}:{mark.line + 1 if mark else 1}: is no YAML"]) from None
    if not isinstance(given, list) or not isinstance(tree, yaml.SequenceNode):
        raise BadCalendar([f"{path.name}:1: is no list of days"])
    for node, row in zip(tree.value, given, strict=True):
        line = node.start_mark.line + 1
        if not isinstance(row, dict):
            raise BadCalendar([f"{path.name}:{line}: is no mapping of {', '.join(FIELDS)}"])
        yield line, row
