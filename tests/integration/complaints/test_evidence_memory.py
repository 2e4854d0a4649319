"""Files of 100 MB, several at once, pass through a service whose memory hardly grows (a process of its own)."""

import asyncio
from pathlib import Path

import asyncpg
import httpx

from deploy.stack import Stack
from services.chassis.settings import Settings
from tests.integration.complaints.people import Reporter, files_under
from tests.integration.complaints.running import Process
from tests.integration.complaints.tus import Tus

MB = 1024 * 1024
LINES = b"a line of a long statement, and more\n" * (MB // 37)
LARGE = (LINES * (100 * MB // len(LINES) + 1))[: 100 * MB]


def memory(process: Process, what: str) -> int:
    """The service's memory now (VmRSS), or the most since it was last forgotten (VmHWM), in KB."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0])


def forget_peak(process: Process) -> None:
    """See proc(5), clear_refs."""
    Path(f"/proc/{process.process.pid}/clear_refs").write_text("5")


async def test_several_large_files_at_once_take_a_few_megabytes(
    settings: Settings,
    stack_engines: Stack,
    tmp_path: Path,
    evidence_dir: Path,
    reporter: Reporter,
    admin: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    receipts = [await reporter.submitted() for _ in range(3)]
    # A scanner that is away: what comes in is taken, and waits.
    process = Process(settings, stack_engines, tmp_path / "log", clamd_address="127.0.0.1:1")
    async with process.running() as living:
        living.http.timeout = httpx.Timeout(300)
        await living.upload(receipts[0], b"so that everything is loaded")
        tus = Tus(living.http, receipts[2])
        location = await tus.created(len(LARGE))
        forget_peak(process)
        before = memory(process, "VmRSS")
        answers = await asyncio.gather(
            living.upload(receipts[0], LARGE), living.upload(receipts[1], LARGE), tus.patch(location, 0, LARGE)
        )
        grown = memory(process, "VmHWM") - before
    assert [answer.status_code for answer in answers] == [201, 201, 204], [answer.text for answer in answers]
    print(f"memory grew by {grown} KB for three files of 100 MB")
    assert grown < 64 * 1024
    for path in files_under(evidence_dir):
        with path.open("rb") as file:
            assert LINES[:37] not in file.read(4 * MB)
