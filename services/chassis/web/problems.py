"""Errors for people: where a browser asked for a page, a problem (RFC 9457) becomes one."""

import json
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.problems import MEDIA_TYPE
from services.chassis.web.pages import Pages, page_lang

_UNEXPECTED = {
    "zh": {"title": "系统内部错误", "detail": "系统出错，已记录。请稍后重试。"},
    "en": {"title": "Internal error", "detail": "Something went wrong and was recorded. Please try again later."},
}


class ProblemPages:
    """Pure ASGI, outermost. Programs, and whatever asks under `/v1/`, get the problem as it is.

    What a browser asks for is asked in the page's language: `Accept-Language` is what the reader chose.
    """

    def __init__(self, app: ASGIApp, *, pages: Pages, template: str = "chassis/problem.html") -> None:
        self.app = app
        self._pages = pages
        self._template = template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _wants_page(scope):
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(send)
        scope = {**scope, "headers": _in_language(scope)}
        try:
            await self.app(scope, receive, exchange.send)
        except Exception:
            if not exchange.started:  # the application's own handler records it, and then finds it answered
                texts = _UNEXPECTED[page_lang(Request(scope))]
                await self._answer({**texts, "status": 500}, {}, scope, receive, send)
            raise
        if exchange.held is not None:
            kept = {name: value for name, value in exchange.held["headers"] if name in (b"retry-after", b"connection")}
            await self._answer(json.loads(exchange.body), kept, scope, receive, send)

    async def _answer(
        self, problem: dict[str, Any], headers: dict[bytes, bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = Request(scope)
        page = self._pages.answer(request, self._template, problem["status"], problem=problem)
        for name, value in headers.items():
            page.headers[name.decode("latin-1")] = value.decode("latin-1")
        await page(scope, receive, send)


class _Exchange:
    """Passes an answer on as it comes, but holds a problem back."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.held: Message | None = None
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if dict(message["headers"]).get(b"content-type", b"").startswith(MEDIA_TYPE.encode()):
                self.held = message
                return
        elif self.held is not None:
            self.body += message.get("body", b"")
            return
        await self._send(message)


def _wants_page(scope: Scope) -> bool:
    if scope["path"].startswith("/v1/"):
        return False
    headers = dict(scope["headers"])
    return b"text/html" in headers.get(b"accept", b"") or b"hx-request" in headers


def _in_language(scope: Scope) -> list[tuple[bytes, bytes]]:
    language = page_lang(Request(scope))
    kept = [(name, value) for name, value in scope["headers"] if name != b"accept-language"]
    return [*kept, (b"accept-language", language.encode())]
