"""An SMTP server that delivers to nobody and shows what was sent: one file per message, a small page, and JSON.

Nothing is deduplicated: what arrives twice is shown twice, so that tests see a message that was sent again.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import signal
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI, Query, Response
from fastapi.responses import HTMLResponse

from deploy.config import StackConfig, write_private
from deploy.mailpage import POLICY, render
from services.chassis.headers import AnswerHeaders

LARGEST = 10 * 1024 * 1024
SHOWN_ON_PAGE = 200


class Mailbox:
    """Messages as files `<time>-<count>.eml` (as received) and `.json` (envelope and readable parts)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def keep(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Store a message durably and return its id; only then may it be acknowledged."""
        self._count += 1
        key = f"{time.time_ns():020d}-{self._count:06d}"
        (self.folder / f"{key}.eml").write_bytes(content)
        write_private(self.folder / f"{key}.json", json.dumps(describe(key, sender, recipients, content)))
        return key

    def messages(self, to: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Newest first; `to` keeps those with this recipient (case is ignored)."""
        found: list[dict[str, Any]] = []
        for path in sorted(self.folder.glob("*.json"), reverse=True):
            message = json.loads(path.read_text(encoding="utf-8"))
            if to is None or to.lower() in (recipient.lower() for recipient in message["to"]):
                found.append(message)
            if limit is not None and len(found) >= limit:
                break
        return found

    def count(self) -> int:
        return sum(1 for _ in self.folder.glob("*.json"))

    def clear(self) -> int:
        paths = [*self.folder.glob("*.json"), *self.folder.glob("*.eml")]
        for path in paths:
            path.unlink(missing_ok=True)
        return sum(path.suffix == ".json" for path in paths)


def describe(key: str, sender: str, recipients: list[str], content: bytes) -> dict[str, Any]:
    """A message as it is shown: envelope, decoded headers, readable body."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain", "html"))
    return {
        "id": key,
        "received_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "from": sender,
        "to": recipients,
        "subject": str(message.get("Subject", "")),
        "message_id": str(message.get("Message-ID", "")),
        "headers": {name: str(value) for name, value in message.items()},
        "text": "" if part is None else str(part.get_content()),
    }


class Handler:
    """aiosmtpd's hook: accepts every message."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        key = await asyncio.to_thread(self.mailbox.keep, envelope.mail_from or "", list(envelope.rcpt_tos), content)
        return f"250 OK kept as {key}"


def create_app(mailbox: Mailbox) -> FastAPI:
    """The page and the JSON. Local only: it shows reporters' addresses."""
    app = FastAPI(title="Huiyin mail sink", docs_url=None, redoc_url=None)
    app.add_middleware(AnswerHeaders, over_https=False)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/", response_class=HTMLResponse)
    def page(to: str | None = Query(None)) -> HTMLResponse:
        content = render(mailbox.messages(to, SHOWN_ON_PAGE), mailbox.count(), to)
        return HTMLResponse(content, headers={"Content-Security-Policy": POLICY})

    @app.get("/messages")
    def messages(to: str | None = Query(None), limit: int | None = Query(None, ge=1)) -> dict[str, Any]:
        found = mailbox.messages(to, limit)
        return {"count": len(found), "messages": found}

    @app.delete("/messages", status_code=204)
    def clear() -> Response:
        mailbox.clear()
        return Response(status_code=204)

    return app


async def serve(config: StackConfig) -> None:
    """Run both servers until SIGTERM or SIGINT."""
    mailbox = Mailbox(config.state_dir / "mail")
    loop = asyncio.get_running_loop()

    def smtp_session() -> SMTP:
        # hostname is given: aiosmtpd would look its own up in the DNS for every session
        return SMTP(
            Handler(mailbox),
            hostname="localhost",
            ident="Huiyin mail sink",
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            loop=loop,
        )

    smtp = await loop.create_server(smtp_session, config.host, config.ports["mailsink_smtp"])
    http = uvicorn.Server(
        uvicorn.Config(
            create_app(mailbox),
            host=config.host,
            port=config.ports["mailsink_http"],
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
        )
    )
    try:
        await http.serve()
    finally:
        smtp.close()
        await smtp.wait_closed()


def main() -> None:
    os.umask(0o077)  # what reporters are told is theirs
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    asyncio.run(serve(StackConfig.from_environ()))


if __name__ == "__main__":
    main()
