"""Plain forms: who is behind the browser (sealed cookies), that our own page sent it, and its fields and files."""

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from services.chassis.crypto import Keyring, SealBroken
from services.chassis.guard import check_sender
from services.chassis.problems import Problem

FORM_TOKEN = "form_token"
"""The name of the hidden field that proves a form to be ours."""


@dataclass(frozen=True)
class Session:
    """What a sealed cookie holds. `form_token` goes into every form that acts on its authority."""

    values: Mapping[str, str]
    form_token: str

    def gave(self, token: object) -> bool:
        """True for the token of a form that was made for this session."""
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.form_token.encode())


class SealedCookie:
    """A cookie that only we can read or make: encrypted, bound to its name, with an end of its own.

    SameSite=Strict and HttpOnly: no other site's page sends it, no script reads it. It lasts until the browser closes,
    and for `seconds` after it was last written. `samesite` is lax for what must be there when another site leads back.
    """

    def __init__(
        self,
        keyring: Keyring,
        name: str,
        *,
        seconds: int,
        secure: bool,
        samesite: Literal["strict", "lax"] = "strict",
    ) -> None:
        self._samesite = samesite
        self._keyring = keyring
        self._name = name
        self._seconds = seconds
        self._secure = secure

    def read(self, request: Request) -> Session | None:
        """What the browser brought; None when there is nothing, it has ended, or it is not ours."""
        try:
            blob = base64.urlsafe_b64decode(request.cookies.get(self._name, ""))
            content = json.loads(self._keyring.decrypt(blob, self._aad()))
        except (SealBroken, binascii.Error, ValueError):
            return None
        if content["end"] < time.time():
            return None
        return Session(content["values"], content["form_token"])

    def write(self, response: Response, values: Mapping[str, str], form_token: str | None = None) -> None:
        """Give the browser the cookie. Pass the session's `form_token` on to prolong it: its open forms stay valid."""
        content = {
            "values": dict(values),
            "form_token": form_token or secrets.token_urlsafe(24),
            "end": int(time.time()) + self._seconds,
        }
        sealed = self._keyring.encrypt(json.dumps(content).encode(), self._aad())
        text = base64.urlsafe_b64encode(sealed).decode()
        response.set_cookie(self._name, text, path="/", httponly=True, secure=self._secure, samesite=self._samesite)

    def clear(self, response: Response) -> None:
        """Take it away."""
        response.delete_cookie(self._name, path="/", httponly=True, secure=self._secure, samesite=self._samesite)

    def _aad(self) -> bytes:
        return f"huiyin/cookie/{self._name}".encode()


def check_own_page(request: Request) -> None:
    """Raises Problem (403) as `guard.check_sender`, which every request to a page has passed already."""
    check_sender(dict(request.scope["headers"]))


def check_form(request: Request, session: Session, token: object) -> None:
    """As `check_own_page`, and raises Problem (403) when the form is not of this session."""
    check_own_page(request)
    if not session.gave(token):
        raise Problem(
            403,
            "form_expired",
            "页面已过期，没有处理。请刷新页面后重新操作。",
            "This page is out of date, and nothing was done. Reload it and try again.",
        )


def in_memory(limit: int) -> type[MultiPartParser]:
    """A parser of multipart forms that writes no upload to a temporary file: what people send is on our disk sealed,
    or not at all. `limit`: bytes of the largest body that can reach it."""

    class InMemory(MultiPartParser):
        spool_max_size = limit

    return InMemory


@asynccontextmanager
async def form_of(
    request: Request,
    *,
    limit: int,
    max_files: int = 0,
    max_fields: int = 100,
    parser: type[MultiPartParser] | None = None,
) -> AsyncIterator[FormData]:
    """The request's form, urlencoded or multipart, its files in memory (or where `parser` has them) until the block
    ends.

    Raises Problem (400) when it is none, or has more parts than a page of ours sends.
    """
    multipart = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    try:
        if multipart:
            reading = (parser or in_memory(limit))(
                request.headers, request.stream(), max_files=max_files, max_fields=max_fields
            )
            form = await reading.parse()
        else:
            form = await request.form(max_files=0, max_fields=max_fields)
    except (MultiPartException, ClientDisconnect, KeyError, UnicodeDecodeError):
        raise Problem(
            400,
            "not_a_form",
            "表单内容无法读取，没有处理。请返回重新提交。",
            "The form can't be read, and nothing was done. Go back and send it again.",
        ) from None
    try:
        yield form
    finally:
        await form.close()
