"""The golden schemas are those of the models, released ones never change, and every sample is data of its revision."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts import generate
from contracts.envelope import Event

EVENTS = generate.events()
SAMPLES = [(event, path, data) for event in EVENTS for path, data in generate.samples(event.TYPE).items()]
SCHEMAS = [(event, revision, schema) for event in EVENTS for revision, schema in generate.revisions(event.TYPE).items()]


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Formats count: an instant without an offset or a broken UUID is no data of ours."""
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def named(value: object) -> str:
    """For test ids."""
    match value:
        case Path():
            return f"{value.parent.name}/{value.stem}"
        case type():
            return value.__name__
        case int():
            return str(value)
    return ""


@pytest.mark.parametrize("path", generate.documents(), ids=named)
def test_the_committed_document_is_the_generated_one(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generate.documents()[path], "run: python -m contracts.generate"


def test_a_released_schema_file_never_changes() -> None:
    for event_type, hashes in generate.released().items():
        for revision, digest in hashes.items():
            path = generate.SCHEMAS / event_type / f"{revision}.json"
            assert generate.digest(path) == digest, f"{path.name} of {event_type} was released and has changed since"


def test_every_event_type_is_released() -> None:
    assert set(generate.released()) == {event.TYPE for event in EVENTS}


def test_a_type_that_was_released_is_not_forgotten() -> None:
    """Its records may still be in a topic."""
    folders = {path.name for path in generate.SCHEMAS.iterdir() if path.is_dir()}
    assert folders == {event.TYPE for event in EVENTS} == {path.name for path in generate.SAMPLES.iterdir()}


@pytest.mark.parametrize(("event", "revision", "schema"), SCHEMAS, ids=named)
def test_a_schema_is_a_schema_and_has_samples(event: type[Event], revision: int, schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    names = {path.stem for path in generate.samples(event.TYPE) if generate.revision_of(path) == revision}
    assert f"{revision}-full" in names
    optional = set(schema["properties"]) - set(schema["required"])
    assert f"{revision}-minimal" in names or not optional


@pytest.mark.parametrize(("event", "path", "data"), SAMPLES, ids=named)
def test_a_sample_is_data_of_its_revision(event: type[Event], path: Path, data: dict[str, Any]) -> None:
    schema = generate.revisions(event.TYPE)[generate.revision_of(path)]
    validator(schema).validate(data)
    if path.stem.endswith("-full"):
        assert set(data) == set(schema["properties"])
    if path.stem.endswith("-minimal"):
        assert set(data) == set(schema["required"])


@pytest.mark.parametrize(("event", "path", "data"), SAMPLES, ids=named)
def test_todays_reader_understands_every_sample_ever_released(
    event: type[Event], path: Path, data: dict[str, Any]
) -> None:
    understood = event.model_validate_json(path.read_bytes())
    written = json.loads(understood.model_dump_json())
    known = {name: value for name, value in data.items() if name in event.model_fields}
    assert _of(written, known) == known


def _of(written: Any, known: Any) -> Any:
    """What is written, less the fields that the older writer did not know."""
    if isinstance(known, dict) and isinstance(written, dict):
        return {name: _of(written[name], value) for name, value in known.items()}
    return written


@pytest.mark.parametrize(("event", "revision", "schema"), SCHEMAS, ids=named)
def test_yesterdays_readers_understand_what_is_written_today(
    event: type[Event], revision: int, schema: dict[str, Any]
) -> None:
    for path, data in generate.samples(event.TYPE).items():
        if generate.revision_of(path) >= revision:
            validator(schema).validate(data)


@pytest.mark.parametrize("event", EVENTS, ids=named)
def test_a_reader_ignores_fields_that_it_does_not_know(event: type[Event]) -> None:
    for data in generate.samples(event.TYPE).values():
        assert event.model_validate({**data, "added_by_a_newer_writer": {"deep": [1]}}) == event.model_validate(data)


@pytest.mark.parametrize("event", EVENTS, ids=named)
def test_the_type_ends_in_its_major_version_and_the_key_is_a_required_field(event: type[Event]) -> None:
    assert event.TYPE.rpartition(".v")[2].isdigit()
    assert event.model_fields[event.TOPIC.key].is_required()
