"""Which changes of a released schema are let through, and which need a new type."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from contracts import generate
from contracts.cases import CaseTransitioned
from contracts.compatibility import breaks
from contracts.envelope import Event
from tests.contract.drawing import data_of

Change = Callable[[dict[str, Any]], object]
BEFORE = json.loads(generate.schema_text(CaseTransitioned))


def changed(change: Change) -> dict[str, Any]:
    """The schema of CaseTransitioned with a change made to it."""
    schema = copy.deepcopy(BEFORE)
    change(schema)
    return schema


COMPATIBLE: dict[str, Change] = {
    "nothing": lambda schema: None,
    "an optional field is added": lambda schema: schema["properties"].update(
        urgency={"type": "string", "default": "NORMAL"}
    ),
    "an optional field goes": lambda schema: schema["properties"].pop("satisfaction"),
    "an optional field is added inside": lambda schema: schema["$defs"]["UnitRef"]["properties"].update(
        level={"type": "integer", "default": 0}
    ),
    "words change": lambda schema: schema.update(title="Another", description="Other words"),
}
INCOMPATIBLE: dict[str, tuple[Change, str]] = {
    "a required field goes": (
        lambda schema: (schema["required"].remove("region"), schema["properties"].pop("region")),
        "$.region: is no longer required",
    ),
    "a required field is added": (
        lambda schema: (schema["required"].append("urgency"), schema["properties"].update(urgency={"type": "string"})),
        "$.urgency: is now required",
    ),
    "an optional field becomes required": (
        lambda schema: schema["required"].append("redo_count"),
        "$.redo_count: is now required",
    ),
    "a required field becomes optional": (
        lambda schema: schema["required"].remove("track"),
        "$.track: is no longer required",
    ),
    "a required field inside becomes optional": (
        lambda schema: schema["$defs"]["UnitRef"]["required"].remove("name"),
        "$.desk.name: is no longer required",
    ),
    "an enumeration gets a member": (
        lambda schema: schema["$defs"]["Channel"]["enum"].append("LETTER"),
        "$.channel: 'LETTER' was added",
    ),
    "an enumeration loses a member": (
        lambda schema: schema["$defs"]["Channel"]["enum"].remove("WEB"),
        "$.channel: 'WEB' was removed",
    ),
    "an enumeration becomes free": (
        lambda schema: schema["$defs"]["Track"].pop("enum"),
        "$.track: became, or stopped being",
    ),
    "a type changes": (
        lambda schema: schema["properties"]["sequence"].update(type="string"),
        "$.sequence: type changed",
    ),
    "a limit is lifted": (
        lambda schema: schema["properties"]["sequence"].pop("minimum"),
        "$.sequence: minimum changed",
    ),
    "a limit is drawn": (
        lambda schema: schema["properties"]["sequence"].update(maximum=9),
        "$.sequence: maximum changed",
    ),
    "a pattern changes": (
        lambda schema: schema["properties"]["category"].update(pattern=r"^\d{6}$"),
        "$.category: pattern changed",
    ),
    "null becomes possible": (
        lambda schema: schema["properties"].update(
            region={"anyOf": [schema["properties"]["region"], {"type": "null"}], "default": None}
        ),
        "$.region",
    ),
    "null becomes impossible": (
        lambda schema: schema["properties"]["holder"]["anyOf"].pop(),
        "$.holder: another number of alternatives",
    ),
    "a default changes": (
        lambda schema: schema["properties"]["redo_count"].update(default=1),
        "$.redo_count: default changed",
    ),
    "items change": (
        lambda schema: schema["properties"]["complaint_ids"]["items"].update(format="uri"),
        "$.complaint_ids[]: format changed",
    ),
    "unknown fields are refused": (
        lambda schema: schema.update(additionalProperties=False),
        "$: additionalProperties changed",
    ),
}


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_compatible_change_is_let_through(name: str) -> None:
    assert breaks(BEFORE, changed(COMPATIBLE[name])) == []


@pytest.mark.parametrize("name", INCOMPATIBLE)
def test_an_incompatible_change_needs_a_new_type_and_its_place_is_named(name: str) -> None:
    change, place = INCOMPATIBLE[name]
    assert any(line.startswith(place) for line in breaks(BEFORE, changed(change)))


@pytest.mark.parametrize("event", generate.events(), ids=lambda event: event.__name__)
def test_no_model_has_broken_a_released_schema_of_its_type(event: type[Event]) -> None:
    now = json.loads(generate.schema_text(event))
    for revision, schema in generate.revisions(event.TYPE).items():
        assert breaks(schema, now) == [], f"revision {revision}: raise the version at the end of {event.TYPE}"


@pytest.mark.parametrize("name", COMPATIBLE)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_is_let_through_really_reads_both_ways(name: str, data: st.DataObject) -> None:
    """Random data of either side is valid on the other: the rules against a validator that knows none of them."""
    after = changed(COMPATIBLE[name])
    Draft202012Validator(BEFORE).validate(data.draw(data_of(after)))
    Draft202012Validator(after).validate(data.draw(data_of(BEFORE)))


def test_the_generator_refuses_to_write_an_incompatible_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / CaseTransitioned.TYPE
    folder.mkdir()
    (folder / "1.json").write_text(json.dumps(changed(lambda schema: schema["required"].remove("track"))))
    monkeypatch.setattr(generate, "SCHEMAS", tmp_path)
    monkeypatch.setattr(generate, "released", lambda: {CaseTransitioned.TYPE: {"1": "sealed"}})
    assert generate.main([]) == 1
    assert f"{CaseTransitioned.TYPE} revision 1 $.track: is now required" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["1.json"]


def test_a_compatible_change_becomes_the_next_revision_beside_the_released_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / CaseTransitioned.TYPE
    folder.mkdir()
    old = json.dumps(changed(lambda schema: schema["properties"].pop("redo_count")))
    (folder / "1.json").write_text(old)
    monkeypatch.setattr(generate, "SCHEMAS", tmp_path)
    monkeypatch.setattr(generate, "released", lambda: {CaseTransitioned.TYPE: {"1": "sealed"}})
    wanted = generate.documents()
    assert folder / "2.json" in wanted
    assert folder / "1.json" not in wanted
    assert (folder / "1.json").read_text() == old
