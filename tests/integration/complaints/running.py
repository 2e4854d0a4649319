"""The complaints service as a process of its own, for tests of what it writes out."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from deploy.ports import free_ports
from deploy.stack import Stack
from services.chassis.settings import Settings
from tests.integration.complaints.people import Reporter


class Process:
    """The service as the supervisor runs it, which kills what does not end in 20 s. ``env``: settings by name."""

    module = "services.complaints.main"

    def __init__(self, settings: Settings, stack: Stack, log: Path, **env: str) -> None:
        self.port = free_ports()["complaints"]
        own = ("complaints_dsn", "complaints_owner_dsn", "vault_dsn", "keys_dir", "signers_dir", "evidence_dir")
        self.env = os.environ | stack.env | {f"HUIYIN_{name.upper()}": str(getattr(settings, name)) for name in own}
        self.env |= {"HUIYIN_COMPLAINTS_PORT": str(self.port), "HUIYIN_TRACE_RATIO": "1.0"}
        self.env |= {f"HUIYIN_{name.upper()}": value for name, value in env.items()}
        self.log = log

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Reporter]:
        """Up to its end by SIGTERM."""
        self._start()
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:
                async with asyncio.timeout(30):
                    while not await self._answers(client):
                        await asyncio.sleep(0.1)
                yield Reporter(client)
            self.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self.process.wait, 15)
        finally:
            self.process.kill()
            self.process.wait()

    def _start(self) -> None:
        with self.log.open("wb") as log:
            program = [sys.executable, "-m", self.module]
            self.process = subprocess.Popen(program, env=self.env, stdout=log, stderr=log)

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        with suppress(httpx.TransportError):
            return (await client.get("/health")).status_code == 200
        return False
