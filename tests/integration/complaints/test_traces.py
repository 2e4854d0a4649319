"""Traces by OTLP: the process sends what a real request did, and nobody's words; without a collector it works on."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from deploy.stack import Stack
from services.chassis.settings import Settings
from tests.integration.complaints.people import Reporter
from tests.integration.complaints.running import Process

PRIVATE = ("赵六的床位费", "赵六", "zhao.liu@example.com", "13900001234", "某医院某科室")
TRACE = "a" * 32


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP; `bodies` are the requests as they came, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Taking)

    def spans(self) -> list[tuple[str, Span]]:
        """(service, span) of everything taken."""
        return [
            (service.value.string_value, span)
            for _, body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for service in resource.resource.attributes
            if service.key == "service.name"
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


async def complain(reporter: Reporter) -> None:
    """One request that is refused and one that is accepted, both full of what is nobody's business."""
    reporter.http.headers["traceparent"] = f"00-{TRACE}-{'b' * 16}-01"
    known = {"name": "赵六", "email": "zhao.liu@example.com", "phone": "13900001234"}
    refused = await reporter.submit(narrative="赵六的床位费" * 9, category="赵六", reporter=known, ways=["EMAIL"])
    assert refused.status_code == 422
    await reporter.submitted(narrative="赵六的床位费", respondents=["某医院某科室"], reporter=known, ways=["EMAIL"])
    receipt = {"case_number": "13900001234", "query_code": "zhao.liu@example.com"}
    assert (await reporter.track(receipt)).status_code in (404, 422)


async def test_the_collector_gets_a_request_s_spans_and_nobody_s_words(
    settings: Settings, stack_engines: Stack, collector: Collector, tmp_path: Path
) -> None:
    process = Process(
        settings, stack_engines, tmp_path / "log", otlp_endpoint=f"http://127.0.0.1:{collector.server_port}"
    )
    async with process.running() as reporter:
        await complain(reporter)
    assert process.process.returncode == 0
    assert {path for path, _ in collector.bodies} == {"/v1/traces"}
    ours = [(service, span) for service, span in collector.spans() if span.trace_id.hex() == TRACE]
    assert {service for service, _ in ours} == {"complaints"}
    served = {span.name: {pair.key: pair.value for pair in span.attributes} for _, span in ours}
    assert {"POST /v1/complaints", "POST /v1/tracking"} <= set(served)
    assert served["POST /v1/complaints"]["http.route"].string_value == "/v1/complaints"
    statuses = {
        pair.value.int_value for _, span in ours for pair in span.attributes if pair.key == "http.response.status_code"
    }
    assert {201, 422} <= statuses
    raw = b"".join(body for _, body in collector.bodies)
    for words in PRIVATE:
        assert words.encode() not in raw
        assert words not in process.log.read_text()


@pytest.mark.parametrize("absence", ["nobody listens", "it never answers"])
async def test_a_collector_that_is_away_harms_nothing(
    settings: Settings, stack_engines: Stack, tmp_path: Path, absence: str
) -> None:
    """Requests are answered as ever, the process ends in its time, and it is said once that spans are lost."""
    deaf = socket.create_server(("127.0.0.1", 0))
    port = deaf.getsockname()[1]
    if absence == "nobody listens":
        deaf.close()
    process = Process(settings, stack_engines, tmp_path / "log", otlp_endpoint=f"http://127.0.0.1:{port}/v1/traces")
    async with process.running() as reporter:
        for _ in range(3):
            await complain(reporter)
        async with asyncio.timeout(15):
            while b"spans_are_lost" not in process.log.read_bytes():
                await asyncio.sleep(0.1)
        await complain(reporter)
    assert process.process.returncode == 0
    assert process.log.read_text().count("spans_are_lost") == 1
    deaf.close()
