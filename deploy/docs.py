"""Writes docs/clocks.md, every regime and clock with its source, from the reference data: `python -m deploy.docs`."""

import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from contracts.reference.model import ClockRule
from contracts.reference.store import shipped
from contracts.reference.tables import Line
from services.referrals import explaining
from services.referrals.explaining import Language

FILE = Path(__file__).resolve().parent.parent / "docs" / "clocks.md"
BOTH: tuple[Language, ...] = ("zh", "en")
NO_BEGINNING = date(2000, 1, 1)

HEAD = """# Regimes and clocks

Made from `contracts/reference/regimes.csv` and `clocks.csv` by `python -m deploy.docs`; an agency's own
tables come on top of it.

Marks: **V** read in the rule's own text, **S** in a secondary source, **K** a default that the deploying
agency confirms.

How is counted (民法典 201–203): the start day is excluded; a later day counts when the clock is running at that
day's end; an extension adds its amount to the period before the end is found; a period of calendar days,
months or quarters that ends on a rest day rolls to the next working day; the last day ends at 24:00, written
as the next day's `T00:00:00+08:00`. Hours and minutes run from the instant, over rest days. Half working days
end at 12:00 and 24:00, the half of the start excluded; no statute defines them (K). A quarter is the calendar
quarter of the day after the start. Working days follow the State Council's yearly notice.
"""


def text() -> str:
    """The whole document."""
    layer = shipped().layers[0]
    return "\n".join([HEAD, *_regimes(layer["regimes"]), "", *_clocks(layer["clocks"])]) + "\n"


def _regimes(lines: Sequence[Line]) -> Iterable[str]:
    rows = [
        [*(line.cells[name] for name in ("purpose", "track", "category", "channel", "department", "family")),
         f"[{line.cells['clock']}](#clock-{line.cells['clock'].lower()})", line.cells["article"], _since(line),
         line.cells["status"], line.cells["source"]]
        for line in lines
    ]  # fmt: skip
    yield "## Which clock applies"
    yield ""
    yield (
        "`*` matches anything. The first row of each family that fits applies; where several families have a clock,"
        " they run side by side, and the one due first is the deadline of record."
    )
    yield ""
    yield from _table(
        (
            "purpose",
            "track",
            "category",
            "channel",
            "department",
            "family",
            "clock",
            "article",
            "from",
            "mark",
            "source",
        ),
        rows,
    )


def _clocks(lines: Sequence[Line]) -> Iterable[str]:
    rows = []
    for line in lines:
        values = dict(line.values)
        rule = ClockRule(
            name_zh=values.pop("clock_zh"), name_en=values.pop("clock_en"), **values, version=line.version
        )  # fmt: skip
        rows.append(
            [
                f'<a id="clock-{rule.id.lower()}"></a>{rule.id}', rule.basis(), f"{rule.name_zh}<br>{rule.name_en}",
                f"{rule.starts_zh}<br>{rule.starts_en}" if rule.starts_zh else "",
                "<br>".join(explaining.period(rule.amount, rule.unit, language) for language in BOTH),
                rule.unit_source, rule.extension_text("zh"), "；".join(filter(None, (rule.not_counted, rule.note))),
                _since(line), rule.status, rule.source,
            ]
        )  # fmt: skip
    yield "## Clocks"
    yield ""
    yield from _table(
        ("id", "article", "clock", "starts with", "period", "why this unit", "extension", "note", "from", "mark",
         "source"),
        rows,
    )  # fmt: skip


def _since(line: Line) -> str:
    since: date = line.values["effective_from"]
    return "" if since == NO_BEGINNING else since.isoformat()


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` say whether it is stale. Returns the exit status."""
    fresh = text()
    if "--check" in arguments:
        stale = not FILE.exists() or FILE.read_text("utf-8") != fresh
        if stale:
            print("docs/clocks.md is stale: python -m deploy.docs")
        return int(stale)
    FILE.write_text(fresh, encoding="utf-8")
    print(f"wrote: docs/{FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
