"""The headers of every answer: nothing is framed, sniffed, kept or told on. What an answer sets itself stays."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_YEAR_SECONDS = 365 * 24 * 3600
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Of pages: our own files and nothing inline."""
_DATA_POLICY = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
HEADERS: dict[str, str] = {
    "Content-Security-Policy": _DATA_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
STRICT_TRANSPORT = {"Strict-Transport-Security": f"max-age={_YEAR_SECONDS}"}
"""Only where people reach us over https: browsers ignore it elsewhere."""


class AnswerHeaders:
    """Pure ASGI, around everything, the handler of unexpected errors included. Adds the headers an answer lacks."""

    def __init__(self, app: ASGIApp, *, over_https: bool) -> None:
        self._app = app
        wanted = {**HEADERS, **(STRICT_TRANSPORT if over_https else {})}
        self._wanted = tuple((name.lower().encode(), value.encode()) for name, value in wanted.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                message["headers"] = [*given, *(pair for pair in self._wanted if pair[0] not in names)]
            await send(message)

        await self._app(scope, receive, complete)
