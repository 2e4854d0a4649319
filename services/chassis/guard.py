"""What is refused before any of our code sees it: what another site's page sent to a page of ours, bodies that are too
large, and characters that can't be stored."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.problems import Problem, choose_lang

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_PROGRAMS = ("/v1/", "/internal/")
"""Addresses that act on what the request itself brings, a token or a code; pages act on a cookie."""
_OURS = frozenset({b"same-origin", b"none"})
_NO_ORIGIN = b"null"  # what browsers send under Referrer-Policy: no-referrer
_TEXT_TYPES = (b"application/json", b"application/x-www-form-urlencoded")


class RequestGuard:
    """Pure ASGI. JSON and form bodies are read here (they are small); others are only counted as they pass."""

    def __init__(self, app: ASGIApp, *, limit: int, limits: Mapping[str, int] | None = None) -> None:
        """`limit` in bytes for every path; `limits` by path prefix, for uploads."""
        self.app = app
        self.limit = limit
        self.limits = tuple((limits or {}).items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            _check_url(scope)
            if scope["method"] not in _READING and not scope["path"].startswith(_PROGRAMS):
                check_sender(headers)
            receive = await self._guarded(scope["path"], headers, receive)
        except Problem as problem:
            await _answer(problem, headers, scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _guarded(self, path: str, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        limit = next((size for prefix, size in self.limits if path.startswith(prefix)), self.limit)
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        content_type = headers.get(b"content-type", b"").lower()
        if (length is None and b"transfer-encoding" not in headers) or length == b"0":
            return receive
        if content_type.startswith(_TEXT_TYPES) or b"+json" in content_type:
            body = await _read(receive, limit)
            _check_text(body, content_type)
            return _replay(body, receive)
        return _count(receive, limit)


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client went away
            return b"".join(chunks)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _count(receive: Receive, limit: int) -> Receive:
    size = 0

    async def count() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _too_large(limit)
        return message

    return count


def check_sender(headers: Mapping[bytes, bytes]) -> None:
    """Raises Problem (403) when the browser says that another site's page sent this request.

    A browser too old to say so is let through: a form that acts on somebody's authority has its token beside this.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        ours = site in _OURS
    else:
        origin = headers.get(b"origin", _NO_ORIGIN)
        ours = origin == _NO_ORIGIN or origin.partition(b"://")[2] == headers.get(b"host")
    if not ours:
        raise Problem(
            403,
            "not_our_page",
            "这个请求不是从本站页面发出的，没有处理。请从本站页面重新操作。",
            "This did not come from a page of this site, and nothing was done. Please start from our page.",
        )


def _check_url(scope: Scope) -> None:
    if b"%00" in scope["query_string"] or "\x00" in scope["path"]:
        raise _unstorable()


def _check_text(body: bytes, content_type: bytes) -> None:
    """NUL and lone surrogates have no place in a PostgreSQL text or in UTF-8."""
    if content_type.startswith(_TEXT_TYPES[1]):
        if b"%00" in body and b"\x00" in unquote_to_bytes(body):
            raise _unstorable()
        return
    if b"\\u0000" not in body and b"\\ud" not in body and b"\\uD" not in body:
        return
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return  # told to the caller where the body is parsed
    if _has_unstorable(content):
        raise _unstorable()


def _has_unstorable(content: Any) -> bool:
    pending = [content]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if "\x00" in item or any("\ud800" <= char <= "\udfff" for char in item):
                return True
        elif isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        "too_large",
        f"内容超过 {limit // 1024} KB 的上限，请减小后重发。",
        f"The body is larger than {limit // 1024} KB. Send less.",
        limit_bytes=limit,
    )


def _unstorable() -> Problem:
    return Problem(
        400,
        "unstorable_character",
        "内容含有无法保存的控制字符（如 NUL），请删除后重发。",
        "The request holds characters that can't be stored (such as NUL). Remove them and send again.",
    )


async def _answer(problem: Problem, headers: dict[bytes, bytes], scope: Scope, receive: Receive, send: Send) -> None:
    language = choose_lang(headers.get(b"accept-language", b"").decode("latin-1"))
    response = problem.response(language)
    if problem.status == 413:
        response.headers["Connection"] = "close"  # the rest of the body is not read
    await response(scope, receive, send)
