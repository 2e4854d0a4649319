"""The form of a transfer's description: what it holds, and what was typed into it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.referrals.clues import Description

LINES = ("clue_summary", "amount", "classification", "receiver_number", "accountability", "evidence")
PERSON = ("name", "unit", "post", "party_member", "supervised")
_MORE = 2
_YES = {"yes": True, "no": False}


@dataclass(frozen=True)
class Typed:
    """The values of the form as texts: ``evidence`` a line each, ``persons`` with room for more."""

    values: Mapping[str, str] = field(default_factory=dict)
    persons: Sequence[Mapping[str, str]] = ()

    @property
    def rows(self) -> list[Mapping[str, str]]:
        """Those that were given and two empty ones."""
        return [*self.persons, *({} for _ in range(_MORE))]

    def body(self) -> dict[str, Any]:
        """As the API takes it; what was left empty is not there."""
        told: dict[str, Any] = {name: text for name, text in self.values.items() if text.strip()}
        told["evidence"] = [line for line in self.values.get("evidence", "").splitlines() if line.strip()]
        told["persons"] = [
            {name: _YES.get(text, text) for name, text in person.items() if text.strip()} for person in self.persons
        ]
        return told


def of_description(description: Description) -> Typed:
    """What was written before."""
    shown = description.model_dump(mode="json")
    values = {name: str(shown[name]) for name in LINES if shown[name] is not None}
    values["evidence"] = "\n".join(description.evidence)
    words = {True: "yes", False: "no", None: ""}
    persons = [
        {name: words[value] if isinstance(value, bool | None) else value for name, value in person.items()}
        for person in shown["persons"]
    ]
    return Typed(values, persons)


def of_form(sent: Mapping[str, list[str]]) -> Typed:
    """What was typed; rows without any word are none."""
    values = {name: sent[name][0].replace("\r\n", "\n") for name in LINES if sent.get(name)}
    columns = [sent.get(f"person_{name}", []) for name in PERSON]
    rows = [dict(zip(PERSON, row, strict=False)) for row in zip(*columns, strict=False)]
    return Typed(values, [row for row in rows if any(text.strip() for text in row.values())])
