"""No event has room for a person's data or free text: every text is a code, an id, a hash, or named and argued here."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from contracts import generate
from contracts.envelope import Event

MAY_HOLD_WORDS = {
    "UnitRef.name": "the public name of an authority or institution, from the unit tree; never of a person",
    "Deadline.article": "the citation of a legal provision, from the reference data",
}
CLOSED_FORMATS = {"uuid", "date-time", "date"}
FORBIDDEN = re.compile(
    r"(^|_)(name|phone|mobile|tel|email|mail|address|openid|id_number|identity|narrative|text|note|comment|remark|title|ip)"
    r"(_|$)"
)


def texts(schema: dict[str, Any], root: dict[str, Any], owner: str, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every place in a schema that takes a string, as (Model.field, its schema)."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from texts(root["$defs"][name], root, name, field if "enum" in root["$defs"][name] else "")
        return
    for name, inner in schema.get("properties", {}).items():
        yield from texts(inner, root, owner, name)
    for inner in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        yield from texts(inner, root, owner, field)
    if schema.get("type") == "string":
        yield f"{owner}.{field}", schema


def all_texts(event: type[Event]) -> dict[str, dict[str, Any]]:
    schema = event.model_json_schema(mode="validation")
    return dict(texts(schema, schema, event.__name__, ""))


@pytest.mark.parametrize("event", generate.events(), ids=lambda event: event.__name__)
def test_every_text_of_an_event_is_bound_to_a_form(event: type[Event]) -> None:
    for place, schema in all_texts(event).items():
        if place in MAY_HOLD_WORDS:
            assert schema["maxLength"] <= 120, place
            continue
        bound = "enum" in schema or "const" in schema or schema.get("format") in CLOSED_FORMATS or "pattern" in schema
        assert bound, f"{place} takes any text: give it a pattern, or make it an enumeration"
        if "pattern" in schema:
            refuses_words(place, schema["pattern"])


def refuses_words(place: str, pattern: str) -> None:
    """A pattern that would take a sentence, a name in Chinese or a mail address binds nothing."""
    for words in ("张三", "护士长收了红包", "two words", "a@b.example", "line\nbreak", "", "x" * 200):
        assert not re.search(pattern, words), f"{place} takes {words!r}"


@pytest.mark.parametrize("event", generate.events(), ids=lambda event: event.__name__)
def test_no_field_is_named_like_a_persons_data(event: type[Event]) -> None:
    schema = event.model_json_schema(mode="validation")
    owners = {event.__name__: schema, **schema.get("$defs", {})}
    for owner, part in owners.items():
        for name in part.get("properties", {}):
            assert f"{owner}.{name}" in MAY_HOLD_WORDS or not FORBIDDEN.search(name), f"{owner}.{name}"


@pytest.mark.parametrize("event", generate.events(), ids=lambda event: event.__name__)
def test_no_event_has_a_field_of_any_shape(event: type[Event]) -> None:
    """An open object or an untyped value could carry anything."""
    schema = event.model_json_schema(mode="validation")
    for part in (schema, *schema.get("$defs", {}).values()):
        for name, field in part.get("properties", {}).items():
            assert field.keys() & {"type", "$ref", "anyOf", "enum", "const"}, name
            assert field.get("type") != "object", name
