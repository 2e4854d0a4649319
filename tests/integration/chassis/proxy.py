"""TLS before an engine that speaks none itself, as a load balancer puts it there."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@asynccontextmanager
async def tls_before(
    host: str, port: int, context: ssl.SSLContext, *, asked: bytes | None = None
) -> AsyncIterator[int]:
    """Terminates TLS on a free port and passes everything on; gives the port.

    With ``asked`` the client asks for TLS in the clear first, as in PostgreSQL's protocol, and hangs up otherwise.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if asked is not None:
            if await reader.readexactly(len(asked)) != asked:
                writer.close()
                return
            writer.write(b"S")
            await writer.start_tls(context)
        inner_reader, inner_writer = await asyncio.open_connection(host, port)
        # Cancelled when the test ends: asyncio's own callback takes a cancelled connection for an error.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))
        for side in (inner_writer, writer):
            side.close()
            with contextlib.suppress(OSError):
                await side.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if asked else context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
