"""The legal grounds of hand-overs and of suspensions as a page, from the reference tables."""

from collections.abc import Iterable, Sequence

from contracts.reference.store import shipped
from contracts.reference.tables import Line
from contracts.terms import KIND_ZH
from deploy.lifecycle_page import since, table

HEAD = """# Legal grounds

Made from `contracts/reference/grounds.csv` and `suspensions.csv` by `python -m deploy.docs`; an agency's own tables
come on top of it. The ground of a hand-over or a return is chosen from the first; another one, or one that does not
serve the kind or the receiver, is refused.

Marks: **V** read in the rule's own text, **S** in a secondary source, **K** a default that the deploying agency
confirms.
"""

_KINDS = {kind.value: f"{kind} {name}" for kind, name in KIND_ZH.items()} | {
    "RETURN": "RETURN 退回",
    "MAJOR": "MAJOR 重大线索",
}


def text() -> str:
    """The whole document."""
    layer = shipped().layers[0]
    lines = [HEAD, "## Of hand-overs and returns", "", *_grounds(layer["grounds"])]
    lines += ["", "## On which a clock stands still", "", *_suspensions(layer["suspensions"])]
    return "\n".join(lines) + "\n"


def _grounds(lines: Sequence[Line]) -> Iterable[str]:
    header = ("code", "ground", "instrument", "article", "kinds", "receivers", "from", "mark", "source")
    rows = [
        [line.cells["code"], _named(line), line.cells["instrument"], line.cells["article"],
         "<br>".join(_KINDS[kind] for kind in line.values["kinds"]), line.cells["receivers"], *_marks(line)]
        for line in lines
    ]  # fmt: skip
    return table(header, rows)


def _suspensions(lines: Sequence[Line]) -> Iterable[str]:
    header = ("code", "ground", "article", "clocks", "from", "mark", "source", "through a hand-over", "mark", "why")
    rows = [
        [
            line.cells["code"],
            _named(line),
            line.cells["article"],
            line.cells["clocks"] or "any",
            *_marks(line),
            *(line.cells[name] for name in ("through", "through_status", "through_source")),
        ]
        for line in lines
    ]
    return table(header, rows)


def _named(line: Line) -> str:
    return f"{line.cells['name_zh']}<br>{line.cells['name_en']}"


def _marks(line: Line) -> tuple[str, str, str]:
    return since(line), line.cells["status"], line.cells["source"]
