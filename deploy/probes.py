"""Readiness questions, asked with the smallest exchange that proves an engine or service answers."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence

from deploy.processes import Probe

TIMEOUT = 3.0
API_VERSIONS_KEY = 18


def http_ready(host: str, port: int, path: str) -> Probe:
    """True when GET path answers 200."""

    async def probe() -> bool:
        return await http_status(host, port, path) == 200

    return probe


async def http_status(host: str, port: int, path: str) -> int | None:
    """The status code of one GET, None when nothing answers."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\nAccept: */*\r\n\r\n"
    reply = await exchange(host, port, request.encode(), 12)
    if reply is None or not reply.startswith(b"HTTP/1."):
        return None
    return int(reply[9:12])


async def exchange(host: str, port: int, request: bytes, length: int) -> bytes | None:
    """Send bytes, read exactly `length` bytes back; None when that does not happen in time."""
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                await writer.drain()
                return await reader.readexactly(length)
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None


def kafka_ready(host: str, port: int) -> Probe:
    """True when the broker answers ApiVersions: it accepts requests only once its start-up is complete."""
    # Header v1: api key, version 0, correlation id 7, no client id. The answer: size, correlation id, error code.
    body = struct.pack(">hhih", API_VERSIONS_KEY, 0, 7, -1)

    async def probe() -> bool:
        reply = await exchange(host, port, struct.pack(">i", len(body)) + body, 10)
        return reply is not None and struct.unpack(">iih", reply)[1:] == (7, 0)

    return probe


def command_ready(argv: Sequence[str], env: Mapping[str, str], output: bytes = b"") -> Probe:
    """True when a small command of the engine itself succeeds and prints `output`."""

    async def probe() -> bool:
        process = await asyncio.create_subprocess_exec(
            *argv, env=dict(env), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                out, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return False
        return process.returncode == 0 and output in out

    return probe
