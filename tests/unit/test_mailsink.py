"""The mail sink keeps and shows every message, also one that comes twice."""

from __future__ import annotations

import base64
import hashlib
import re
from email.message import EmailMessage
from pathlib import Path

from httpx import ASGITransport, AsyncClient

from deploy.mailsink import Mailbox, create_app
from services.chassis.headers import HEADERS


def message(subject: str, text: str) -> bytes:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["Message-ID"] = "<notice-1@huiyin>"
    mail.set_content(text)
    return mail.as_bytes()


def browser(box: Mailbox) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(create_app(box)), base_url="http://mailsink")


def test_messages_are_kept_newest_first_and_found_by_recipient(tmp_path: Path) -> None:
    box = Mailbox(tmp_path / "mail")
    box.keep("huiyin@localhost", ["a@example.org"], message("受理通知", "您的投诉已受理。"))
    box.keep("huiyin@localhost", ["b@example.org"], message("答复", "已答复。"))
    assert [kept["subject"] for kept in box.messages()] == ["答复", "受理通知"]
    (kept,) = box.messages("A@Example.org")
    assert (kept["text"].strip(), kept["message_id"]) == ("您的投诉已受理。", "<notice-1@huiyin>")
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "mail").glob("*.json")} == {0}


def test_a_message_sent_twice_is_shown_twice(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    for _ in range(2):
        box.keep("huiyin@localhost", ["a@example.org"], message("受理通知", "一"))
    assert len(box.messages("a@example.org")) == 2
    assert box.clear() == 2
    assert box.messages() == []


async def test_the_page_shows_messages_as_text_never_as_markup(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    box.keep("huiyin@localhost", ["a@example.org"], message("<b>x</b>", "<script>alert(1)</script>"))
    async with browser(box) as client:
        page = (await client.get("/")).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_the_page_runs_nothing_and_its_one_style_is_the_policys(tmp_path: Path) -> None:
    async with browser(Mailbox(tmp_path)) as client:
        answers = [await client.get(path) for path in ("/", "/messages", "/health", "/nowhere")]
    for answer in answers:
        assert [name for name in HEADERS if name not in answer.headers] == []
        assert "unsafe" not in answer.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", answers[0].text, re.DOTALL)
    wanted = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{wanted}'" in answers[0].headers["content-security-policy"]


async def test_the_json_counts_and_clears(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    box.keep("huiyin@localhost", ["a@example.org"], b"\xff\xfe not a proper message")
    async with browser(box) as client:
        assert (await client.get("/messages", params={"to": "a@example.org"})).json()["count"] == 1
        assert (await client.get("/messages", params={"to": "c@example.org"})).json()["count"] == 0
        assert (await client.delete("/messages")).status_code == 204
        assert (await client.get("/messages")).json() == {"count": 0, "messages": []}
