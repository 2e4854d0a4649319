"""The processes of the stack as data: command, environment, readiness, and the order they start in."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.config import DSN_SETTINGS, KEYRING, SIGNERS, SIGNING, VAULT_KEYS, StackConfig

Probe = Callable[[], Awaitable[bool]]


CASES, MAILS = 5, 10
"""How far a full machine's work yields: complaints are taken in first, then cases move on (about one to three), and
people are told of it last."""


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is run and watched."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: Probe
    ports: tuple[str, ...]
    tier: int
    """0 engines, 1 services: a tier starts when the one before it is ready, and stops before it."""
    user: str | None = None
    niceness: int = 0
    """0 to 19: how far the process yields to others when the machine is full. What can be done later yields."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    ready_seconds: float = 60.0
    prepare: Callable[[], None] = field(default=lambda: None)
    """Run before every start (format storage, write settings); raises EngineError."""


class EngineError(Exception):
    """An engine cannot be prepared or started; the message says what to do."""


@dataclass(frozen=True)
class Service:
    """One of our own processes. `own` are the settings that no other may know, `rings` the keyrings that it
    may be given in the environment, `signs` whether it has a key to sign with; `port` answers `ready_path`."""

    name: str
    module: str
    port: str
    ready_path: str
    own: tuple[str, ...] = ()
    niceness: int = 0
    rings: tuple[str, ...] = ()
    signs: bool = True


_REFERRALS = ("referrals", "temporal")
SERVICES: tuple[Service, ...] = (
    Service(
        "complaints",
        "services.complaints.main",
        "complaints",
        "/ready",
        ("HUIYIN_COMPLAINTS_DSN",),
        rings=("complaints",),
    ),
    Service("vault", "services.complaints.vault.main", "vault", "/ready", ("HUIYIN_VAULT_DSN", VAULT_KEYS)),
    Service("referrals", "services.referrals.main", "referrals", "/ready", ("HUIYIN_REFERRALS_DSN",), rings=_REFERRALS),
    Service(
        "notifications",
        "services.notifications.main",
        "notifications",
        "/ready",
        ("HUIYIN_NOTIFICATIONS_DSN",),
        niceness=MAILS,
    ),
    Service(
        "worker",
        "services.referrals.workflow_worker",
        "worker_metrics",
        "/metrics",
        ("HUIYIN_REFERRALS_DSN",),
        rings=_REFERRALS,
        signs=False,
        niceness=CASES,
    ),
)
MAILSINK = "mailsink"
ENGINES = ("postgres", "kafka", "temporal", MAILSINK)
ALL_NAMES: tuple[str, ...] = (*ENGINES, *(service.name for service in SERVICES))


_OF_ONE = (*DSN_SETTINGS, VAULT_KEYS, SIGNERS, SIGNING)


def base_env(config: StackConfig) -> dict[str, str]:
    """The environment of every process: the real one plus the settings, without what is one process's alone.

    No process is handed an address, password or private key that is not its own; set-up alone gets the owners'.
    Empty, not absent: what the environment says, if only nothing, wins over `stack.env`.
    """
    env = dict(os.environ) | config.settings_env() | dict.fromkeys(_OF_ONE, "")
    env |= {name: "" for name in env if name.startswith(KEYRING)}
    env["MALLOC_ARENA_MAX"] = "2"  # glibc's per-thread arenas cost hundreds of MB in Java and Go processes
    env["PYTHONUNBUFFERED"] = "1"
    env["PYTHONFAULTHANDLER"] = "1"
    return env


def service_specs(config: StackConfig, names: tuple[str, ...]) -> list[ProcessSpec]:
    """Specs of those of our own services that are named, in their order."""
    from deploy.probes import http_ready

    settings = config.settings_env()
    specs = []
    for service in SERVICES:
        if service.name not in names:
            continue
        env = base_env(config) | {name: settings[name] for name in service.own}
        env |= {name: settings[name] for ring in service.rings if (name := KEYRING + ring.upper()) in settings}
        if service.signs:
            env[SIGNING] = str(Path(settings[SIGNERS]) / service.name)
        env["HUIYIN_PROCESS"] = service.name
        specs.append(
            ProcessSpec(
                name=service.name,
                argv=(sys.executable, "-m", service.module),
                env=env,
                ready=http_ready(config.probe_host, config.ports[service.port], service.ready_path),
                ports=(service.port,),
                tier=1,
                niceness=service.niceness,
            )
        )
    return specs


def mailsink_spec(config: StackConfig) -> ProcessSpec:
    """The SMTP server that shows what was sent."""
    from deploy.probes import http_ready

    return ProcessSpec(
        name=MAILSINK,
        argv=(sys.executable, "-m", "deploy.mailsink"),
        env=base_env(config) | {"HUIYIN_PROCESS": MAILSINK},
        ready=http_ready(config.probe_host, config.ports["mailsink_http"], "/health"),
        ports=("mailsink_smtp", "mailsink_http"),
        tier=0,
        niceness=MAILS,
        stop_seconds=5.0,
    )


def all_specs(config: StackConfig, names: tuple[str, ...] = ALL_NAMES) -> list[ProcessSpec]:
    """Every process to run, in starting order. Engines that are given by address are left out."""
    from deploy.engines import kafka, postgres, temporal

    specs: list[ProcessSpec] = []
    if "postgres" in names and config.owns_postgres:
        specs.append(postgres.spec(config))
    if "kafka" in names and config.owns_kafka:
        specs.append(kafka.spec(config))
    if "temporal" in names and config.owns_temporal:
        specs.append(temporal.spec(config))
    if MAILSINK in names and config.owns_mailsink:
        specs.append(mailsink_spec(config))
    return specs + service_specs(config, names)


def log_path(config: StackConfig, name: str) -> Path:
    return config.logs / f"{name}.log"
