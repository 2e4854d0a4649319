"""A mail server that can misbehave, a vault that says who, and ways to look at the ledger."""

import asyncio
import email
import email.policy
import json
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from contracts.complaints import ComplaintSubmitted
from contracts.lifecycle import Act, Stage
from contracts.sessions import PURPOSE, Standing
from services.chassis.auth import Officer, ServiceTokens, issue_officer
from services.chassis.db import Database
from services.notifications import service
from services.notifications.officers import Officers
from services.notifications.sender import Sender
from services.notifications.settings import NotificationSettings
from tests.unit.notifications.events import submitted, transitioned

Sending = Callable[[], AbstractAsyncContextManager[Sender]]
ADDRESS = "zhang.san.reporter@example.com"


class Referrals:
    """Says who a session stands for, for the sessions that a test opened."""

    def __init__(self) -> None:
        self.sessions: dict[str, Standing] = {}
        self.asked = 0
        self.away = False

    def log_in(self, settings: NotificationSettings, standing: Standing) -> dict[str, str]:
        """The header of an officer."""
        officer = Officer(
            standing.account_id,
            standing.name,
            standing.unit_id or "",
            standing.unit_ids,
            frozenset(standing.roles),
            standing.restricted,
            "",
        )
        token = issue_officer(ServiceTokens("referrals", settings), officer)
        self.sessions[jwt.decode(token, options={"verify_signature": False})["jti"]] = standing
        return {"Authorization": f"Bearer {token}"}

    def officers(self, settings: NotificationSettings) -> Officers:
        """What asks here, and takes no answer for later."""

        async def answer(request: httpx.Request) -> httpx.Response:
            self.asked += 1
            if self.away:
                raise httpx.ConnectError("away")
            claims = ServiceTokens("referrals", settings).verify(
                request.headers["Authorization"].removeprefix("Bearer "), issuer="notifications", purpose=PURPOSE
            )
            found = self.sessions.get(claims.subject or "")
            return httpx.Response(200, text=found.model_dump_json()) if found else httpx.Response(404)

        client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        return Officers(client, "http://referrals", ServiceTokens("notifications", settings), 0)


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
        self.codes: dict[str, str] = {}
        """New query codes by the reissue they belong to."""
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
        code = self.codes.get(body.get("reissue_id", ""))
        return httpx.Response(200, json={"email": self.addresses[token], "language": "zh", "code": code})


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


async def owed(db: Database, vault: FakeVault, address: str | None = ADDRESS) -> ComplaintSubmitted:
    """A complaint whose receipt is owed to this address."""
    event = submitted()
    assert event.contact_token is not None
    vault.addresses[event.contact_token] = address
    async with db.session() as session:
        await service.on_submitted(session, uuid4(), event)
    return event


async def steps(db: Database, complaint: ComplaintSubmitted) -> int:
    """The case is accepted, dispatched and signed; returns how many notices that owes the reporter."""
    path = [
        (Act.ACCEPT, Stage.TRIAGE, Stage.PENDING_DISPATCH),
        (Act.DISPATCH, Stage.PENDING_DISPATCH, Stage.DISPATCHED),
        (Act.SIGN, Stage.DISPATCHED, Stage.SIGNED),
    ]
    for number, (act, before, after) in enumerate(path, start=2):
        event = transitioned(
            act,
            before,
            after,
            case_id=complaint.case_ids[0],
            complaint_ids=(complaint.complaint_id,),
            sequence=number,
        )
        async with db.session() as session:
            await service.on_transition(session, uuid4(), event)
    return len(path)


def message_ids(mailserver: Mailserver) -> Counter[str]:
    return Counter(
        str(email.message_from_bytes(content, policy=email.policy.default)["Message-ID"])
        for _, content in mailserver.taken
    )


async def mails(db: Database) -> list[tuple[str, str | None, int, bool]]:
    """(state, reason, attempts, possibly repeated) of each mail owed."""
    return [
        (row.state, row.reason, row.attempts, row.possibly_repeated)
        for row in await rows(db, "SELECT * FROM notices WHERE way = 'EMAIL' ORDER BY sequence")
    ]
