"""Examines machine, engines, services and queues; every finding says what was found and what to do."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import psutil

from deploy import status
from deploy.config import StackConfig
from deploy.engines import kafka
from deploy.ports import BY_NAME, holder, is_taken
from deploy.processes import all_specs

Verdict = Literal["ok", "warn", "fail"]
GB = 1024**3
NEEDED_MEMORY, NEEDED_DISK = 4 * GB, 2 * GB


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `advice` is empty when there is nothing to do."""

    verdict: Verdict
    what: str
    found: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def examine(config: StackConfig, *, running: bool) -> list[Finding]:
    """All findings, the machine first. Engines and queues are asked only when there is something to ask."""
    found = [*machine(config)]
    if not running:
        found += ports(config)
        found.append(Finding("warn", "stack", "not running", "start it with: huiyin up"))
        return found
    found += processes(config)
    return found + asyncio.run(living(config))


# -- the machine -----------------------------------------------------------------------------------------------------


def machine(config: StackConfig) -> Iterator[Finding]:
    """Programs, files, memory and disk."""
    version = ".".join(str(number) for number in sys.version_info[:3])
    good = sys.version_info[:2] == (3, 11)
    yield Finding("ok" if good else "fail", "Python", version, "" if good else "use Python 3.11: make setup")
    if config.owns_kafka:
        java = kafka.java_version()
        good = java is not None and java >= kafka.JAVA_AT_LEAST
        advice = "apt-get install openjdk-17-jre-headless (macOS: brew install openjdk@17)"
        yield Finding("ok" if good else "fail", "Java", str(java or "none"), "" if good else advice)
        jars = len(list(config.kafka_jars.glob("*.jar")))
        yield Finding("ok" if jars else "fail", "Kafka's jars", f"{jars} files", "" if jars else "make setup")
    memory = psutil.virtual_memory()
    enough = memory.total >= NEEDED_MEMORY
    found = f"{memory.available / GB:.1f} of {memory.total / GB:.1f} GB free"
    yield Finding("ok" if enough else "warn", "memory", found, "" if enough else "4 GB are needed: give it more")
    folder = next(path for path in (config.state_dir, *config.state_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    enough = free >= NEEDED_DISK
    advice = "" if enough else "free some space, or set HUIYIN_STATE_DIR to a roomier disk"
    yield Finding("ok" if enough else "fail", "disk", f"{free / GB:.1f} GB free", advice)
    yield from key_files(config)


def key_files(config: StackConfig) -> Iterator[Finding]:
    """Private files must be their owner's alone."""
    paths = [
        config.env_file,
        config.state_dir / "passwords.json",
        *(config.state_dir / "keys").glob("[!.]*"),
        *(config.state_dir / "vault-keys").glob("*"),
        *(config.state_dir / "signing").glob("*/*"),
    ]
    present = [path for path in paths if path.exists()]
    loose = [path.name for path in present if path.stat().st_mode & 0o077]
    if loose:
        yield Finding("fail", "private files", f"others may read {', '.join(loose)}", "chmod 600 these files")
    elif present:
        yield Finding("ok", "private files", f"{len(present)}, readable by their owner alone")


def ports(config: StackConfig) -> Iterator[Finding]:
    """Is every port free that the stack will need?"""
    for name in [name for spec in all_specs(config) for name in spec.ports]:
        port, number = BY_NAME[name], config.ports[name]
        if is_taken(number, config.host):
            advice = f"stop it, or set {port.setting}"
            yield Finding("fail", f"port {number}", f"for {port.what}, taken by {holder(number)}", advice)


# -- the running stack -----------------------------------------------------------------------------------------------


def processes(config: StackConfig) -> Iterator[Finding]:
    """State and restarts as the supervisor tells them."""
    known = status.read(config.state_dir)
    if known is None:
        return
    for name, process in known.processes.items():
        found = process.state + (
            f", {process.restarts} restarts, last: {process.last_exit}" if process.restarts else ""
        )
        if process.state == "held":
            yield Finding("warn", name, found, f"huiyin release {name}")
        elif process.state != "ready":
            yield Finding("fail", name, found, f"read why: huiyin logs {name}")
        else:
            advice = f"it ended by itself: huiyin logs {name}" if process.restarts else ""
            yield Finding("warn" if process.restarts else "ok", name, found, advice)


async def living(config: StackConfig) -> list[Finding]:
    """Ask engines, services and queues, each by itself: one that is down hides none of the others."""
    from deploy import probing, probing_audit

    os.environ["HUIYIN_STATE_DIR"] = str(config.state_dir)
    from services.chassis.settings import load_settings

    settings = load_settings()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is down becomes a finding
    questions: list[tuple[str, Callable[[], Awaitable[list[Finding]]], str]] = [
        ("PostgreSQL", lambda: probing.postgres(settings), "huiyin logs postgres; check HUIYIN_*_DSN"),
        ("audit", lambda: probing_audit.sealers(config, settings), "check HUIYIN_AUDIT_DIR; huiyin logs"),
        ("Kafka", lambda: probing.topics(settings), "huiyin logs kafka; check HUIYIN_KAFKA_*"),
        ("Temporal", lambda: probing.workflows(settings), "huiyin logs temporal; check HUIYIN_TEMPORAL_*"),
        ("mail server", lambda: probing.mail(settings), "check HUIYIN_SMTP_HOST and HUIYIN_SMTP_PORT"),
        ("services", lambda: probing.services(config), "huiyin status"),
        ("consumer lag", lambda: probing.consumer_lag(settings), "huiyin logs kafka"),
    ]
    found: list[Finding] = []
    for what, ask, advice in questions:
        found += await answer(what, ask, advice)
    return found


async def answer(what: str, ask: Callable[[], Awaitable[list[Finding]]], advice: str) -> list[Finding]:
    """The findings of one question; an engine that fails, in whatever way of its library, is a finding too."""
    try:
        async with asyncio.timeout(15):
            return await ask()
    except TimeoutError:
        return [Finding("fail", what, "no answer within 15 s", advice)]
    except Exception as error:  # noqa: BLE001  every library has errors of its own; the finding names it
        return [Finding("fail", what, short(error), advice)]


def short(error: Any) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:160]}" if text else type(error).__name__
