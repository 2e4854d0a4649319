"""What operators see: one trace from the request to the activity, and the metrics of the whole way."""

import asyncio
import json
from collections import defaultdict
from typing import Any

import httpx
import pytest

from deploy.demo.client import Officers, Reporters
from deploy.stack import Stack
from tests.load.lifecycle import SAMPLE

pytestmark = pytest.mark.asyncio(loop_scope="session")

METRICS = {
    "complaints": ("huiyin_outbox_lag_seconds", "huiyin_consumer_lag", "huiyin_http_seconds"),
    "referrals": (
        "huiyin_outbox_lag_seconds",
        "huiyin_consumer_lag",
        "huiyin_task_latency_seconds",
        "huiyin_cases_by_stage",
        "huiyin_deadlines_missed_total",
    ),
    "notifications": ("huiyin_consumer_lag", "huiyin_outbox_lag_seconds"),
}


def traces(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """All spans of the system by trace."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for text in (stack.state_dir / "traces.jsonl").read_text("utf-8").splitlines():
        span = json.loads(text)
        found[span["trace_id"]].append(span)
    return found


async def test_one_trace_from_the_request_through_kafka_into_workflow_and_activity(
    stack: Stack, people: tuple[Reporters, Officers]
) -> None:
    await people[0].file(SAMPLE)
    async with asyncio.timeout(60):
        while True:
            whole = [spans for spans in traces(stack).values() if services(spans) >= {"complaints", "referrals"}]
            names = {span["name"] for spans in whole for span in spans}
            if any("/v1/complaints" in name for name in names) and any("record_transition" in name for name in names):
                break
            await asyncio.sleep(0.5)
    assert any("StartWorkflow" in name for name in names)
    assert any("RunWorkflow" in name for name in names)


def services(spans: list[dict[str, Any]]) -> set[str]:
    return {span["service"] for span in spans}


@pytest.mark.parametrize("service", list(METRICS))
async def test_the_metrics_are_there(
    service: str, stack: Stack, people: tuple[Reporters, Officers], http: httpx.AsyncClient
) -> None:
    text = (await http.get(stack.url(service) + "/metrics")).text
    assert [name for name in METRICS[service] if name not in text] == []


async def test_ready_names_the_engine_that_is_missing_and_health_lives(stack: Stack, http: httpx.AsyncClient) -> None:
    await asyncio.to_thread(stack.hold, "temporal")
    try:
        answer = await http.get(stack.url("referrals") + "/ready")
        assert answer.status_code == 503
        assert answer.json()["engines"]["temporal"] == "missing"
        assert (await http.get(stack.url("referrals") + "/health")).status_code == 200
        intake = await http.get(stack.url("complaints") + "/ready")
        assert intake.status_code == 200, "intake needs PostgreSQL alone"
    finally:
        await asyncio.to_thread(stack.release, "temporal")
    async with asyncio.timeout(60):
        while (await http.get(stack.url("referrals") + "/ready")).status_code != 200:
            await asyncio.sleep(0.2)
