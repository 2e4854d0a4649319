"""Stacks for the tests that need real engines: free ports, a state folder of their own, logs kept on failure.

HUIYIN_TEST_STATE=<folder> keeps one engine stack running between test runs, for quick turns at the desk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.config import PROJECT, StackConfig
from deploy.stack import Stack

# How long an example takes says nothing about a rule: speed is measured by the benchmark.
settings.register_profile("huiyin", deadline=None)
settings.load_profile("huiyin")

STATE = PROJECT / ".huiyin" / "test"


def run_stack(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Stack]:
    """Start, lend and stop a stack. When a test of the session failed its logs stay, and it is said where."""
    failed_before = request.session.testsfailed
    ok = False
    try:
        stack.start()
        yield stack
        ok = request.session.testsfailed == failed_before
    finally:
        stack.stop()
        if ok:
            stack.discard()
        else:
            for left in stack.state_dir.glob("*"):  # what another run would take for its own
                if left != stack.config.logs:
                    shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
            print(f"\nlogs of the stack: {stack.config.logs}")


@pytest.fixture(scope="session")
def stack_engines(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """PostgreSQL (migrated), Kafka (topics), Temporal with time skipping, mail sink; none of our services."""
    skipping = {"HUIYIN_TEMPORAL_DYNAMIC_CONFIG": "frontend.WorkflowTimeSkippingEnabled=true"}
    kept = os.environ.get("HUIYIN_TEST_STATE")
    if kept is None:
        yield from run_stack(request, Stack(STATE / f"engines-{os.getpid()}", services=(), env=skipping))
    else:
        folder = Path(kept).resolve()
        known = (folder / "given.json").exists()
        stack = Stack.of(StackConfig.of_running(folder)) if known else Stack(folder, services=(), env=skipping)
        stack.start()
        yield stack


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The whole system: engines and all services, every trace kept."""
    folder = STATE / f"stack-{os.getpid()}"
    env = {"HUIYIN_TRACE_RATIO": "1.0", "HUIYIN_TRACE_FILE": str(folder / "traces.jsonl")}
    yield from run_stack(request, Stack(folder, env=env))
