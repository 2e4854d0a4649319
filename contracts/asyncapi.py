"""The AsyncAPI 3.0 document of all events, from the models, the topics and the samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from contracts.envelope import CONTENT_TYPE, SPEC_VERSION, Event
from contracts.topics import CASES, COMPLAINTS, NOTIFICATIONS, TOPICS, Topic

VERSION = "1.0.0"
_KAFKA_BINDING = "0.5.0"

SENDERS: dict[Topic, str] = {COMPLAINTS: "complaints", CASES: "referrals", NOTIFICATIONS: "notifications"}
RECEIVERS: dict[Topic, tuple[str, ...]] = {
    COMPLAINTS: ("referrals", "notifications"),
    CASES: ("complaints", "notifications"),
    NOTIFICATIONS: (),
}
"""Who writes a topic, and who of ours reads it. A topic has one writer."""

_DESCRIPTION = """\
Events of Huiyin (回音): CloudEvents 1.0 in Kafka's binary content mode: attributes are `ce_*` headers, the record's
value is the data.
Delivery is at least once, in order per record key; drop an event whose `ce_id` you have seen from the same
`ce_source`. Ignore fields that you do not know: fields are added without a new version. An enumeration is closed: a new
member comes with a new type. Classes that grow (acts, stages, ...) are codes: expect some that you do not know.
No event carries an identity, an address or a narrative.
"""


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such; nothing by anchor, which few readers of the document expect."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def document(events: Sequence[type[Event]], samples: Mapping[str, Sequence[Any]]) -> str:
    """The document as YAML. ``samples`` by event type become the messages' examples."""
    content = {
        "asyncapi": "3.0.0",
        "id": "urn:cn:huiyin:events",
        "info": {"title": "Huiyin events", "version": VERSION, "description": _DESCRIPTION},
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic.name: _channel(topic, events) for topic in TOPICS},
        "operations": dict(_operations(events)),
        "components": {
            "messages": {event.TYPE: _message(event, samples.get(event.TYPE, ())) for event in events},
            "schemas": {"CloudEventHeaders": _headers(), **_schemas(events)},
        },
    }
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


def _channel(topic: Topic, events: Sequence[type[Event]]) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Keyed by `{topic.key}`: events of one {topic.key.removesuffix('_id')} come in order.",
        "messages": {
            event.TYPE: {"$ref": f"#/components/messages/{event.TYPE}"} for event in events if event.TOPIC is topic
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"retention.ms": topic.retention_ms},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _operations(events: Sequence[type[Event]]) -> list[tuple[str, dict[str, Any]]]:
    operations = []
    for topic in TOPICS:
        acts = [("send", SENDERS[topic]), *(("receive", receiver) for receiver in RECEIVERS[topic])]
        for action, service in acts:
            operation = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": f"{service} {action}s",
                "messages": [
                    {"$ref": f"#/channels/{topic.name}/messages/{event.TYPE}"}
                    for event in events
                    if event.TOPIC is topic
                ],
            }
            operations.append((f"{service}.{action}.{topic.name}", operation))
    return operations


def _message(event: type[Event], samples: Sequence[Any]) -> dict[str, Any]:
    text = " ".join((event.__doc__ or "").split("\n\n")[0].split())
    message: dict[str, Any] = {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": text,
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": f"The event's `{event.TOPIC.key}`"},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }
    if samples:
        message["examples"] = [{"payload": sample} for sample in samples]
    return message


def _schemas(events: Sequence[type[Event]]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for event in events:
        schema = event.model_json_schema(mode="validation", ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[event.__name__] = schema
    return dict(sorted(schemas.items()))


def _headers() -> dict[str, Any]:
    def text(description: str, **more: Any) -> dict[str, Any]:
        return {"type": "string", "description": description, **more}

    return {
        "type": "object",
        "description": "CloudEvents 1.0.2 attributes (Kafka Protocol Binding §3.2); values are UTF-8 strings",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type"],
        "properties": {
            "ce_specversion": text("Version of CloudEvents", const=SPEC_VERSION),
            "ce_id": text("Unique together with ce_source", format="uuid"),
            "ce_source": text("The service that says it, e.g. /referrals"),
            "ce_type": text("The event's type, with its major version"),
            "ce_subject": text("What it is about: an id"),
            "ce_time": text("When it was written", format="date-time"),
            "ce_traceparent": text("W3C Trace Context of the request that led to it"),
            "content-type": text("Of the record's value", const=CONTENT_TYPE),
        },
    }
