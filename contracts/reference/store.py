"""The tables in layers: the shipped files, and an agency's own above them; checked as a whole before they are used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from contracts.lifecycle import Purpose
from contracts.reference.tables import TABLES, BadReference, Finding, Line, read

EARLIER = "earlier"
"""The folder in an agency's own that keeps the clocks of its former tables, a numbered folder each."""
Key = tuple[str, ...]
Layer = Mapping[str, Sequence[Line]]


@dataclass(frozen=True)
class Store:
    """Layers of rows, the shipped one first. ``earlier``: former tables of an agency, for what still runs by them."""

    layers: tuple[Layer, ...]
    earlier: tuple[Layer, ...] = ()

    def versions(self, name: str) -> dict[Key, tuple[Line, ...]]:
        """The rows of each key by date; keys that an agency added come first, then the shipped order."""
        found: dict[Key, dict[date, Line]] = {}
        for layer in self.layers:
            above: dict[Key, dict[date, Line]] = {}
            for line in layer.get(name, ()):
                rows = found.get(line.key)
                if rows is None:
                    rows = above.setdefault(line.key, {})
                rows[line.values["effective_from"]] = line
            found = {**above, **found}
        return {key: tuple(rows[day] for day in sorted(rows)) for key, rows in found.items()}

    def on(self, name: str, day: date) -> list[Line]:
        """The row of each key that applies on a day."""
        return [_applying(lines, day) for lines in self.versions(name).values()]

    def wording(self, name: str, key: Key, version: str) -> Line | None:
        """A row by its version, also one that has been replaced."""
        rows = (line for layer in reversed((*self.earlier, *self.layers)) for line in layer.get(name, ()))
        return next((line for line in rows if line.key == key and line.version == version), None)

    def under(self, directory: Path) -> "Store":
        """This store with a directory above it; raises BadReference."""
        layer, findings = read_layer(directory)
        former = sorted((directory / EARLIER).glob("*/"))
        store = Store((*self.layers, layer), tuple(read_layer(folder)[0] for folder in former))
        findings += store.mismatches(layer)
        if findings:
            raise BadReference(sorted(findings, key=lambda finding: (finding.file, finding.line)))
        return store

    def mismatches(self, layer: Layer) -> list[Finding]:
        """Rows of a layer that do not fit the others or themselves."""
        departments = {key[0] for key in self.versions("departments")}
        classes = {key[0] for key in self.versions("taxonomy") if len(key[0]) == 2}
        clocks = {key[0] for key in self.versions("clocks")}
        return [
            Finding(line.file, line.number, reason)
            for lines in layer.values()
            for line in lines
            for reason in _reasons(line, departments, classes, clocks)
        ]


def _applying(lines: Sequence[Line], day: date) -> Line:
    return next((line for line in reversed(lines) if line.values["effective_from"] <= day), lines[0])


def _reasons(line: Line, departments: set[str], classes: set[str], clocks: set[str]) -> Iterator[str]:
    values = line.values
    match line.file:
        case "taxonomy.csv":
            yield from _taxonomy(line, departments, classes)
        case "clocks.csv":
            if values["amount"] != int(values["amount"]) and values["unit"] not in ("working_day", "hour", "minute"):
                yield f"amount {values['amount']} is not whole, as {values['unit']} needs"
            if values["unit"] == "working_day" and (values["amount"] * 2) % 1:
                yield "amount is counted in halves at least"
            given = [bool(values[name]) for name in ("extension_max_count", "extension_unit", "extension_approver")]
            if any(given) != all(given) or (values["extension_max_amount"] and not given[0]):
                yield "an extension needs max_count, unit and approver"
        case "regimes.csv":
            if values["clock"] not in clocks:
                yield f"clock {values['clock']!r} is unknown"
            if values["department"] not in departments | {"*"}:
                yield f"department {values['department']!r} is unknown"
        case "transfers.csv":
            for name in ("sender", "receiver"):
                if values[name] not in departments | {"HOTLINE", "*"}:
                    yield f"{name} {values[name]!r} is unknown"
        case "grounds.csv":
            for department in values["receivers"]:
                if department not in departments | {"*"}:
                    yield f"receiver {department!r} is unknown"
        case "suspensions.csv":
            for clock in values["clocks"]:
                if clock not in clocks:
                    yield f"clock {clock!r} is unknown"
        case "retention.csv":
            if values["amount"] != int(values["amount"]):
                yield "a retention period is a whole number"
        case "papers.csv":
            if values["department"] not in departments:
                yield f"department {values['department']!r} is unknown"
        case "opening_purposes.csv":
            if not values["decide_minutes"] or not values["open_minutes"]:
                yield "both periods are at least a minute"
        case "disposals.csv":
            if values["department"] not in departments | {"*"}:
                yield f"department {values['department']!r} is unknown"
        case "working_hours.csv":
            times = [values[name] for name in ("morning_from", "morning_to", "afternoon_from", "afternoon_to")]
            if not times[0] < times[1] <= times[2] < times[3]:
                yield "the times are not in order"
        case _:
            return


def _taxonomy(line: Line, departments: set[str], classes: set[str]) -> Iterator[str]:
    values = line.values
    if (values["level"] == "1") != (len(values["code"]) == 2):
        yield "a class has two digits, a sub-class four"
        return
    if values["level"] == "1":
        return
    if values["parent"] not in classes or not values["code"].startswith(values["parent"]):
        yield f"parent {values['parent']!r} is not its class"
    if not values["track"] or not values["priority"]:
        yield "a sub-class needs track and priority"
    for department in (values["lead"], *values["support"]):
        if department and department not in departments:
            yield f"department {department!r} is unknown"
    if not values["lead"]:
        yield "a sub-class needs a lead"


def read_layer(directory: Path) -> tuple[dict[str, list[Line]], list[Finding]]:
    """The tables of a directory, and what is wrong with them. Files that are no table of ours are findings."""
    layer: dict[str, list[Line]] = {}
    findings: list[Finding] = []
    if not directory.is_dir():
        return layer, [Finding(str(directory), 1, "is no directory")]
    known = {table.file: name for name, table in TABLES.items()}
    for path in sorted(directory.glob("*.csv")):
        if path.name not in known:
            findings.append(Finding(path.name, 1, f"is none of {', '.join(sorted(known))}"))
            continue
        lines, wrong = read(TABLES[known[path.name]], path)
        layer[known[path.name]] = lines
        findings += wrong
    if not layer and not findings:
        findings.append(Finding(str(directory), 1, "holds no table"))
    return layer, findings


@cache
def shipped() -> Store:
    """The data that the project brings; raises BadReference when it was damaged."""
    with as_file(files(__package__)) as directory:
        layer, findings = read_layer(directory)
    findings += [Finding(table.file, 1, "is missing") for name, table in TABLES.items() if name not in layer]
    if not findings:
        store = Store((layer,))
        findings = store.mismatches(layer)
        findings += [
            Finding("regimes.csv", 1, f"no clock serves {purpose}")
            for purpose in Purpose
            if purpose not in {line.values["purpose"] for line in layer["regimes"]}
        ]
        if not findings:
            return store
    raise BadReference(findings)


def changes(directory: Path) -> list[str]:
    """What a directory would change of the shipped data, one line each; raises BadReference."""
    base = shipped()
    base.under(directory)
    layer, _ = read_layer(directory)
    found: list[str] = []
    for name, lines in layer.items():
        versions = base.versions(name)
        for line in lines:
            rows = versions.get(line.key, ())
            since = line.values["effective_from"]
            place = f"{line.file}:{line.number}: {' '.join(line.key)}"
            if not rows:
                found.append(f"{place} is new, from {since}")
                continue
            before = _applying(rows, since)
            differing = [
                f"{column} {before.cells[column] or '-'} -> {line.cells[column] or '-'}"
                for column in TABLES[name].columns
                if column != "effective_from" and before.cells[column] != line.cells[column]
            ]
            if differing:
                found.append(f"{place} changes from {since}: {'; '.join(differing)}")
    return found
