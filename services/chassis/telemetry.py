"""Logs, traces and metrics of a process, all without personal data (redaction.py says what passes)."""

import atexit
import logging
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased

from services.chassis import metrics as metrics
from services.chassis.redaction import ALLOWED_KEYS, describe_exception, scalar
from services.chassis.request_telemetry import RequestTelemetry as RequestTelemetry
from services.chassis.settings import Settings
from services.chassis.spans import JsonLinesExporter, RedactingExporter
from services.chassis.tracing import continued as continued
from services.chassis.tracing import traceparent as traceparent

# These loggers' arguments are addresses, topics and states; other libraries' may be anything.
_KNOWN_LOGGERS = ("aiokafka", "uvicorn", "alembic", "huiyin", "asyncpg")
_EXPORT_SECONDS = 3.0
"""For one batch with its repetitions; meanwhile spans are kept, and beyond 2,048 dropped."""
_state: dict[str, str] = {"service": "huiyin"}


def service_name() -> str:
    """The name given to `setup`."""
    return _state["service"]


def setup(service: str, settings: Settings) -> None:
    """Configure logging and tracing of this process. May be called again (tests): the last logging set-up holds."""
    _state["service"] = service
    _setup_logging(service, settings)
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(_tracer_provider(service, settings))
        atexit.register(flush)


def _setup_logging(service: str, settings: Settings) -> None:
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )

    def add_service(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["service"] = service
        return entry

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_service,
            _add_trace,
            _add_exception,
            only_allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level)),
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _Foreign)] + [_Foreign()]
    root.setLevel(max(logging.INFO, getattr(logging, settings.log_level)))
    for noisy in ("aiokafka", "httpx", "httpcore", "temporalio", "sqlalchemy", "alembic", "faststream"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Each attempt of each batch, as long as the collector is away: spans.py says it once.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)


def only_allowed(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that drops every key that is not allow-listed; it says how many were dropped."""
    kept = {name: scalar(value) for name, value in entry.items() if name in ALLOWED_KEYS}
    if dropped := len(entry) - len(kept):
        kept["skipped"] = dropped
    return kept


def _add_trace(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        entry["trace_id"] = trace.format_trace_id(context.trace_id)
    return entry


def _add_exception(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = entry.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        entry.update(describe_exception(error))
    return entry


class _Foreign(logging.Handler):
    """Takes what libraries log: the first line, without arguments unless we know what they are."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:  # such texts often repeat the exception's own
            text = "library_error"
        elif record.name.split(".")[0] in _KNOWN_LOGGERS:
            text = record.getMessage()
        else:
            text = str(record.msg)
        structlog.get_logger().log(
            record.levelno, text.partition("\n")[0][:200], logger=record.name, exc_info=record.exc_info
        )


def _tracer_provider(service: str, settings: Settings) -> TracerProvider:
    exporters: list[SpanExporter] = []
    if settings.trace_file:
        exporters.append(JsonLinesExporter(Path(settings.trace_file)))
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporters.append(OTLPSpanExporter(endpoint=_traces_url(settings.otlp_endpoint), timeout=_EXPORT_SECONDS))
    # Nobody looks at the spans: none is recorded, but trace ids still join the log lines.
    root = TraceIdRatioBased(settings.trace_ratio) if exporters else ALWAYS_OFF
    provider = TracerProvider(
        sampler=ParentBased(root), resource=Resource.create({"service.name": service}), shutdown_on_exit=False
    )
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(RedactingExporter(exporter), schedule_delay_millis=1000))
    return provider


def _traces_url(endpoint: str) -> str:
    """The address of a collector's traces, from that or from the collector's own."""
    return endpoint if urlsplit(endpoint).path.strip("/") else f"{endpoint.rstrip('/')}/v1/traces"


def flush(seconds: float = 5.0) -> None:
    """Write the spans out that are still in memory, and end. A collector that is away is not waited for longer."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        # The library's own limits add up to half a minute.
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(seconds)
