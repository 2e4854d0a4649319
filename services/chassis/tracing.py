"""Trace context across processes: from a request through Kafka into a consumer (W3C traceparent)."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags

tracer = trace.get_tracer("huiyin")


def traceparent() -> str | None:
    """The W3C traceparent of the current span; None outside one."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return (
        f"00-{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
        f"-{int(context.trace_flags) & 1:02x}"
    )


def parent_context(value: str | None) -> otel_context.Context:
    """The context of a traceparent; an empty one when it is missing or malformed."""
    parts = (value or "").split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2]:
        return otel_context.Context()
    try:
        context = SpanContext(
            int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=TraceFlags(int(parts[3], 16) & 1)
        )
    except ValueError:
        return otel_context.Context()
    if not context.is_valid:
        return otel_context.Context()
    return trace.set_span_in_context(NonRecordingSpan(context), otel_context.Context())


@contextmanager
def continued(name: str, parent: str | None, **attributes: str | int) -> Iterator[Span]:
    """A consumer's span that continues the trace of a traceparent. `attributes` only under allow-listed names."""
    with tracer.start_as_current_span(
        name,
        context=parent_context(parent),
        kind=SpanKind.CONSUMER,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("exception.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
