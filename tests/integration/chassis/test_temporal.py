"""Temporal through our client: nothing readable at the server, rotation, traces that go on, a server that is away."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from services.chassis import keyfiles, keyrings, temporal
from services.chassis.outages import EngineAway, engine_away
from services.chassis.settings import Settings
from services.chassis.spans import JsonLinesExporter, RedactingExporter
from services.chassis.tracing import continued

SECRET = "张三收了红包"


class Question(BaseModel):
    text: str


@activity.defn
async def answer(question: Question) -> Question:
    if question.text == "fail":
        raise ApplicationError(SECRET, SECRET, non_retryable=True)
    return Question(text=question.text + "！")


@workflow.defn(sandboxed=False)
class Asking:
    @workflow.run
    async def run(self, question: Question) -> Question:
        return await workflow.execute_activity(
            answer, question, start_to_close_timeout=timedelta(seconds=10), result_type=Question
        )


@workflow.defn(sandboxed=False)
class Hearing:
    """Ends with all that it heard, once it was told to by signal."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.ended = False

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.ended)
        return self.heard

    @workflow.update
    async def say(self, question: Question) -> None:
        self.heard.append(question.text)

    @workflow.signal
    def end(self, question: Question) -> None:
        self.heard.append(question.text)
        self.ended = True


@pytest.fixture
def own_keys(settings: Settings, tmp_path: Path) -> Settings:
    chosen = settings.model_copy(update={"keys_dir": tmp_path / "keys", "signers_dir": tmp_path / "signing"})
    keyfiles.ensure_keys(chosen)
    return chosen


async def _ask(client: Client, text: str) -> tuple[str, Question]:
    workflow_id = f"test/{uuid.uuid4()}"
    async with Worker(client, task_queue=workflow_id, workflows=[Asking], activities=[answer]):
        result = await client.execute_workflow(Asking.run, Question(text=text), id=workflow_id, task_queue=workflow_id)
    return workflow_id, result


async def test_the_server_can_not_read_payloads_and_failures(own_keys: Settings) -> None:
    client = await temporal.connect(own_keys)
    workflow_id, result = await _ask(client, SECRET)
    assert result.text == SECRET + "！"
    with pytest.raises(WorkflowFailureError) as caught:
        await _ask(client, "fail")
    assert SECRET in str(caught.value.cause.cause)  # who holds the keys reads it
    plain = await Client.connect(own_keys.temporal_address, namespace=own_keys.temporal_namespace)
    failed = [w async for w in plain.list_workflows("ExecutionStatus = 'Failed'", limit=50)]
    for seen in (workflow_id, *(w.id for w in failed)):
        history = await plain.get_workflow_handle(seen).fetch_history()
        raw = b"".join(event.SerializeToString() for event in history.events)
        assert SECRET.encode() not in raw
        assert "红包" not in history.to_json()


async def test_histories_of_old_keys_stay_readable(own_keys: Settings) -> None:
    client = await temporal.connect(own_keys)
    workflow_id, _ = await _ask(client, SECRET)
    keyrings.rotate(own_keys.keys_dir, "temporal")
    rotated = await temporal.connect(own_keys)
    assert (await rotated.get_workflow_handle_for(Asking.run, workflow_id).result()).text == SECRET + "！"
    newer, _ = await _ask(rotated, SECRET)
    # started before the rotation: learns the new key when it meets it
    assert (await client.get_workflow_handle_for(Asking.run, newer).result()).text == SECRET + "！"
    history = await rotated.get_workflow_handle(newer).fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    assert temporal.key_ids(started.input.payloads) == {"k2"}


async def test_who_lacks_our_keys_gives_no_orders(own_keys: Settings) -> None:
    client = await temporal.connect(own_keys)
    stranger = await Client.connect(own_keys.temporal_address, data_converter=pydantic_data_converter)
    name = f"test/{uuid.uuid4()}"
    async with Worker(client, task_queue=name, workflows=[Hearing]):
        ours = await client.start_workflow(Hearing.run, id=name, task_queue=name)
        theirs = stranger.get_workflow_handle(name)
        with pytest.raises(WorkflowUpdateFailedError):
            await theirs.execute_update(Hearing.say, Question(text="theirs"))
        await theirs.signal(Hearing.end, Question(text="theirs"))
        await ours.execute_update(Hearing.say, Question(text="ours"))
        await ours.signal(Hearing.end, Question(text="the end"))
        assert await ours.result() == ["ours", "the end"]


@pytest.fixture
def spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "spans.jsonl"
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(JsonLinesExporter(path))))
    monkeypatch.setattr(temporal, "TracingInterceptor", _tracing(provider, temporal.TracingInterceptor))
    monkeypatch.setattr("services.chassis.tracing.tracer", provider.get_tracer("test"))
    yield path
    provider.shutdown()


def _tracing(provider: TracerProvider, kind: type) -> object:
    return lambda: kind(provider.get_tracer("test"))


async def test_a_trace_goes_on_into_workflow_and_activity(own_keys: Settings, spans: Path) -> None:
    client = await temporal.connect(own_keys)
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    with continued("consume something", parent):
        await _ask(client, SECRET)
    ours = {span["name"] for span in _written(spans) if span["trace_id"] == "a" * 32}
    assert {"consume something", "StartWorkflow:Asking", "RunWorkflow:Asking", "RunActivity:answer"} <= ours


def _written(path: Path) -> list[dict[str, str]]:
    text = path.read_text()
    assert "红包" not in text
    return [json.loads(line) for line in text.splitlines()]


async def test_a_server_that_is_away(own_keys: Settings) -> None:
    nowhere = own_keys.model_copy(update={"temporal_address": "127.0.0.1:9"})
    with pytest.raises(EngineAway, match="temporal"):
        await temporal.connect(nowhere)
    lazy = await temporal.connect(nowhere, lazy=True)
    with pytest.raises((RuntimeError, RPCError)) as caught:
        await lazy.start_workflow(Asking.run, Question(text="x"), id="never", task_queue="never")
    assert engine_away(caught.value) == "temporal"
    with pytest.raises(EngineAway):
        await temporal.ping(lazy)
    await temporal.ping(await temporal.connect(own_keys))
