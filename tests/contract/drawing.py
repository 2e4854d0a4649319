"""Random data of the JSON Schemas that Pydantic writes for our events."""

from datetime import UTC
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]


def data_of(schema: Schema, root: Schema | None = None) -> st.SearchStrategy[Any]:
    """Values that fit the schema; optional fields come and go."""
    root = root or schema
    if "$ref" in schema:
        return data_of(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in schema:
        return st.one_of([data_of(inner, root) for inner in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object":
            fields = {name: data_of(inner, root) for name, inner in schema["properties"].items()}
            needed = set(schema["required"])
            return st.fixed_dictionaries(
                {name: field for name, field in fields.items() if name in needed},
                optional={name: field for name, field in fields.items() if name not in needed},
            )
        case "array":
            return st.lists(data_of(schema["items"], root), min_size=schema.get("minItems", 0), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 2**31))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            return _texts(schema)
    raise NotImplementedError(schema["type"])


def _texts(schema: Schema) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    match schema.get("format"):
        case "uuid":
            return st.uuids().map(str)
        case "date-time":
            return st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat())
    return st.text(max_size=schema.get("maxLength", 20))
