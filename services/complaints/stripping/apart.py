"""Stripping in a process of its own, without the service's memory, keys and connections, and within limits.

What strangers sent is parsed by large libraries; one that is led astray, or takes all memory, ends with its process.
"""

import asyncio
import contextlib
import json
import os
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.complaints.stripping.shapes import CannotStrip

MEMORY_BYTES = 3 * 1024**3
CPU_SECONDS = 120
WALL_SECONDS = 180.0
_PIECE = 256 * 1024
NICENESS = 10
"""Nobody waits for a copy as they wait for an answer: it yields the processors to intake."""


@dataclass(frozen=True)
class Copy:
    """What a stripper gives: the kind it has now, the file name's extension, and its content as it comes. ``content``
    raises CannotStrip when the process ended before its end."""

    kind: str
    extension: str
    content: AsyncIterator[bytes]


@asynccontextmanager
async def strip_apart(kind: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[Copy]:
    """As ``strip``, in a process of its own that alone holds the file. Raises CannotStrip (``too large`` when it took
    more than it may, the block included), and what ``chunks`` raises."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.complaints.stripping.apart",
        kind,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(WALL_SECONDS):
            await _feed(process, chunks)  # it says nothing before it has all
            assert process.stdout is not None
            head = await process.stdout.readline()
            if not head.endswith(b"\n"):
                raise CannotStrip("too large")
            said = json.loads(head)
            if "reason" in said:
                raise CannotStrip(said["reason"])
            yield Copy(said["kind"], said["extension"], _content(process))
    except TimeoutError as error:
        raise CannotStrip("too large") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _feed(process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has ended: what it said, or didn't, is read
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()


async def _content(process: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    while chunk := await process.stdout.read(_PIECE):
        yield chunk
    if await process.wait() != 0:
        raise CannotStrip("too large")


def main(kind: str) -> None:
    """Reads the file from standard input; writes a line of JSON and the copy."""
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Only here: the service itself never loads the parsers.
    from services.complaints.stripping.kinds import strip

    try:
        made = strip(kind, sys.stdin.buffer.read())
    except CannotStrip as error:
        said, content = {"reason": error.reason}, b""
    except MemoryError:
        said, content = {"reason": "too large"}, b""
    else:
        said, content = {"kind": made.kind, "extension": made.extension}, made.data
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
