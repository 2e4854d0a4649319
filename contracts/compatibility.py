"""May a released event schema change in this manner? Both ways: new readers on old data, old readers on new data.

The rules, for a type that keeps its name:
- a field may be added when it is optional; an optional field may go;
- a required field may not go, appear, or change between required and optional;
- nothing may be narrowed (new readers would refuse old data) or widened (old readers would refuse new data): type,
  format, pattern, limits, null, items. A changed default is a change of meaning of old data;
- an enumeration is closed: a member that is added is unknown to old readers, one that goes is unknown to new ones.
  A class that is meant to grow is a code in the schema, and its readers take a code that they do not know as such.
Anything else is a new type, whose name ends in the next major version.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_SILENT = frozenset({"title", "description", "examples", "$defs", "$ref"})
"""Says nothing about which data fit."""
_STRUCTURE = frozenset({"properties", "required", "items", "anyOf", "enum", "const", "type"})


def breaks(old: Schema, new: Schema) -> list[str]:
    """What makes the change incompatible, one line each with the place; empty when it is compatible.

    Both are JSON Schemas as Pydantic writes them in validation mode (``$defs`` at the root).
    """
    return list(_compare(old, new, old, new, "$"))


def _compare(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    old, new = _resolve(old, old_root), _resolve(new, new_root)
    yield from _compare_limits(old, new, at)
    yield from _compare_values(old, new, at)
    yield from _compare_fields(old, new, old_root, new_root, at)
    yield from _compare_inner(old, new, old_root, new_root, at)


def _compare_limits(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for word in sorted((old.keys() | new.keys()) - _SILENT - _STRUCTURE):
        if (word in old) != (word in new) or old.get(word) != new.get(word):
            yield f"{at}: {word} changed"
    if old.get("type") != new.get("type"):
        yield f"{at}: type changed"


def _compare_values(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, now = _values(old), _values(new)
    if (before is None) != (now is None):
        yield f"{at}: became, or stopped being, an enumeration"
        return
    for value in sorted((now or set()) - (before or set())):
        yield f"{at}: {value} was added; old readers do not know it"
    for value in sorted((before or set()) - (now or set())):
        yield f"{at}: {value} was removed; old data holds it"


def _compare_fields(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    before, now = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_now = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(needed_before - needed_now):
        yield f"{at}.{name}: is no longer required; old readers need it"
    for name in sorted(needed_now - needed_before):
        yield f"{at}.{name}: is now required; old data may lack it"
    for name in sorted(before.keys() & now.keys()):
        yield from _compare(before[name], now[name], old_root, new_root, f"{at}.{name}")


def _compare_inner(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> Iterator[str]:
    if ("items" in old) != ("items" in new):
        yield f"{at}: items appeared or went"
    elif "items" in old:
        yield from _compare(old["items"], new["items"], old_root, new_root, f"{at}[]")
    before, now = old.get("anyOf", []), new.get("anyOf", [])
    if len(before) != len(now):
        yield f"{at}: another number of alternatives (null allowed, or no longer)"
        return
    for index, (one, other) in enumerate(zip(before, now, strict=True)):
        yield from _compare(one, other, old_root, new_root, f"{at}|{index}")


def _values(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else None


def _resolve(schema: Schema, root: Schema) -> Schema:
    """Follow a reference; what stands beside it (a default) counts too."""
    if "$ref" not in schema:
        return schema
    target = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return {**_resolve(target, root), **{word: value for word, value in schema.items() if word != "$ref"}}
