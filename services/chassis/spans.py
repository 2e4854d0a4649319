"""Export of spans without personal data: attributes by allow-list, exceptions by type; as JSON lines or by OTLP."""

import json
from collections.abc import Sequence
from pathlib import Path

import structlog
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status, format_span_id, format_trace_id

from services.chassis.redaction import span_attributes

_log = structlog.get_logger("huiyin.spans")


class RedactingExporter(SpanExporter):
    """Hands on only what may leave the process. Libraries put exception texts into spans: those are dropped here."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._losing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export([_redacted(span) for span in spans])
        losing = result is not SpanExportResult.SUCCESS
        if losing != self._losing:
            self._losing = losing
            _log.warning("spans_are_lost" if losing else "spans_arrive_again", engine="collector", count=len(spans))
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span_attributes(span.attributes),
        events=[Event(event.name, span_attributes(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class JsonLinesExporter(SpanExporter):
    """One JSON object per span, appended to a file that several processes share (one write per batch)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 closed in shutdown

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._file.write(b"".join(json.dumps(_as_dict(span)).encode() + b"\n" for span in spans))
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._file.close()


def _as_dict(span: ReadableSpan) -> dict[str, object]:
    context = span.get_span_context()
    assert context is not None
    return {
        "name": span.name,
        "service": span.resource.attributes.get("service.name"),
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
        "parent_id": format_span_id(span.parent.span_id) if span.parent else None,
        "kind": span.kind.name,
        "start": span.start_time,
        "end": span.end_time,
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
        "links": [format_trace_id(link.context.trace_id) for link in span.links],
    }
