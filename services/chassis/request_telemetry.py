"""One span, one metric and one log line per request: method, route template, status, time. Never the path itself,
which may hold a query code, nor an address, nor a user agent. Pure ASGI, because it is on the way of every request."""

from time import perf_counter
from typing import Any

import structlog
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis import metrics
from services.chassis.tracing import parent_context

_QUIET = frozenset({"/health", "/ready", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_tracer = trace.get_tracer("huiyin.http")
_log = structlog.get_logger("huiyin.http")


class RequestTelemetry:
    """Wraps the whole application, so that answers of the error handlers are counted too."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service
        self._histograms: dict[tuple[str, str, int], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        began = perf_counter()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        span = _tracer.start_span(method, context=_parent(scope), kind=SpanKind.SERVER)
        token = otel_context.attach(trace.set_span_in_context(span))
        try:
            await self.app(scope, receive, watch)
        finally:
            seconds = perf_counter() - began
            route = _route(scope)
            if span.is_recording():
                span.update_name(f"{method} {route}")
                span.set_attributes(
                    {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                )
                if status >= 500:
                    span.set_status(StatusCode.ERROR)
            self._observe(method, route, status, seconds)
            _log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))
            span.end()
            otel_context.detach(token)

    def _observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        histogram = self._histograms.get(key)
        if histogram is None:
            histogram = metrics.http_seconds.labels(self.service, method, route, str(status))
            self._histograms[key] = histogram
        histogram.observe(seconds)


def _route(scope: Scope) -> str:
    """The route's template; what matched no route has no name of ours."""
    route = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return str(path) if path else "unmatched"


def _parent(scope: Scope) -> otel_context.Context:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return parent_context(value.decode("latin-1"))
    return otel_context.Context()
