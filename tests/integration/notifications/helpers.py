"""A mail server that can misbehave, a vault that says who, and ways to look at the ledger."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from services.chassis.db import Database
from services.notifications.sender import Sender

Sending = Callable[[], AbstractAsyncContextManager[Sender]]


class Mailserver:
    """A real SMTP server with moods. ``rules`` maps "MAIL", "RCPT" or "DATA" to the reply given instead of yes.

    ``taken`` are the messages it said yes to, in order; ``hold`` makes it think before it answers DATA.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.tls = tls
        self.rules: dict[str, Callable[[], str | None]] = {}
        self.taken: list[tuple[str, bytes]] = []
        self.hold = 0.0
        self.talks = 0
        self._controller: Controller | None = None

    def start(self) -> None:
        """Listen (again)."""
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, tls_context=self.tls, require_starttls=self.tls is not None
        )
        self._controller.start()

    def stop(self) -> None:
        """Be dead: connections are refused."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _mood(self, verb: str) -> str | None:
        rule = self.rules.get(verb)
        return rule() if rule else None

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.talks += 1
        if refusal := self._mood("MAIL"):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._mood("RCPT"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if refusal := self._mood("DATA"):
            return refusal
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append((envelope.rcpt_tos[0], content))
        await asyncio.sleep(self.hold)
        return "250 OK"


class FakeVault:
    """The vault's interface at the other end of a real HTTP client: addresses by contact token, and what was asked."""

    def __init__(self) -> None:
        self.addresses: dict[UUID, str | None] = {}
        self.asked: list[UUID] = []
        self.status = 200
        self.away = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        if self.away:
            raise httpx.ConnectError("refused", request=request)
        if self.status != 200:
            return httpx.Response(self.status)
        body = json.loads(request.content)
        assert request.headers["authorization"].startswith("Bearer ")
        self.asked.append(UUID(body["notice_id"]))
        token = UUID(body["contact_token"])
        if token not in self.addresses:
            return httpx.Response(404)
        return httpx.Response(200, json={"email": self.addresses[token], "language": "zh"})


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait for an async condition; fails the test when it does not come true."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def rows(db: Database, query: str = "SELECT * FROM notices ORDER BY sequence", **values: object) -> list[Any]:
    """Rows as the system sees them."""
    async with db.read() as session:
        return list(await session.execute(text(query), values))


async def no_unsettled(db: Database) -> bool:
    """Has every notice ended?"""
    return not await rows(db, "SELECT 1 FROM notices WHERE settled_at IS NULL")
