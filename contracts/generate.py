"""Writes the contract documents from the models, golden JSON Schemas and asyncapi.yaml: `python -m contracts.generate`.

A schema file is one revision of one event type, and stays for ever. A compatible change of a model becomes the next
revision; an incompatible one is refused: it needs a new type. Samples are written by hand, per revision.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from contracts import asyncapi
from contracts.compatibility import breaks
from contracts.envelope import Event
from contracts.registry import EVENTS

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
SAMPLES = HERE / "samples"
RELEASED = SCHEMAS / "released.json"
ASYNCAPI = HERE / "asyncapi.yaml"


class Incompatible(ValueError):
    """A released type changed in a way that readers or data of the other side can't take."""


def events() -> list[type[Event]]:
    """All event models, by type name."""
    return sorted(EVENTS, key=lambda event: event.TYPE)


def schema_text(event: type[Event]) -> str:
    """The schema of an event's data as it is committed: what a reader demands. Without words, which may change."""
    schema = _bare(event.model_json_schema(mode="validation"))
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:{event.TYPE}", **schema}
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without titles and descriptions (of schemas; a field may well be called so)."""
    bare: dict[str, Any] = {}
    for word, value in schema.items():
        if word in ("properties", "$defs"):
            bare[word] = {name: _bare(inner) for name, inner in value.items()}
        elif word == "anyOf":
            bare[word] = [_bare(inner) for inner in value]
        elif word == "items":
            bare[word] = _bare(value)
        elif word not in ("title", "description"):
            bare[word] = value
    return bare


def revisions(event_type: str) -> dict[int, dict[str, Any]]:
    """The committed schemas of a type by revision, oldest first."""
    paths = sorted((SCHEMAS / event_type).glob("*.json"), key=lambda path: int(path.stem))
    return {int(path.stem): json.loads(path.read_text(encoding="utf-8")) for path in paths}


def released() -> dict[str, dict[str, str]]:
    """SHA-256 of every released schema file: type → revision → hash."""
    content: dict[str, dict[str, str]] = json.loads(RELEASED.read_text(encoding="utf-8")) if RELEASED.exists() else {}
    return content


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def samples(event_type: str) -> dict[Path, Any]:
    """The committed samples of a type; a file's name begins with its revision."""
    paths = sorted((SAMPLES / event_type).glob("*.json"))
    return {path: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def revision_of(sample: Path) -> int:
    """The revision that a sample belongs to: ``1-full.json`` → 1."""
    return int(sample.stem.partition("-")[0])


def documents() -> dict[Path, str]:
    """Every generated file with its content as it should be now.

    Raises Incompatible, naming each place, when a model no longer fits a released schema of its type.
    """
    files = {}
    for event in events():
        files[_schema_path(event)] = schema_text(event)
    newest = {event.TYPE: list(samples(event.TYPE).values()) for event in events()}
    return {**files, ASYNCAPI: asyncapi.document(events(), newest)}


def _schema_path(event: type[Event]) -> Path:
    known = revisions(event.TYPE)
    kept = released().get(event.TYPE, {})
    now = json.loads(schema_text(event))
    problems = [
        f"{event.TYPE} revision {revision}{problem}"
        for revision, schema in known.items()
        if str(revision) in kept
        for problem in (f" {line}" for line in breaks(schema, now))
    ]
    if problems:
        raise Incompatible("a new type is needed (raise the version at the end of TYPE):\n  " + "\n  ".join(problems))
    last = max(known, default=1)
    if str(last) in kept and known[last] != now:
        last += 1
    return SCHEMAS / event.TYPE / f"{last}.json"


def release() -> None:
    """Note the hash of every schema file: from now on none of them changes."""
    hashes = {
        event.TYPE: {path.stem: digest(path) for path in sorted((SCHEMAS / event.TYPE).glob("*.json"))}
        for event in events()
    }
    RELEASED.write_text(json.dumps(hashes, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the files; ``--check`` only says which are stale, ``--release`` seals schemas. Returns the exit status."""
    try:
        wanted = documents()
    except Incompatible as error:
        sys.stderr.write(f"{error}\n")
        return 1
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        sys.stderr.writelines(f"stale: {path.relative_to(HERE.parent)}\n" for path in stale)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(HERE.parent)}\n")
    if "--release" in arguments:
        release()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
