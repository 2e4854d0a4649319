"""The ports of the local stack: their settings, defaults, and how a taken one is named."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Port:
    """One listening port: `name` in the settings is HUIYIN_<NAME>_PORT."""

    name: str
    default: int
    what: str

    @property
    def setting(self) -> str:
        return f"HUIYIN_{self.name.upper()}_PORT"


PORTS: tuple[Port, ...] = (
    Port("postgres", 54329, "PostgreSQL"),
    Port("kafka", 19092, "Kafka"),
    Port("kafka_controller", 19093, "Kafka's controller"),
    Port("temporal", 17233, "Temporal"),
    Port("temporal_ui", 18233, "Temporal's web page"),
    Port("mailsink_smtp", 11025, "the mail sink (SMTP)"),
    Port("mailsink_http", 18025, "the mail sink's page"),
    Port("complaints", 8101, "complaints"),
    Port("vault", 8102, "the vault"),
    Port("referrals", 8103, "referrals"),
    Port("notifications", 8104, "notifications"),
    Port("worker_metrics", 8105, "the workflow worker's metrics"),
)
_QUIET = range(20_000, 32_000)
"""Below what Linux (from 32768) and others (from 49152) give to outgoing connections."""
BY_NAME: Mapping[str, Port] = {port.name: port for port in PORTS}


def read_ports(environ: Mapping[str, str]) -> dict[str, int]:
    """Port numbers by name from HUIYIN_<NAME>_PORT or the defaults.

    Raises ValueError, in words for the operator, when a value is no port or two names share a number.
    """
    ports: dict[str, int] = {}
    for port in PORTS:
        text = environ.get(port.setting, "").strip()
        if text and not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise ValueError(f"{port.setting}={text!r} is not a port: give a number from 1 to 65535")
        number = int(text) if text else port.default
        for other, taken in ports.items():
            if taken == number:
                raise ValueError(f"{port.setting} and {BY_NAME[other].setting} are both {number}: change one of them")
        ports[port.name] = number
    return ports


def free_ports(host: str = "127.0.0.1") -> dict[str, int]:
    """A free number for every port, for stacks that must not meet another one (tests).

    Not from the system's own choice: those it gives to outgoing connections too, and one of ours may take the number
    before the process that is to listen there has started.
    """
    names = [port.name for port in PORTS]
    numbers: list[int] = []
    while len(numbers) < len(names):
        number = random.choice(_QUIET)  # no secret  # noqa: S311  # nosec B311
        if number not in numbers and not is_taken(number, host):
            numbers.append(number)
    return dict(zip(names, numbers, strict=True))


def is_taken(number: int, host: str) -> bool:
    """True when nothing new can listen on this port. Connections that are still closing do not count."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, number))
        except OSError:
            return True
    return False


def holder(number: int) -> str:
    """Who listens on a port, as words for a message; the system may not let us see it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "another program"
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == number
        if listens and connection.pid:
            with contextlib.suppress(psutil.Error):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"


def taken_lines(names: Iterable[str], ports: Mapping[str, int], host: str) -> list[str]:
    """One line for each port that is taken, with the setting that moves it."""
    return [
        f"Port {ports[name]} for {BY_NAME[name].what} is taken by {holder(ports[name])}: "
        f"stop that program, or set {BY_NAME[name].setting} to a free port."
        for name in names
        if is_taken(ports[name], host)
    ]
