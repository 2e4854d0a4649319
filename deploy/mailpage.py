"""The mail sink's page: the newest messages, in plain HTML without any outside request."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem; color: #1a1a1a; }
article { border: 1px solid #c8ccd0; border-radius: 6px; padding: .75rem 1rem; margin: 1rem 0; }
h2 { font-size: 1.05rem; margin: 0 0 .25rem; } p { margin: .25rem 0; color: #4a4f55; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: .5rem 0 0; }
@media (prefers-color-scheme: dark) {
  body { background: #16181b; color: #ececec; } p { color: #b4bac0; } article { border-color: #454b52; }
}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
"""Of the page: its own style by its hash, and nothing else."""


def render(messages: list[dict[str, Any]], total: int, to: str | None) -> str:
    """A page of these messages (newest first) out of `total`."""
    title = "邮件收件箱 · Mail sink"
    shown = f"共 {total} 封，显示 {len(messages)} 封 · {len(messages)} of {total} messages"
    only = f"<p>收件人 · To: {escape(to)} (<a href='/'>全部 · all</a>)</p>" if to else ""
    body = "".join(article(message) for message in messages) or "<p>还没有邮件。No messages yet.</p>"
    return (
        f"<!doctype html><html lang='zh-CN'><head><meta charset='utf-8'><title>{title}</title>"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'><style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>{shown}</p>{only}<main>{body}</main></body></html>"
    )


def article(message: dict[str, Any]) -> str:
    to = ", ".join(message["to"])
    return (
        f"<article><h2>{escape(message['subject'] or '（无主题）')}</h2>"
        f"<p>{escape(to)} · <time>{escape(message['received_at'])}</time></p>"
        f"<p>{escape(message['message_id'])}</p><pre>{escape(message['text'])}</pre></article>"
    )
