"""The virus scanner: ClamAV's clamd, asked by its own protocol (clamd(8), command INSTREAM)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.chassis.outages import EngineAway

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 180.0
_CHUNK = 1024 * 1024


class ScannerAway(EngineAway):
    """The scanner can't be reached, or gave no verdict: to be asked again."""

    def __init__(self, trouble: str) -> None:
        super().__init__("clamd")
        self.args = (trouble,)


@dataclass(frozen=True)
class Verdict:
    """Clean, or the name of the signature that was found."""

    clean: bool
    signature: str | None = None


class Clamd:
    """``address`` is ``host:port``, or ``unix:`` and the path of clamd's socket."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def ping(self) -> None:
        """Raises ScannerAway."""
        answer = await self._ask(b"zPING\0")
        if answer != b"PONG":
            raise ScannerAway("clamd does not answer PING with PONG")

    async def scan(self, chunks: AsyncIterator[bytes]) -> Verdict:
        """Stream a file to the scanner. Raises ScannerAway, also when the file is longer than its StreamMaxLength."""
        answer = await self._ask(b"zINSTREAM\0", chunks)
        found = answer.removeprefix(b"stream: ")
        if found == b"OK":
            return Verdict(clean=True)
        if found.endswith(b" FOUND"):
            return Verdict(clean=False, signature=found.removesuffix(b" FOUND").decode("ascii", "replace"))
        if b"size limit exceeded" in answer:
            raise ScannerAway("clamd takes no file so long: raise its StreamMaxLength")
        raise ScannerAway("clamd gave no verdict")

    async def _ask(self, command: bytes, chunks: AsyncIterator[bytes] | None = None) -> bytes:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await self._connect()
        except (OSError, TimeoutError, ValueError) as error:
            raise ScannerAway("clamd can't be reached") from error
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(command)
                if chunks is not None:
                    await self._send(writer, chunks)
                answer = await reader.readuntil(b"\0")
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScannerAway("clamd ended the connection without a verdict") from error
        finally:
            writer.transport.abort()  # nothing more is said; a scanner that hangs must not hold us
        return answer.rstrip(b"\0")

    @staticmethod
    async def _send(writer: asyncio.StreamWriter, chunks: AsyncIterator[bytes]) -> None:
        # When the file is longer than it takes, clamd says so and closes: its answer is read all the same.
        with contextlib.suppress(ConnectionError):
            async for chunk in chunks:
                for start in range(0, len(chunk), _CHUNK):
                    part = chunk[start : start + _CHUNK]
                    writer.write(len(part).to_bytes(4) + part)
                    await writer.drain()
            writer.write(bytes(4))
            await writer.drain()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("unix:"):
            return await asyncio.open_unix_connection(self._address.removeprefix("unix:"))
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host, int(port))
