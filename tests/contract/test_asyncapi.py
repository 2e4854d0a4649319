"""asyncapi.yaml is valid by the official AsyncAPI 3.0 JSON Schema, resolves, and says what the code does."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from contracts import generate
from contracts.topics import TOPICS

HERE = Path(__file__).parent
OFFICIAL = HERE / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    """The schema that the AsyncAPI initiative publishes, from its package in the version of package-lock.json."""
    if not OFFICIAL.exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True, timeout=300)
    schema: dict[str, Any] = json.loads(OFFICIAL.read_text(encoding="utf-8"))
    return schema


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The committed document."""
    content: dict[str, Any] = yaml.safe_load(generate.ASYNCAPI.read_text(encoding="utf-8"))
    return content


def test_the_document_is_valid_by_the_official_schema(official: dict[str, Any], document: dict[str, Any]) -> None:
    Draft7Validator.check_schema(official)
    assert [error.message for error in Draft7Validator(official).iter_errors(document)] == []


def test_the_official_schema_would_find_a_mistake(official: dict[str, Any], document: dict[str, Any]) -> None:
    broken = document | {"operations": {"complaints.send": {"action": "publish"}}}
    assert not Draft7Validator(official).is_valid(broken)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = 0
    pending: list[Any] = [document]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            pending.extend(item.values())
            if isinstance(item.get("$ref"), str):
                found += 1
                target: Any = document
                for step in item["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
    assert found > 20


def test_every_example_is_data_of_its_message(document: dict[str, Any]) -> None:
    for message in document["components"]["messages"].values():
        schema = {**document["components"]["schemas"][message["title"]], "components": document["components"]}
        assert message["examples"]
        for example in message["examples"]:
            Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER).validate(example["payload"])


def test_channels_are_the_topics_and_messages_are_the_events(document: dict[str, Any]) -> None:
    assert {
        (channel["address"], channel["bindings"]["kafka"]["partitions"]) for channel in document["channels"].values()
    } == {(topic.name, topic.partitions) for topic in TOPICS}
    assert set(document["components"]["messages"]) == {event.TYPE for event in generate.events()}
    for event in generate.events():
        assert event.TYPE in document["channels"][event.TOPIC.name]["messages"]


def test_every_topic_has_one_sender(document: dict[str, Any]) -> None:
    senders = [
        operation["channel"]["$ref"] for operation in document["operations"].values() if operation["action"] == "send"
    ]
    assert sorted(senders) == sorted(f"#/channels/{topic.name}" for topic in TOPICS)
