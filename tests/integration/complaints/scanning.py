"""Virus scanners for tests: a real clamd that knows one signature, and a server that speaks some of its protocol."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from services.complaints.clamd import Clamd, ScannerAway

# In two halves, so that no scanner takes this file for what it tells of.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_DAEMON = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


@contextmanager
def real_clamd(folder: Path) -> Iterator[str]:
    """The address of a daemon with the EICAR signature alone and 1 MB as its longest stream; skips where none is
    installed."""
    if _DAEMON is None:
        pytest.skip("no clamd on this machine: install ClamAV's daemon (Debian: clamav-daemon)")
    (folder / "db").mkdir()
    (folder / "db" / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n")
    (folder / "clamd.conf").write_text(
        f"LocalSocket {folder}/socket\nDatabaseDirectory {folder}/db\nForeground yes\nStreamMaxLength 1M\n"
    )
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen([_DAEMON, "-c", str(folder / "clamd.conf")], stdout=log, stderr=log)
    address = f"unix:{folder}/socket"
    try:
        asyncio.run(_ready(Clamd(address), daemon, folder / "log"))
        yield address
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)


async def _ready(scanner: Clamd, daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                return await scanner.ping()
            except ScannerAway:
                assert daemon.poll() is None, await asyncio.to_thread(log.read_text)
                await asyncio.sleep(0.1)


class Scanner:
    """Speaks INSTREAM: finds `EICAR`. ``silent``: takes the file and gives no verdict."""

    def __init__(self) -> None:
        self.silent = False
        self.scanned = 0
        self.address = ""

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(await reader.readexactly(4)):
            content += await reader.readexactly(size)
        self.scanned += 1
        if not self.silent:
            writer.write(b"stream: Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0")
            await writer.drain()
        writer.close()
