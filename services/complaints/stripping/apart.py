"""Stripping in a process of its own, without the service's memory, keys and connections, and within limits.

What strangers sent is parsed by large libraries; one that is led astray, or takes all memory, ends with its process.
"""

import asyncio
import json
import os
import resource
import sys

from services.complaints.stripping.shapes import CannotStrip, Stripped

MEMORY_BYTES = 3 * 1024**3
CPU_SECONDS = 120
WALL_SECONDS = 180.0
NICENESS = 10
"""Nobody waits for a copy as they wait for an answer: it yields the processors to intake."""


async def strip_apart(kind: str, data: bytes) -> Stripped:
    """As ``strip``, in a process of its own. Raises CannotStrip (``too large`` when it took more than it may)."""
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
        answer, _ = await asyncio.wait_for(process.communicate(data), WALL_SECONDS)
    except TimeoutError as error:
        raise CannotStrip("too large") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    head, _, content = answer.partition(b"\n")
    if process.returncode != 0 or not head:
        raise CannotStrip("too large")
    said = json.loads(head)
    if "reason" in said:
        raise CannotStrip(said["reason"])
    return Stripped(content, said["kind"], said["extension"])


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
