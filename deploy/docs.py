"""Writes docs/clocks.md (every regime and clock with its source), grounds.md, lifecycle.md: `python -m deploy.docs`."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from contracts.reference.model import ClockRule
from contracts.reference.store import shipped
from contracts.reference.tables import Line
from deploy import grounds_page, lifecycle_page
from deploy.lifecycle_page import since, table
from services.referrals import explaining
from services.referrals.explaining import Language

FOLDER = Path(__file__).resolve().parent.parent / "docs"
BOTH: tuple[Language, ...] = ("zh", "en")

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
         f"[{line.cells['clock']}](#clock-{line.cells['clock'].lower()})", line.cells["article"], since(line),
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
    yield from table(
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
                since(line), rule.status, rule.source,
            ]
        )  # fmt: skip
    yield "## Clocks"
    yield ""
    yield from table(
        ("id", "article", "clock", "starts with", "period", "why this unit", "extension", "note", "from", "mark",
         "source"),
        rows,
    )  # fmt: skip


PAGES: dict[str, Callable[[], str]] = {
    "clocks.md": text,
    "grounds.md": grounds_page.text,
    "lifecycle.md": lifecycle_page.text,
}


def stale() -> list[str]:
    """The pages that are not as they would be written now."""
    return [name for name, fresh in PAGES.items() if not _same(FOLDER / name, fresh())]


def _same(path: Path, fresh: str) -> bool:
    return path.exists() and path.read_text("utf-8") == fresh


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` say which are stale. Returns the exit status."""
    if "--check" in arguments:
        found = stale()
        for name in found:
            print(f"docs/{name} is stale: python -m deploy.docs")
        return int(bool(found))
    for name, fresh in PAGES.items():
        (FOLDER / name).write_text(fresh(), encoding="utf-8")
        print(f"wrote: docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
