"""Logs and spans carry ids and classes only, whatever a caller, a library or an exception puts into them."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from services.chassis import telemetry
from services.chassis.redaction import describe_exception, field_path, scalar
from services.chassis.settings import Settings
from services.chassis.spans import JsonLinesExporter, RedactingExporter
from services.chassis.tracing import continued, parent_context, traceparent

SECRET = "张三 13800001111 zhang@example.com"
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def logging_as_in_a_service(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    # capsys first: the logger keeps the standard output that it finds
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    telemetry.setup("test", Settings(log_level="INFO"))
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_only_listed_names_get_through(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().info("filed", case_id="case-1", complainant=SECRET, phone="13800001111", count=2)
    (entry,) = lines(capsys)
    assert (entry["event"], entry["case_id"], entry["count"], entry["service"]) == ("filed", "case-1", 2, "test")
    assert entry["skipped"] == 2
    assert "1380" not in json.dumps(entry)


def test_text_that_is_no_class_does_not_get_through_under_a_listed_name(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().info("filed", reason=SECRET, outcome={"name": SECRET}, unit_ids=["unit-1", SECRET])
    (entry,) = lines(capsys)
    assert (entry["reason"], entry["outcome"], entry["unit_ids"]) == ("<text>", "<dict>", ["unit-1", "<text>"])


def test_an_exception_shows_its_type_and_place_only(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(SECRET) from cause
    except ValueError:
        structlog.get_logger().exception("failed")
    shown = capsys.readouterr().out
    entry = json.loads(shown)
    assert (entry["exc_type"], entry["exc_cause"]) == ("ValueError", "KeyError")
    assert entry["exc_at"][-1].startswith("tests/unit/chassis/test_logging.py:")
    assert "13800001111" not in shown


def test_libraries_arguments_and_exceptions_do_not_get_through(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("some.library").warning("refused %s", SECRET)
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n%s", SECRET)
    shown = capsys.readouterr().out
    assert "refused %s" in shown
    assert "RuntimeError" in shown
    assert "1380" not in shown


def test_spans_are_exported_without_texts(tmp_path: Path) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(JsonLinesExporter(tmp_path / "t.jsonl"))))
    tracer = provider.get_tracer("test")

    def work() -> None:
        with tracer.start_as_current_span("work", attributes={"case_id": "c"}) as span:
            span.set_attribute("complainant", SECRET)
            raise ValueError(SECRET)  # the tracer records the exception with its text

    with pytest.raises(ValueError, match="张三"):
        work()
    provider.shutdown()
    written = (tmp_path / "t.jsonl").read_text()
    entry = json.loads(written)
    assert (entry["name"], entry["status"], entry["attributes"]) == ("work", "ERROR", {"case_id": "c"})
    assert "1380" not in written


def test_a_trace_goes_on_in_the_consumer() -> None:
    with telemetry.continued("first", None) as span:
        context = span.get_span_context()
        carried = traceparent()
    assert carried is not None
    assert carried.split("-")[1] == f"{context.trace_id:032x}"
    with continued("second", carried) as span:
        assert span.get_span_context().trace_id == context.trace_id


@pytest.mark.parametrize(
    "value",
    [None, "", "x", "00-0-0-0", "00-" + "z" * 32 + "-" + "1" * 16 + "-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-00"],
)
def test_a_malformed_traceparent_starts_a_new_trace(value: str | None) -> None:
    assert len(parent_context(value)) == 0


def test_scalars() -> None:
    assert scalar(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"
    assert scalar("x" * 300) == "x" * 200
    assert scalar(object()) == "<object>"


def test_an_error_s_place_without_a_traceback() -> None:
    assert describe_exception(ValueError(SECRET)) == {"exc_type": "ValueError", "exc_at": []}


def test_field_paths_do_not_repeat_what_the_sender_made_up() -> None:
    assert field_path(("body", "respondents", 0, "name")) == "body.respondents.0.name"
    assert field_path(("body", SECRET, "a b")) == "body.?.?"
    assert field_path(("body", "zhangsan"), unknown_field=True) == "body.?"


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("services", "workflows"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
                    and isinstance(node.func.value, ast.Name | ast.Attribute)
                    and "log" in ast.unparse(node.func.value).lower()
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_what_is_logged_is_a_constant() -> None:
    """An f-string as the event would carry content past the allow-list."""
    calls = list(_log_calls())
    assert len(calls) > 20
    assert [place for place, call in calls if not (call.args and _is_constant(call.args[0]))] == []


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_constant(node.body) and _is_constant(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
